#include "models/tokenizer/bpe.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "harness/base/random.h"
#include "tests/support/test_data.h"

namespace hylo::models {
namespace {

using Ids = std::vector<int32_t>;

/// Letters a to d, and tokens that merges make of them; some merges make shorter ones late.
BpeModel letters() {
  BpeModel model;
  const std::vector<std::string> tokens{"a",   "b",    "c",  "d",   "ab",   "aa",
                                        "abc", "aaaa", "cd", "bcd", "abcd", "dd"};
  for (const auto& token : tokens) model.vocabulary.add(token, model.vocabulary.end_id());
  model.merges = {{"abc", "d"}, {"a", "b"},  {"aa", "aa"}, {"c", "d"},
                  {"a", "a"},   {"b", "cd"}, {"ab", "c"},  {"d", "d"}};
  return model;
}

/// The definition: the pair of lowest rank, the leftmost of these, again and again.
std::vector<std::string> merged_by_definition(const BpeModel& model, const std::string& text) {
  std::vector<std::string> parts;
  for (const char c : text) parts.emplace_back(1, c);
  for (;;) {
    size_t best_rank = model.merges.size(), best = 0;
    for (size_t i = 0; i + 1 < parts.size(); ++i) {
      for (size_t rank = 0; rank < best_rank; ++rank) {
        if (model.merges[rank] == std::pair(parts[i], parts[i + 1])) {
          best_rank = rank;
          best = i;
        }
      }
    }
    if (best_rank == model.merges.size()) return parts;
    parts[best] += parts[best + 1];
    parts.erase(parts.begin() + static_cast<std::ptrdiff_t>(best) + 1);
  }
}

TEST(Bpe, ShortAndLongPiecesFollowTheDefinition) {
  const BpeModel model = letters();
  const Bpe bpe(model, "test");
  PythonRandom random(3);
  for (int i = 0; i < 400; ++i) {
    std::string text;
    for (uint64_t n = random.randbelow(120) + 1; n > 0; --n) text += "aabcd"[random.randbelow(5)];
    Ids ids, expected;
    bpe.append_ids(text, ids);
    for (const auto& part : merged_by_definition(model, text))
      expected.push_back(*model.vocabulary.find(part));
    ASSERT_EQ(ids, expected) << text;
  }
}

TEST(Bpe, AMegabyteOfOneLetterIsMerged) {
  const Bpe bpe(letters(), "test");
  Ids ids;
  bpe.append_ids(std::string(1 << 20, 'a'), ids);
  EXPECT_EQ(ids, Ids(1 << 18, 7));
}

TEST(Bpe, WordsOfAMarkedTextCanBeEncodedOneByOne) {
  EXPECT_EQ(end_of_marked_word("ab\u2581c"), 2U);
  EXPECT_EQ(end_of_marked_word("\u2581\u2581ab\u2581c"), 8U);
  EXPECT_EQ(end_of_marked_word("\u2581"), 3U);
  EXPECT_EQ(end_of_marked_word(""), 0U);
  EXPECT_FALSE(Bpe(letters(), "test").cuts_at_marks());
}

TEST(Bpe, AMergeOverAMarkForbidsThat) {
  BpeModel model;
  for (const char* token : {"a", "\u2581", "\u2581a", "a\u2581"}) {
    model.vocabulary.add(token, model.vocabulary.end_id());
  }
  model.merges = {{"\u2581", "a"}};
  EXPECT_TRUE(Bpe(model, "test").cuts_at_marks());
  model.merges.emplace_back("a", "\u2581");
  EXPECT_FALSE(Bpe(model, "test").cuts_at_marks());
}

TEST(Bpe, SpellsBytesInGpt2sAlphabet) {
  EXPECT_EQ(byte_level_spelling(" a\n"), "\u0120a\u010A");
  EXPECT_EQ(byte_level_bytes("\u0120a\u010A"), " a\n");
  EXPECT_EQ(byte_level_bytes("a b"), std::nullopt);
  std::string every_byte;
  for (int byte = 0; byte < 256; ++byte) every_byte += static_cast<char>(byte);
  EXPECT_EQ(byte_level_bytes(byte_level_spelling(every_byte)), every_byte);
}

TEST(Vocabulary, RefusesWhatContradictsItself) {
  Vocabulary vocabulary;
  vocabulary.add("a", 5);
  using testing::HasSubstr;
  EXPECT_THAT(tests::error_of([&] { vocabulary.add("a", 6); }),
              HasSubstr("'a' has two ids, 5 and 6"));
  EXPECT_THAT(tests::error_of([&] { vocabulary.add("b", 5); }), HasSubstr("have one id, 5"));
  EXPECT_THAT(tests::error_of([&] { vocabulary.add("c", -1); }), HasSubstr("has id -1"));
  EXPECT_THAT(tests::error_of([&] { vocabulary.add("c", int64_t{1} << 40); }),
              HasSubstr("expected 0 to"));
  EXPECT_EQ(vocabulary.find("a"), 5);
  EXPECT_EQ(vocabulary.find("b"), std::nullopt);
  EXPECT_FALSE(vocabulary.has(4));
}

}  // namespace
}  // namespace hylo::models
