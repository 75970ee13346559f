#include "tasks/stories/story_openings.h"

#include <utility>

#include "harness/base/files.h"

namespace hylo::tasks {
namespace {

/// With this seed no opening occurs twice. Another seed is another suite and needs another version.
constexpr uint64_t seed = 1171;

template <class T>
const T& draw(const std::vector<T>& items, CounterRandom& random) {
  return items[random.below(items.size())];
}

/// Two different people of the first list, one of the second.
Json draw_people(const std::vector<Json>& same, const std::vector<Json>& others,
                 CounterRandom& random) {
  const size_t hero = random.below(same.size());
  const size_t friend_index = (hero + 1 + random.below(same.size() - 1)) % same.size();
  return {{"hero", same[hero]}, {"friend", same[friend_index]}, {"other", draw(others, random)}};
}

Json draw_fields(const StoryGrammar& grammar, CounterRandom& random) {
  const bool is_girl = random.below(2) == 0;
  Json fields = is_girl ? draw_people(grammar.girls, grammar.boys, random)
                        : draw_people(grammar.boys, grammar.girls, random);
  for (const auto& [name, words] : grammar.lists) fields[name] = draw(words, random);
  return fields;
}

std::vector<Document> all_openings() {
  const auto grammar = read_story_grammar(shipped_file("tasks/stories/story_grammar.json"));
  std::vector<Document> documents;
  for (int64_t i = 0; i < num_story_openings; ++i) documents.push_back(story_opening(grammar, i));
  return documents;
}

}  // namespace

ChoiceSuite story_openings() {
  return {
      .row = {.name = "story_openings",
              .version = "1.0",
              .description = "which continuation of a simple story makes sense; needs no download",
              .prompt_file = "hylo.json",
              .prompt = "story_openings",
              .dataset = {},
              .split = "generated",
              .fewshot_split = {}},
      .topic = {},
      .hooks = {.generate = all_openings}};
}

Document story_opening(const StoryGrammar& grammar, int64_t index) {
  const auto number = static_cast<uint64_t>(index);
  CounterRandom random(CounterRandom(seed, number).next());
  const auto frame_number = number % grammar.frames.size();
  const auto& frame = grammar.frames[frame_number];
  const Json fields = draw_fields(grammar, random);
  const auto sensible = frame.sensible.render(fields);
  const auto broken =
      frame.broken ? frame.broken->render(fields) : with_words_moved(sensible, random);
  std::vector<std::string> choices{sensible, broken};
  const size_t answer = random.below(choices.size());
  std::swap(choices[0], choices[answer]);
  return {index,
          {{"opening", frame.opening.render(fields)},
           {"choices", choices},
           {"answer", answer},
           {"kind", frame.kind},
           {"frame", std::to_string(frame_number)}}};
}

}  // namespace hylo::tasks
