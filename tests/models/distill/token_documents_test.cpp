#include "models/distill/token_documents.h"

#include <gmock/gmock.h>

#include <optional>

#include "harness/base/error.h"
#include "tests/support/test_data.h"

namespace hylo::models {
namespace {

using hylo::tests::error_of;
using hylo::tests::fixture;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

/// Lower-case letters are their number from 0 on; "ab" is one token of its own, 30.
class LetterTokenizer : public Tokenizer {
 public:
  LetterTokenizer() {
    info_.kind = "letters";
    info_.sha256 = "letters";
    info_.bos = 27;
    info_.eos = 28;
  }
  [[nodiscard]] const TokenizerInfo& info() const override { return info_; }
  TokenizerInfo& habits() { return info_; }
  [[nodiscard]] std::vector<int32_t> encode(std::string_view text, bool) const override {
    std::vector<int32_t> ids;
    for (size_t i = 0; i < text.size(); ++i) {
      require(text[i] >= 'A', "expected letters, found '{}'", text[i]);
      const bool is_pair = text.substr(i).starts_with("ab");
      ids.push_back(is_pair ? 30 : text[i] == '[' ? 27 : text[i] == ']' ? 28 : text[i] - 'a');
      i += is_pair ? 1 : 0;
    }
    return ids;
  }
  [[nodiscard]] TokenText text_of(int32_t) const override { return {}; }
  [[nodiscard]] DecodeRules decode_rules() const override { return {}; }
  [[nodiscard]] bool is_special(int32_t id) const override { return id == 27 || id == 28; }
  [[nodiscard]] std::optional<int32_t> id_of(std::string_view) const override { return {}; }

