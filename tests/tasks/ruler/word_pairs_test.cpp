#include "tasks/ruler/word_pairs.h"

#include <gmock/gmock.h>

#include "harness/base/files.h"
#include "harness/base/hash.h"
#include "harness/base/json.h"
#include "harness/base/random.h"
#include "harness/base/unicode.h"
#include "tests/support/test_data.h"

namespace hylo::tasks::ruler {
namespace {

using hylo::tests::error_of;
using testing::ElementsAre;
using testing::HasSubstr;

std::vector<std::string> all_of(const WordPairs& pairs) {
  std::vector<std::string> all;
  for (size_t i = 0; i < pairs.size(); ++i) all.push_back(pairs.at(i));
  return all;
}

TEST(RulerWordPairs, AreSortedWithoutRepetition) {
  const WordPairs pairs({.nouns = {"b", "a", "b"}, .adjectives = {"y", "x"}, .verbs = {}});
  EXPECT_THAT(all_of(pairs), ElementsAre("x-a", "x-b", "y-a", "y-b"));
}

// "well" + "-groomed-x" is "well-groomed" + "-x": one pair.
TEST(RulerWordPairs, AdjectivesThatBeginAlikeInterleave) {
  const WordPairs pairs({.nouns = {"groomed-x", "x", "a"},
                         .adjectives = {"well-groomed", "well", "wel"},
                         .verbs = {}});
  EXPECT_THAT(all_of(pairs),
              ElementsAre("wel-a", "wel-groomed-x", "wel-x", "well-a", "well-groomed-a",
                          "well-groomed-groomed-x", "well-groomed-x", "well-x"));
}

TEST(RulerWordPairs, AnEmptyListIsNamed) {
  EXPECT_THAT(error_of([] { const WordPairs pairs({.nouns = {}, .adjectives = {"a"}}); }),
              HasSubstr("expected nouns and adjectives, found 0 and 1"));
}

class RulerWordsGoldens : public testing::Test {
 protected:
  void SetUp() override {
    const auto file = hylo::tests::golden("ruler-goldens/random_vectors.json");
    const auto folder = hylo::tests::data("ruler-wonderwords");
    if (!file || !folder) {
      GTEST_SKIP() << hylo::tests::skip_reason("HYLO_TEST_DATA", "ruler-wonderwords");
    }
    expected_ = read_json_file(*file).at("words");
    words_ = {.nouns = list(*folder / "nounlist.txt"),
              .adjectives = list(*folder / "adjectivelist.txt"),
              .verbs = list(*folder / "verblist.txt")};
  }
  static std::vector<std::string> list(const std::filesystem::path& file) {
    const auto text = read_text_file(file);
    std::vector<std::string> words;
    for (const auto line : lines_of(text)) words.emplace_back(python_rstrip(line));
    return words;
  }
  Json expected_;
  Words words_;
};

TEST_F(RulerWordsGoldens, SixMillionPairsAreThoseOfTheReferenceInItsOrder) {
  const auto& expected = expected_.at("pairs");
  const WordPairs pairs(words_);
  ASSERT_EQ(pairs.size(), expected.at("count").get<size_t>());
  Sha256 sha256;
  for (size_t i = 0; i < pairs.size(); ++i) sha256.update((i ? "\n" : "") + pairs.at(i));
  EXPECT_EQ(sha256.hex(), expected.at("sha256"));
  PythonRandom random(42);
  for (const auto& value : expected.at("values")) {
    EXPECT_EQ(pairs.at(random.randbelow(pairs.size())), value);
  }
}

TEST_F(RulerWordsGoldens, TheShuffledVocabularyIsThatOfTheReference) {
  const auto& expected = expected_.at("cwe_vocabulary");
  auto words = all_words(words_);
  PythonRandom(42).shuffle(words);
  ASSERT_EQ(words.size(), expected.at("count").get<size_t>());
  Sha256 sha256;
  for (size_t i = 0; i < words.size(); ++i) sha256.update((i ? "\n" : "") + words[i]);
  EXPECT_EQ(sha256.hex(), expected.at("sha256"));
}

}  // namespace
}  // namespace hylo::tasks::ruler
