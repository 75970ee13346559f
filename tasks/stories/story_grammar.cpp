#include "tasks/stories/story_grammar.h"

#include <fmt/ranges.h>

#include <algorithm>

#include "harness/base/unicode.h"

namespace hylo::tasks {
namespace {

std::vector<Json> people_of(const std::vector<std::string>& names, const Json& words) {
  std::vector<Json> people;
  for (const auto& name : names) {
    people.push_back(words);
    people.back()["name"] = name;
  }
  return people;
}

std::vector<Json> read_people(JsonReader& file, std::string_view key) {
  JsonReader reader(file.at(key), file.path_of(key));
  const auto names = reader.get<std::vector<std::string>>("names");
  Json words;
  for (const char* word : {"child", "she", "her", "him"})
    words[word] = reader.get<std::string>(word);
  reader.done();
  require(names.size() >= 2, "{}: expected at least two names, found {}", reader.path_of("names"),
          names.size());
  return people_of(names, words);
}

StoryFrame read_frame(const Json& json, const std::string& path) {
  JsonReader reader(json, path);
  StoryFrame frame{.kind = reader.get<std::string>("kind"),
                   .opening = TextTemplate(reader.get<std::string>("opening")),
                   .sensible = TextTemplate(reader.get<std::string>("sensible")),
                   .broken = {}};
  if (reader.has("broken")) frame.broken.emplace(reader.get<std::string>("broken"));
  reader.done();
  return frame;
}

}  // namespace

StoryGrammar read_story_grammar(const std::filesystem::path& file) {
  const Json json = read_json_file(file);
  JsonReader reader(json, file.string());
  StoryGrammar grammar{.girls = read_people(reader, "girls"),
                       .boys = read_people(reader, "boys"),
                       .lists = {},
                       .frames = {}};
  for (const auto& [name, words] : reader.at("lists").items()) {
    require(words.is_array() && words.size() >= 2, "{}.{}: expected at least two words, found {}",
            reader.path_of("lists"), name, words.dump());
    grammar.lists.emplace_back(name, words.get<std::vector<std::string>>());
  }
  const Json& frames = reader.at("frames");
  for (size_t i = 0; i < frames.size(); ++i) {
    grammar.frames.push_back(
        read_frame(frames[i], fmt::format("{}[{}]", reader.path_of("frames"), i)));
  }
  reader.done();
  require(!grammar.frames.empty(), "{}: expected at least one, found none",
          reader.path_of("frames"));
  return grammar;
}

std::string with_words_moved(const std::string& text, CounterRandom& random) {
  const size_t last = text.find_last_not_of(".!?\"");
  require(last != std::string::npos, "'{}': expected words, found none", text);
  const auto words = split(std::string_view(text).substr(0, last + 1), ' ');
  require(std::ranges::any_of(words, [&](std::string_view word) { return word != words.front(); }),
          "'{}': expected words that differ", text);
  auto moved = words;
  while (moved.front() == words.front()) {
    for (size_t i = moved.size(); i-- > 1;) std::swap(moved[i], moved[random.below(i + 1)]);
  }
  return fmt::format("{}{}", fmt::join(moved, " "), std::string_view(text).substr(last + 1));
}

}  // namespace hylo::tasks
