// The texts that hylo makes itself.
#include "tasks/ruler/generated_sources.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <set>

#include "harness/base/hash.h"
#include "harness/base/unicode.h"
#include "tasks/ruler/punkt.h"
#include "tasks/ruler/text_pieces.h"

namespace hylo::tests {
namespace {

using namespace tasks::ruler;

TEST(GeneratedSources, NoWordIsThereTwice) {
  const auto words = generated_words();
  EXPECT_GE(words.adjectives.size(), 900U);
  EXPECT_GE(words.nouns.size(), 6'500U);
  EXPECT_GE(words.verbs.size(), 1'000U);
  std::set<std::string> all;
  size_t count = 0;
  for (const auto& list : {words.adjectives, words.nouns, words.verbs, generated_more_words()}) {
    all.insert(list.begin(), list.end());
    count += list.size();
  }
  EXPECT_EQ(all.size(), count);
}

// Sets name these texts by their revision alone: whoever changes a text changes the revision.
TEST(GeneratedSources, TheTextsOfARevisionAreFixed) {
  Sha256 hash;
  const auto words = generated_words();
  for (const auto& list : {words.adjectives, words.nouns, words.verbs, generated_more_words()}) {
    for (const auto& word : list) hash.update(word).update("\n");
  }
  hash.update(generated_essay());
  for (const auto& set : {generated_squad(), generated_hotpotqa()}) {
    for (const auto& document : set.documents) hash.update(document).update("\n");
    for (const auto& question : set.questions) hash.update(question.text + question.answers[0]);
  }
  EXPECT_EQ(generated_revision, "generated-1");
  EXPECT_EQ(hash.hex(), "812ebc82a807c25f0f40c129936caf22041c5a3cec680138d213748a949ad357");
}

TEST(GeneratedSources, TheEssayIsPlainSentencesThatSeldomRepeat) {
  const auto essay = generated_essay();
  EXPECT_GT(essay.size(), 400'000U);
  const auto sentences = Punkt::english().sentences(essay);
  EXPECT_EQ(sentences.size(), 8'000U);
  std::set<std::string> different;
  for (const auto [begin, end] : sentences) different.insert(essay.substr(begin, end - begin));
  EXPECT_GT(different.size(), 7'500U);
}

void expect_sound(const QaSet& set, size_t golden_per_question) {
  EXPECT_GE(set.questions.size(), 500U);
  EXPECT_TRUE(std::ranges::is_sorted(set.documents));
  EXPECT_EQ(std::ranges::adjacent_find(set.documents), set.documents.end());
  std::set<std::string> texts;
  for (const auto& question : set.questions) {
    EXPECT_TRUE(texts.insert(question.text).second) << question.text;
    ASSERT_EQ(question.golden.size(), golden_per_question);
    const auto has_answer = [&](size_t document) {
      return set.documents[document].find(question.answers.at(0)) != std::string::npos;
    };
    ASSERT_TRUE(question.has_answer_document);
    EXPECT_TRUE(has_answer(question.supporting.at(0))) << question.text;
    for (const size_t document : question.supporting) {
      EXPECT_EQ(std::ranges::count(question.golden, document), 1) << question.text;
    }
  }
}

TEST(GeneratedSources, AnswersStandInTheGoldenDocuments) {
  expect_sound(generated_squad(), 1);
  expect_sound(generated_hotpotqa(), 10);
}

/// "What is the trade of Marel Tovin?" -> "Marel Tovin": the last two words with a capital.
std::string person_of(const std::string& question) {
  const auto words = words_of(question);
  for (size_t i = words.size(); i-- > 1;) {
    const auto is_capital = [](std::string_view word) { return word[0] >= 'A' && word[0] <= 'Z'; };
    if (is_capital(words[i]) && is_capital(words[i - 1])) {
      return std::string(words[i - 1]) + " " +
             std::string(words[i].substr(0, words[i].find_first_of("?,")));
    }
  }
  return "";
}

TEST(GeneratedSources, APersonWhoIsAskedAboutIsInOneDocumentOnly) {
  for (const auto& set : {generated_squad(), generated_hotpotqa()}) {
    for (size_t i = 0; i < set.questions.size(); i += 37) {
      const auto person = person_of(set.questions[i].text);
      const auto told = [&](const std::string& document) {
        return document.find(person) != std::string::npos;
      };
      EXPECT_EQ(std::ranges::count_if(set.documents, told), 1) << person;
    }
  }
}

}  // namespace
}  // namespace hylo::tests