 private:
  TokenizerInfo info_;
};

/// "12 13*" for the token 12, which is not trained, and 13, which is.
std::string text_of(std::span<const TrainingToken> tokens) {
  std::string text;
  for (const auto token : tokens) {
    text +=
        fmt::format("{}{}{}", text.empty() ? "" : " ", token.id(), token.is_trained() ? "*" : "");
  }
  return text;
}

std::string tokens_of(std::vector<datasets::TextSpan> spans, const TokenizeOptions& options = {}) {
  const std::vector<datasets::TrainingDocument> documents = {{std::move(spans), "a.txt:1"}};
  const auto all = tokenized(documents, LetterTokenizer(), options);
  return all.size() == 1 ? text_of(all.at(0)) : "none";
}

TEST(TokenDocuments, ATokenKeepsItsIdAndItsMark) {
  EXPECT_EQ(TrainingToken(TrainingToken::max_id, true).id(), TrainingToken::max_id);
  EXPECT_TRUE(TrainingToken(0, true).is_trained());
  EXPECT_FALSE(TrainingToken(TrainingToken::max_id, false).is_trained());
  EXPECT_EQ(sizeof(TrainingToken), 4);
  EXPECT_THAT(error_of([] { TrainingToken(-1, true); }), HasSubstr("from 0 to 16777215, found -1"));
  EXPECT_THAT(error_of([] { TrainingToken(1 << 24, true); }), HasSubstr("found 16777216"));
}

TEST(TokenDocuments, DocumentsAreFoundWhereTheyWereAdded) {
  TokenDocuments documents("letters");
  documents.add(std::vector<int32_t>{1, 2, 3});
  documents.add(std::vector<int32_t>{4, 5});
  EXPECT_EQ(documents.size(), 2);
  EXPECT_EQ(documents.num_tokens(), 5);
  EXPECT_EQ(text_of(documents.at(0)), "1* 2* 3*");
  EXPECT_EQ(text_of(documents.at(1)), "4* 5*");
}

TEST(TokenDocuments, WhatTeachesNothingIsLeftOutAndCounted) {
  TokenDocuments documents("letters");
  documents.add(std::vector<int32_t>{});
  documents.add(std::vector<int32_t>{1});
  documents.add(std::vector<TrainingToken>{{1, true}, {2, false}});
  EXPECT_EQ(documents.size(), 0);
  EXPECT_EQ(documents.num_without_labels(), 3);
}

TEST(TokenDocuments, TheHashIsOfIdsMarksAndLengths) {
  const auto hash = [](const std::vector<std::vector<TrainingToken>>& all) {
    TokenDocuments documents("letters");
    for (const auto& each : all) documents.add(each);
    return documents.sha256();
  };
  const TrainingToken a(1, true);
  const TrainingToken b(2, true);
  EXPECT_EQ(hash({{a, b}, {b, a}}), hash({{a, b}, {b, a}}));
  EXPECT_NE(hash({{a, b}, {b, a}}), hash({{a, b, b, a}}));
  EXPECT_NE(hash({{a, b}}), hash({{b, a}}));
  EXPECT_NE(hash({{a, b}}), hash({{TrainingToken(1, false), b}}));
}

TEST(TokenDocuments, EosClosesADocumentUnlessItIsThere) {
  EXPECT_EQ(tokens_of({{"bc"}}), "1* 2* 28*");
  EXPECT_EQ(tokens_of({{"bc]"}}), "1* 2* 28*");
  EXPECT_EQ(tokens_of({{"bc"}}, {.eos = EndToken::Never}), "1* 2*");
  EXPECT_EQ(tokens_of({{"bc"}}, {.eos = EndToken::AsTokenizer}), "1* 2*");
}

TEST(TokenDocuments, BosOpensADocumentAsTheTokenizerDoesAndIsNotTrained) {
  EXPECT_EQ(tokens_of({{"b"}}, {.bos = EndToken::Always}), "27 1* 28*");
  EXPECT_EQ(tokens_of({{"[b"}}, {.bos = EndToken::Always}), "27* 1* 28*");
  LetterTokenizer tokenizer;
  tokenizer.habits().adds_bos = tokenizer.habits().adds_eos = true;
  const std::vector<datasets::TrainingDocument> documents = {{{{"b"}}, "a"}};
  EXPECT_EQ(text_of(tokenized(documents, tokenizer, {.eos = EndToken::AsTokenizer}).at(0)),
            "27 1* 28*");
}

TEST(TokenDocuments, ATokenizerWithoutTheEndTokenIsAnError) {
  LetterTokenizer tokenizer;
  tokenizer.habits().eos.reset();
  EXPECT_THAT(error_of([&] { tokenized({}, tokenizer); }),
              HasSubstr("expected a tokenizer with EOS, found none in this letters tokenizer"));
}

TEST(TokenDocuments, SpansSayWhatIsTrained) {
  EXPECT_EQ(tokens_of({{"bc", false}, {"de", true}}), "1 2 3* 4* 28*");
  EXPECT_EQ(tokens_of({{"bc", true}, {"de", false}}), "1* 2* 3 4 28");
  EXPECT_EQ(tokens_of({{"b", false}, {"c", true}, {"d", false}, {"e", true}}), "1 2* 3 4* 28*");
  EXPECT_EQ(tokens_of({{"b", false}, {"c", false}}), "none");
}

TEST(TokenDocuments, ATokenAcrossABorderBelongsToTheLaterSpan) {
  EXPECT_EQ(tokens_of({{"ca", false}, {"bd", true}}), "2 30* 3* 28*");
  EXPECT_EQ(tokens_of({{"ca", true}, {"bd", false}, {"d", true}}), "2* 30 3 3* 28*");
}

TEST(TokenDocuments, AnEmptyDocumentIsLeftOutAndATextOfOneTokenHasItsEnd) {
  EXPECT_EQ(tokens_of({}), "none");
  EXPECT_EQ(tokens_of({{"b"}}), "1* 28*");
  EXPECT_EQ(tokens_of({{"b"}}, {.eos = EndToken::Never}), "none");
}

TEST(TokenDocuments, ATextThatCannotBeEncodedIsNamed) {
  EXPECT_EQ(error_of([] { tokens_of({{"b1"}}); }), "a.txt:1: expected letters, found '1'");
}

TEST(TokenDocuments, TheirOrderIsThatOfTheTextsInAllRounds) {
  std::vector<datasets::TrainingDocument> documents;
  for (int i = 0; i < 10000; ++i) {
    documents.push_back({{{std::string(1 + i % 3, static_cast<char>('c' + i % 7))}}, "a"});
  }
  const auto all = tokenized(documents, LetterTokenizer());
  ASSERT_EQ(all.size(), 10000);
  for (int i = 0; i < 10000; ++i) {
    ASSERT_EQ(all.at(i).size(), 2 + i % 3);
    ASSERT_EQ(all.at(i)[0].id(), 2 + i % 7);
  }
}

// SentencePiece puts a blank before a text: spans encoded one by one would have one each.
TEST(TokenDocuments, IdsAreThoseOfTheWholeTextWhateverItsSpans) {
  const auto tokenizer = load_tokenizer(fixture("stories260k"));
  const std::string begin = "Once upon a time";
  const std::string end = " there was a little dog named Max.";
  const auto ids = [&](std::vector<datasets::TextSpan> spans) {
    const std::vector<datasets::TrainingDocument> documents = {{std::move(spans), "a"}};
    std::vector<int32_t> found;
    const auto all = tokenized(documents, *tokenizer);
    for (const auto token : all.at(0)) found.push_back(token.id());
    return found;
  };
  auto expected = tokenizer->encode(begin + end, true);
  expected.push_back(*tokenizer->info().eos);
  EXPECT_EQ(ids({{begin + end, true}}), expected);
  EXPECT_EQ(ids({{begin, false}, {end, true}}), expected);
  EXPECT_EQ(expected.front(), tokenizer->info().bos);
}

}  // namespace
}  // namespace hylo::models
