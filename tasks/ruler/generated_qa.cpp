#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>

#include "harness/base/random.h"
#include "tasks/ruler/generated_sources.h"
#include "tasks/ruler/word_maker.h"

namespace hylo::tasks::ruler {
namespace {

constexpr uint64_t squad_key = 0x7371756164;       // "squad"
constexpr uint64_t hotpotqa_key = 0x686f74706f74;  // "hotpot"
constexpr int num_articles = 240;
constexpr int people_of_article = 5;
constexpr int num_two_hop_questions = 600;
constexpr int pairs_of_question = 5;  // a person and a town each: ten paragraphs

// No trade is part of another one's name: an answer is looked for as a piece of text.
constexpr std::array<std::string_view, 24> trades{
    "baker",  "carpenter", "weaver",   "painter", "miller",     "tailor", "gardener",  "teacher",
    "doctor", "fisher",    "shepherd", "printer", "clockmaker", "mason",  "singer",    "beekeeper",
    "driver", "nurse",     "lawyer",   "potter",  "saddler",    "sailor", "librarian", "cook"};
constexpr std::array<std::string_view, 12> animals{"goat",   "dog", "heron", "donkey",
                                                   "crow",   "fox", "goose", "hare",
                                                   "parrot", "owl", "otter", "tortoise"};
constexpr std::array<std::string_view, 7> days{"Monday", "Tuesday",  "Wednesday", "Thursday",
                                               "Friday", "Saturday", "Sunday"};
constexpr std::array<std::string_view, 8> instruments{"violin",  "drum",      "flute", "harp",
                                                      "trumpet", "accordion", "cello", "guitar"};

template <size_t n>
std::string_view draw(const std::array<std::string_view, n>& texts, CounterRandom& random) {
  return texts[random.below(n)];
}

uint64_t draw_year(CounterRandom& random) { return 1800 + random.below(200); }

/// A document with the questions that it answers, before documents have their places.
struct Written {
  std::string document;
  std::vector<Question> questions;
};

Question question(std::string text, std::string answer, const std::string& article) {
  return {.text = std::move(text),
          .answers = {std::move(answer)},
          .golden = {},
          .related = {},
          .article = article,
          .has_answer_document = true};
}

/// What is told of one person of a town.
Written portrait(const std::string& town, WordMaker& names, CounterRandom& random) {
  const auto person = names.name(2) + " " + names.name(2, "er");
  const auto birthplace = names.name(2, "by");
  const auto teacher = names.name(2) + " " + names.name(2, "son");
  const auto trade = draw(trades, random);
  const auto year = draw_year(random);
  Written made;
  made.document = fmt::format(
      "{0} is the {1} of {2}, though the family came from {3}, where {0} was born. At the age of "
      "{4} years {0} was sent to {5}, who taught the trade slowly and asked for no money. In {6} "
      "the workshop beside the old gate was opened, and half of {2} came to look at it. On free "
      "evenings {0} plays the {7} and talks to a {8} that came with the house. Visitors are told "
      "that good work needs daylight, a clean table and a neighbour who does not talk too much.",
      person, trade, town, birthplace, 10 + random.below(9), teacher, year,
      draw(instruments, random), draw(animals, random));
  made.questions = {
      question(fmt::format("What is the trade of {}?", person), std::string(trade), town),
      question(fmt::format("In which place was {} born?", person), birthplace, town),
      question(fmt::format("Who taught {} the trade?", person), teacher, town),
      question(fmt::format("In which year was the workshop of {} opened?", person),
               std::to_string(year), town)};
  return made;
}

/// Sorts the documents and turns places in `written` into places among the sorted ones.
QaSet in_order(std::vector<std::string> written, std::vector<Question> questions) {
  QaSet set{.documents = written, .questions = std::move(questions)};
  std::ranges::sort(set.documents);
  std::map<std::string_view, size_t> places;
  for (size_t i = 0; i < set.documents.size(); ++i) places[set.documents[i]] = i;
  invariant(places.size() == written.size(), "a generated document occurs twice");
  for (auto& asked : set.questions) {
    for (auto* list : {&asked.golden, &asked.supporting, &asked.related}) {
      for (size_t& place : *list) place = places.at(written[place]);
    }
  }
  return set;
}

struct Town {
  std::string name, river, mayor;
  uint64_t year = 0;
  std::string_view market_day;
};

std::string told(const Town& town, CounterRandom& random) {
  return fmt::format(
      "{0}\n{0} is a small town on the river {1}. It was founded in {2} by {3} families who had "
      "lost their land to a flood. The market is held on {4}, when boats come up the {1} with "
      "salt and cloth. The mayor of {0} is {5}, who lives above the school and winds the clock of "
      "the tower.",
      town.name, town.river, town.year, 3 + random.below(30), town.market_day, town.mayor);
}

std::string told(const std::string& person, const Town& town, CounterRandom& random) {
  return fmt::format(
      "{0}\n{0} is a {1} who was born in {2} and left it only twice. {0} owns a {3}, plays the "
      "{4} badly and has written a short book about the weather. The book was printed in {5}.",
      person, draw(trades, random), town.name, draw(animals, random), draw(instruments, random),
      draw_year(random));
}

Question two_hops(const std::string& person, const Town& town, uint64_t kind) {
  const auto asked = [&](std::string_view start, std::string answer) {
    return question(fmt::format("{} of the town where {} was born?", start, person),
                    std::move(answer), person);
  };
  switch (kind) {
    case 0:
      return asked("What is the name of the river", town.river);
    case 1:
      return asked("Who is the mayor", town.mayor);
    case 2:
      return asked("What is the year of the founding", std::to_string(town.year));
    default:
      return asked("What is the market day", std::string(town.market_day));
  }
}

}  // namespace

QaSet generated_squad() {
  WordMaker names(squad_key);
  CounterRandom random(squad_key);
  std::vector<std::string> documents;
  std::vector<Question> questions;
  for (int a = 0; a < num_articles; ++a) {
    const auto town = names.name(2, "ton");
    const size_t first = documents.size();
    for (size_t p = first; p < first + people_of_article; ++p) {
      auto written = portrait(town, names, random);
      documents.push_back(std::move(written.document));
      for (auto& asked : written.questions) {
        asked.golden = {p};
        asked.supporting = {p};
        for (size_t other = first; other < first + people_of_article; ++other) {
          if (other != p) asked.related.push_back(other);
        }
        questions.push_back(std::move(asked));
      }
    }
  }
  return in_order(std::move(documents), std::move(questions));
}

QaSet generated_hotpotqa() {
  WordMaker names(hotpotqa_key);
  CounterRandom random(hotpotqa_key);
  std::vector<std::string> documents;
  std::vector<Question> questions;
  for (int q = 0; q < num_two_hop_questions; ++q) {
    std::vector<size_t> golden;
    for (int i = 0; i < pairs_of_question; ++i) {
      const Town town{.name = names.name(2, "ham"),
                      .river = names.name(2),
                      .mayor = names.name(2) + " " + names.name(2, "son"),
                      .year = draw_year(random),
                      .market_day = draw(days, random)};
      const auto person = names.name(2) + " " + names.name(2, "er");
      golden.insert(golden.end(), {documents.size(), documents.size() + 1});
      documents.push_back(told(person, town, random));
      documents.push_back(told(town, random));
      if (i == 0) questions.push_back(two_hops(person, town, random.below(4)));
    }
    questions.back().golden = golden;
    questions.back().supporting = {golden[1], golden[0]};  // what is asked for is told of the town
  }
  return in_order(std::move(documents), std::move(questions));
}

}  // namespace hylo::tasks::ruler
