#include <algorithm>
#include <array>
#include <span>

#include "harness/base/random.h"
#include "tasks/ruler/generated_sources.h"
#include "tasks/ruler/word_maker.h"

namespace hylo::tasks::ruler {
namespace {

using Texts = std::span<const std::string_view>;

constexpr uint64_t essay_key = 0x6573736179;  // "essay"
constexpr int num_sentences = 8'000;

constexpr std::array<std::string_view, 36> frames{
    "{Time} the {trade} walked from {town} to the {place} with a {quality} {thing}.",
    "It is hard to say why a {quality} {thing} should matter more than a {quality} {thing}.",
    "{name} had kept the {thing} in a box since the {season} when the {place} was closed.",
    "Nobody in {town} believed that the {trade} could mend a {thing} in one day.",
    "There was {weather} over the {place}, and the {animal} stayed where it was.",
    "When people speak of {idea}, they often mean nothing more than {idea}.",
    "{name} and {name} agreed that the {place} needed a new {thing}.",
    "The {animal} crossed the road before {name} could call the {trade}.",
    "A {trade} learns more from one {quality} {thing} than from a year of {idea}.",
    "{Time} there was {weather}, so the market of {town} began late.",
    "What the {trade} wanted was {idea}, and what the {trade} got was a {quality} {thing}.",
    "They carried the {thing} across the {place} and set it down beside the {animal}.",
    "In {town} the {season} is short, and the {place} smells of bread and rain.",
    "{name} wrote three letters about {idea} and sent none of them.",
    "The old {thing} was {quality}, but it had never been for sale.",
    "If you ask a {trade} about {idea}, you will hear a story about a {animal}.",
    "{Time} {name} opened the door of the {place} and found only a {thing}.",
    "Most of the work in the {place} is done before anyone in {town} is awake.",
    "The {trade} told {name} that a {quality} {thing} is worth two that shine.",
    "It took {name} the whole {season} to count every {thing} in the {place}.",
    "Some roads to {town} are steep, and the {animal} knows the better one.",
    "{name} said that {idea} begins where {idea} ends, and then said no more.",
    "The children of {town} painted the {thing} in four colours.",
    "During the {season} a {trade} may sleep in the {place} without asking.",
    "We remember the {weather} of that year better than the {trade} who measured it.",
    "Behind the {place} lay a garden where {name} grew beans and a {quality} rose.",
    "Without {idea} even a {quality} {trade} gives up after the first {season}.",
    "The {animal} of the {trade} was {quality}, which surprised {name}.",
    "{Time} somebody moved the {thing} from the {place} to the bridge.",
    "There are two ways to carry a {thing}, and {name} knew a third.",
    "For a long time {town} had no {trade}, and then it had five.",
    "The people at the {place} listened to {name}, though {weather} made it hard to hear.",
    "A {quality} answer is often only a question about {idea} in better clothes.",
    "{name} sold the {thing} to a {trade} and bought a {animal} the same day.",
    "Every {season} the {place} of {town} gets a new roof and keeps its old {thing}.",
    "The {trade} laughed, put the {thing} on the table and spoke of {idea}."};

constexpr std::array<std::string_view, 12> times{
    "In the morning", "Late in the evening", "One day",         "A week later",
    "Before noon",    "After the harvest",   "On the last day", "Early that year",
    "At midnight",    "Not long ago",        "Once in a while", "During the feast"};
constexpr std::array<std::string_view, 24> trades{
    "baker",  "carpenter", "weaver",   "painter", "miller",     "tailor", "gardener",  "teacher",
    "doctor", "fisher",    "shepherd", "printer", "clockmaker", "mason",  "singer",    "farmer",
    "driver", "nurse",     "lawyer",   "potter",  "smith",      "sailor", "librarian", "cook"};
constexpr std::array<std::string_view, 20> places{
    "harbour", "station", "library", "mill",    "market", "school", "workshop",
    "tower",   "garden",  "bakery",  "bridge",  "chapel", "forest", "theatre",
    "museum",  "kitchen", "quarry",  "orchard", "barn",   "square"};
constexpr std::array<std::string_view, 28> things{
    "lamp",    "ladder", "kettle", "clock",  "basket", "mirror",  "hammer",
    "book",    "violin", "wheel",  "letter", "bell",   "map",     "coat",
    "lantern", "table",  "window", "needle", "bottle", "blanket", "saddle",
    "key",     "drum",   "pencil", "rope",   "spoon",  "stove",   "bucket"};
constexpr std::array<std::string_view, 20> qualities{
    "heavy",  "plain",   "bright", "crooked", "patient", "cheap", "narrow",
    "gentle", "rusty",   "honest", "silent",  "round",   "quick", "broken",
    "clean",  "curious", "warm",   "strange", "small",   "useful"};
constexpr std::array<std::string_view, 14> animals{"horse",  "goat", "dog",   "heron", "cat",
                                                   "donkey", "crow", "fox",   "goose", "hare",
                                                   "mule",   "owl",  "sheep", "otter"};
constexpr std::array<std::string_view, 4> seasons{"spring", "summer", "autumn", "winter"};
constexpr std::array<std::string_view, 10> weathers{
    "fog",     "a light rain", "a strong wind", "thick snow", "a clear sky",
    "thunder", "frost",        "a warm haze",   "hail",       "drizzle"};
constexpr std::array<std::string_view, 20> ideas{
    "patience", "courage", "luck",      "memory",   "justice",  "trade",  "silence",
    "honesty",  "hunger",  "habit",     "kindness", "ambition", "doubt",  "freedom",
    "skill",    "thrift",  "curiosity", "duty",     "rest",     "fashion"};

/// People and towns of the essay.
struct Names {
  std::vector<std::string> people, towns;
  Names() {
    WordMaker maker(essay_key);
    for (int i = 0; i < 300; ++i) people.push_back(maker.name(2));
    for (int i = 0; i < 150; ++i) towns.push_back(maker.name(2, "ton"));
  }
};

std::string_view draw(Texts texts, CounterRandom& random) {
  return texts[random.below(texts.size())];
}

std::string_view draw_for(std::string_view place, const Names& names, CounterRandom& random) {
  if (place == "name") return names.people[random.below(names.people.size())];
  if (place == "town") return names.towns[random.below(names.towns.size())];
  if (place == "Time") return draw(times, random);
  if (place == "trade") return draw(trades, random);
  if (place == "place") return draw(places, random);
  if (place == "thing") return draw(things, random);
  if (place == "quality") return draw(qualities, random);
  if (place == "animal") return draw(animals, random);
  if (place == "season") return draw(seasons, random);
  if (place == "weather") return draw(weathers, random);
  invariant(place == "idea", "the essay has no list of {}", place);
  return draw(ideas, random);
}

std::string sentence(const Names& names, CounterRandom& random) {
  std::string made;
  std::string_view rest = draw(frames, random);
  while (true) {
    const size_t open = rest.find('{');
    made += rest.substr(0, open);
    if (open == std::string_view::npos) return made;
    const size_t close = rest.find('}', open);
    made += draw_for(rest.substr(open + 1, close - open - 1), names, random);
    rest = rest.substr(close + 1);
  }
}

}  // namespace

std::string generated_essay() {
  const Names names;
  CounterRandom random(essay_key);
  std::string essay;
  int left_in_paragraph = 0;
  for (int i = 0; i < num_sentences; ++i) {
    if (i > 0) essay += left_in_paragraph > 0 ? " " : "\n\n";
    if (left_in_paragraph == 0) left_in_paragraph = 3 + static_cast<int>(random.below(6));
    essay += sentence(names, random);
    --left_in_paragraph;
  }
  return essay;
}

}  // namespace hylo::tasks::ruler
