#include "models/distill/token_stream.h"

#include <gmock/gmock.h>

#include <cstdlib>
#include <map>
#include <set>

#include "kernels/ops/token_losses.h"
#include "tests/support/test_data.h"

namespace hylo::models {
namespace {

using hylo::tests::error_of;
using kernels::no_label;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

using Ids = std::vector<int32_t>;

std::shared_ptr<const TokenDocuments> documents(const std::vector<Ids>& all,
                                                const std::string& tokenizer = "letters") {
  auto documents = std::make_shared<TokenDocuments>(tokenizer);
  for (const auto& ids : all) documents->add(ids);
  return documents;
}

/// Documents d of `begin` and on, each the tokens 1000 d, 1000 d + 1, ...: 2 to `longest` of them.
std::shared_ptr<const TokenDocuments> numbered(int begin, int count, int longest) {
  std::vector<Ids> all;
  for (int d = begin; d < begin + count; ++d) {
    all.emplace_back();
    for (int i = 0; i < 2 + (d * 7) % (longest - 1); ++i) all.back().push_back(1000 * d + i);
  }
  return documents(all);
}

TokenStream two_sources(uint64_t seed = 5, std::optional<int64_t> num_epochs = {}) {
  return TokenStream(
      {{"a", numbered(0, 13, 9), 3}, {"b", numbered(13, 5, 30), 1}},
      {.context_length = 8, .tokens_per_batch = 32, .seed = seed, .num_epochs = num_epochs});
}

bool same(const PackedBatch& a, const PackedBatch& b) {
  return a.tokens_N == b.tokens_N && a.labels_N == b.labels_N &&
         a.sequence_rows == b.sequence_rows && a.num_documents == b.num_documents &&
         a.num_labels == b.num_labels;
}

TEST(TokenStream, OneDocumentByHand) {
  TokenStream stream({{"a", documents({{1, 2, 3, 4, 5}})}},
                     {.context_length = 3, .tokens_per_batch = 5});
  const auto batch = stream.next().value();
  EXPECT_THAT(batch.tokens_N, ElementsAre(1, 2, 3, 4, 5));
  EXPECT_THAT(batch.sequence_rows, ElementsAre(3, 2));
  EXPECT_THAT(batch.labels_N, ElementsAre(2, 3, 4, 5, no_label));
  EXPECT_EQ(batch.num_documents, 1);
  EXPECT_EQ(batch.num_labels, 4);
}

TEST(TokenStream, TwoDocumentsOverTwoBatchesByHand) {
  TokenStream stream({{"a", documents({{1, 2, 3}, {1, 2, 3}})}},
                     {.context_length = 4, .tokens_per_batch = 4});
  const auto first = stream.next().value();
  EXPECT_THAT(first.tokens_N, ElementsAre(1, 2, 3, 1));
  EXPECT_THAT(first.sequence_rows, ElementsAre(3, 1));
  EXPECT_THAT(first.labels_N, ElementsAre(2, 3, no_label, 2));
  const auto second = stream.next().value();
  EXPECT_THAT(second.tokens_N, ElementsAre(2, 3, 1, 2));
  EXPECT_THAT(second.sequence_rows, ElementsAre(2, 2));
  EXPECT_THAT(second.labels_N, ElementsAre(3, no_label, 2, 3));
  EXPECT_EQ(first.num_documents, 2);
  EXPECT_EQ(second.num_documents, 1);
}

TEST(TokenStream, WhatIsNotTrainedIsNoLabel) {
  auto chat = std::make_shared<TokenDocuments>("letters");
  chat->add(std::vector<TrainingToken>{{1, false}, {2, false}, {3, true}, {4, true}, {5, false}});
  TokenStream stream({{"a", chat}}, {.context_length = 9, .tokens_per_batch = 5});
  const auto batch = stream.next().value();
  EXPECT_THAT(batch.labels_N, ElementsAre(no_label, 3, 4, no_label, no_label));
  EXPECT_EQ(batch.num_labels, 2);
}

TEST(TokenStream, EverySequenceIsAPieceOfOneDocument) {
  auto stream = two_sources();
  for (int i = 0; i < 50; ++i) {
    const auto batch = stream.next().value();
    ASSERT_EQ(batch.tokens_N.size(), 32);
    ASSERT_EQ(batch.labels_N.size(), 32);
    size_t row = 0;
    for (const auto num_rows : batch.sequence_rows) {
      ASSERT_GT(num_rows, 0);
      ASSERT_LE(num_rows, 8);
      for (int64_t k = 0; k + 1 < num_rows; ++k) {
        ASSERT_EQ(batch.tokens_N[row + k] + 1, batch.tokens_N[row + k + 1]);
      }
      row += static_cast<size_t>(num_rows);
    }
    ASSERT_EQ(row, 32);
    for (size_t k = 0; k < 32; ++k) {
      const auto label = batch.labels_N[k];
      ASSERT_TRUE(label == no_label || label == batch.tokens_N[k] + 1);
    }
  }
}

TEST(TokenStream, ADocumentOfExactlyTIsOneSequenceAndOneMoreTokenBeginsAnother) {
  const auto rows = [](const Ids& ids) {
    TokenStream stream({{"a", documents({ids})}}, {.context_length = 3, .tokens_per_batch = 12});
    return stream.next().value().sequence_rows;
  };
  EXPECT_THAT(rows({1, 2, 3}), ElementsAre(3, 3, 3, 3));
  EXPECT_THAT(rows({1, 2, 3, 4}), ElementsAre(3, 1, 3, 1, 3, 1));
  EXPECT_THAT(rows({1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}), ElementsAre(3, 3, 3, 3));
  EXPECT_THAT(rows(Ids(11, 7)), ElementsAre(3, 3, 3, 2, 1));
}

TEST(TokenStream, AnEpochHasEveryTokenOnceInAnOrderOfItsOwn) {
  const auto source = numbered(0, 12, 9);
  const auto num_tokens = source->num_tokens();
  TokenStream stream({{"a", source}}, {.context_length = 4, .tokens_per_batch = num_tokens});
  const auto first = stream.next().value().tokens_N;
  const auto second = stream.next().value().tokens_N;
  EXPECT_EQ(std::set(first.begin(), first.end()).size(), num_tokens);
  EXPECT_EQ(std::set(first.begin(), first.end()), std::set(second.begin(), second.end()));
  EXPECT_NE(first, second);
  EXPECT_EQ(stream.epoch_of(0), 1);
}

TEST(TokenStream, TheSeedDecidesTheOrder) {
  EXPECT_TRUE(same(two_sources(1).next().value(), two_sources(1).next().value()));
  EXPECT_FALSE(same(two_sources(1).next().value(), two_sources(2).next().value()));
}

TEST(TokenStream, SharesHoldToWithinADocumentAtAnyTime) {
  auto stream = two_sources();
  const int64_t longest = 31;
  for (int i = 0; i < 300; ++i) {
    (void)stream.next();
    const auto a = stream.rows_of(0);
    const auto b = stream.rows_of(1);
    ASSERT_LE(std::abs(a - 3 * b), 3 * longest) << a << " rows and " << b;
  }
  EXPECT_GE(stream.rows_of(0) + stream.rows_of(1), 300 * 32);
}

TEST(TokenStream, RowsOfASourceAreThoseThatItGave) {
  auto stream = two_sources();
  std::map<bool, int64_t> given;
  for (int i = 0; i < 40; ++i) {
    const auto batch = stream.next().value();
    for (const auto id : batch.tokens_N) ++given[id >= 13000];
  }
  EXPECT_EQ(given[false] + given[true], 40 * 32);
  EXPECT_NEAR(static_cast<double>(given[false]), static_cast<double>(stream.rows_of(0)), 31);
  EXPECT_NEAR(static_cast<double>(given[true]), static_cast<double>(stream.rows_of(1)), 31);
}

TEST(TokenStream, WithALimitEverySourceIsReadThatOftenAndThenNothingComes) {
  auto stream = two_sources(5, 2);
  std::map<int32_t, int> times;
  int64_t num_rows = 0;
  while (const auto batch = stream.next()) {
    for (const auto id : batch->tokens_N) EXPECT_LE(++times[id], 2);
    num_rows += 32;
  }
  const auto all = 2 * (numbered(0, 13, 9)->num_tokens() + numbered(13, 5, 30)->num_tokens());
  EXPECT_EQ(num_rows, all / 32 * 32);
  EXPECT_EQ(stream.num_batches(), all / 32);
  EXPECT_FALSE(stream.next().has_value());
  EXPECT_EQ(stream.rows_of(0) + stream.rows_of(1), all);
}

TEST(TokenStream, ResumedEqualsUninterruptedAtEveryBatch) {
  std::vector<PackedBatch> batches;
  std::vector<std::string> positions;
  auto whole = two_sources();
  for (int i = 0; i < 40; ++i) {
    positions.push_back(whole.position().dump());
    batches.push_back(whole.next().value());
  }
  EXPECT_GT(whole.epoch_of(0), 1);
  for (size_t begin = 0; begin < batches.size(); ++begin) {
    auto resumed = two_sources();
    resumed.seek(Json::parse(positions[begin]));
    EXPECT_EQ(resumed.num_batches(), begin);
    for (size_t i = begin; i < batches.size(); ++i) {
      ASSERT_EQ(resumed.position().dump(), positions[i]);
      ASSERT_TRUE(same(resumed.next().value(), batches[i])) << begin << " " << i;
    }
  }
}

TEST(TokenStream, APositionAfterTheEndIsTheEnd) {
  auto stream = two_sources(5, 1);
  while (stream.next()) continue;
  auto resumed = two_sources(5, 1);
  resumed.seek(stream.position());
  EXPECT_FALSE(resumed.next().has_value());
}

TEST(TokenStream, SeekingBackGivesTheSameAgain) {
  auto stream = two_sources();
  (void)stream.next();
  const auto place = stream.position();
  const auto batch = stream.next().value();
  (void)stream.next();
  stream.seek(place);
  EXPECT_TRUE(same(stream.next().value(), batch));
}

TEST(TokenStream, APositionOfOtherDataIsRefusedByName) {
  const TokenStreamOptions options{.context_length = 3, .tokens_per_batch = 4, .seed = 1};
  const auto make = [](const char* name, double weight, const Ids& ids, const char* tokenizer,
                       const TokenStreamOptions& with) {
    return TokenStream({{name, documents({ids}, tokenizer), weight}}, with);
  };
  const auto place = make("a", 1, {1, 2, 3}, "letters", options).position();
  const auto refusal = [&](TokenStream stream) {
    (void)stream.next();
    const auto before = stream.position();
    const auto text = error_of([&] { stream.seek(place); });
    EXPECT_EQ(stream.position(), before);
    return text;
  };
  const Ids ids = {1, 2, 3};
  EXPECT_EQ(refusal(make("a", 1, {1, 2, 3}, "words", options)),
            "position in the training data: tokenizer_sha256: expected \"words\" as in these data, "
            "found \"letters\" in the position; go on with the data and options of that run, or "
            "begin anew");
  EXPECT_THAT(refusal(make("b", 1, ids, "letters", options)),
              HasSubstr("source_names: expected [\"b\"] as in these data, found [\"a\"]"));
  EXPECT_THAT(refusal(make("a", 2, ids, "letters", options)),
              HasSubstr("sources.a.weight: expected 2.0 as in these data, found 1.0"));
  EXPECT_THAT(refusal(make("a", 1, {1, 2, 4}, "letters", options)),
              HasSubstr("sources.a.sha256: "));
  EXPECT_THAT(refusal(make("a", 1, {1, 2}, "letters", options)), HasSubstr("sources.a."));
  auto other = options;
  other.context_length = 4;
  EXPECT_THAT(refusal(make("a", 1, ids, "letters", other)),
              HasSubstr("context_length: expected 4"));
  other = options;
  other.seed = 2;
  EXPECT_THAT(refusal(make("a", 1, ids, "letters", other)), HasSubstr("seed: expected 2"));
  other = options;
  other.num_epochs = 9;
  EXPECT_THAT(refusal(make("a", 1, ids, "letters", other)),
              HasSubstr("num_epochs: expected 9 as in these data, found null"));
}

TEST(TokenStream, APositionThatIsDamagedIsRefusedByItsPath) {
  auto stream = two_sources();
  (void)stream.next();
  const auto place = stream.position();
  const auto refusal = [&](const char* pointer, const Json& value) {
    auto damaged = place;
    damaged[Json::json_pointer(pointer)] = value;
    auto fresh = two_sources();
    return error_of([&] { fresh.seek(damaged); });
  };
  EXPECT_THAT(refusal("/format", 2), HasSubstr("format: expected a number from 1 to 1, found 2"));
  EXPECT_THAT(refusal("/data", 2), HasSubstr("data: expected an object, found number"));
  EXPECT_THAT(refusal("/batches", -1), HasSubstr("batches: expected a number from 0"));
  EXPECT_THAT(refusal("/sources", Json::array()), HasSubstr("sources: expected a list of 2"));
  EXPECT_THAT(refusal("/sources/1/documents", 6),
              HasSubstr("sources[1].documents: expected a number from 0 to 5, found 6"));
  EXPECT_THAT(refusal("/sources/0/epoch", -1), HasSubstr("sources[0].epoch: expected"));
  EXPECT_THAT(refusal("/sources/0/more", 1), HasSubstr("sources[0].more: unknown key"));
  EXPECT_THAT(refusal("/open", {{"source", 2}, {"tokens", 0}}), HasSubstr("open.source: expected"));
  EXPECT_THAT(refusal("/open", {{"source", 0}, {"tokens", 99}}),
              HasSubstr("open.tokens: expected"));
  auto fresh = two_sources();
  EXPECT_THAT(error_of([&] { fresh.seek(3); }), HasSubstr("expected a JSON object, found number"));
}

TEST(TokenStream, SourcesThatCannotBeAreNamed) {
  const auto refusal = [](std::vector<TokenSource> sources, TokenStreamOptions options) {
    return error_of([&] { TokenStream(std::move(sources), options); });
  };
  const TokenStreamOptions options{.context_length = 3, .tokens_per_batch = 4};
  const auto some = documents({{1, 2, 3}});
  EXPECT_THAT(refusal({}, options), HasSubstr("expected sources, found none"));
  EXPECT_THAT(refusal({{"a", some, 0}}, options),
              HasSubstr("source 'a': expected a weight above 0, found 0"));
  EXPECT_THAT(refusal({{"a", some}, {"a", some}}, options),
              HasSubstr("two sources are called 'a'"));
  EXPECT_THAT(
      refusal({{"a", some}, {"b", documents({{7}})}}, options),
      HasSubstr("source 'b': expected 1 to 2^32 - 1 documents with something to learn, found "
                "0 and 1 without"));
  EXPECT_THAT(refusal({{"a", some}, {"b", documents({{1, 2}}, "words")}}, options),
              HasSubstr("source 'b': expected ids of the tokenizer letters, as 'a' has them, found "
                        "those of words"));
  EXPECT_THAT(refusal({{"a", some}}, {.context_length = 0, .tokens_per_batch = 4}),
              HasSubstr("at least one token, found 0 and 4"));
  EXPECT_THAT(refusal({{"a", some}}, {.context_length = 3, .tokens_per_batch = 4, .num_epochs = 0}),
              HasSubstr("epochs, found 0"));
  EXPECT_THAT(refusal({{"a", some}}, {.context_length = 3, .tokens_per_batch = 7, .num_epochs = 2}),
              HasSubstr("at least one batch of 7 tokens, found 3 tokens in 2 epochs"));
  EXPECT_NO_THROW(
      TokenStream({{"a", some}}, {.context_length = 3, .tokens_per_batch = 6, .num_epochs = 2}));
}

TEST(TokenWalk, DocumentsComeInTheirOrderInWholeSequences) {
  TokenWalk walk(documents({{1, 2, 3, 4, 5}, {6, 7}, {8, 9}}), 3, 6);
  const auto first = walk.next().value();
  EXPECT_THAT(first.tokens_N, ElementsAre(1, 2, 3, 4, 5));
  EXPECT_THAT(first.sequence_rows, ElementsAre(3, 2));
  EXPECT_THAT(first.labels_N, ElementsAre(2, 3, 4, 5, no_label));
  const auto second = walk.next().value();
  EXPECT_THAT(second.tokens_N, ElementsAre(6, 7, 8, 9));
  EXPECT_THAT(second.sequence_rows, ElementsAre(2, 2));
  EXPECT_EQ(second.num_documents, 2);
  EXPECT_FALSE(walk.next().has_value());
  walk.rewind();
  EXPECT_TRUE(same(walk.next().value(), first));
}

TEST(TokenWalk, TheRowsOfABatchChangeNoSequence) {
  const auto sequences = [](int64_t max_rows) {
    TokenWalk walk(numbered(0, 20, 30), 8, max_rows);
    std::vector<Ids> all;
    while (const auto batch = walk.next()) {
      EXPECT_LE(batch->tokens_N.size(), max_rows);
      auto begin = batch->tokens_N.begin();
      for (const auto num_rows : batch->sequence_rows) {
        all.emplace_back(begin, begin + num_rows);
        begin += num_rows;
      }
    }
    return all;
  };
  EXPECT_EQ(sequences(8), sequences(50));
  EXPECT_EQ(sequences(8), sequences(100000));
}

TEST(TokenWalk, ABatchThatCannotHoldASequenceIsAnError) {
  EXPECT_THAT(error_of([] {
                TokenWalk(documents({{1, 2}}), 9, 8);
              }),
              HasSubstr("expected a context of 1 to 8 tokens, the rows of a batch, found 9"));
  EXPECT_FALSE(TokenWalk(documents({}), 2, 8).next().has_value());
}

}  // namespace
}  // namespace hylo::models
