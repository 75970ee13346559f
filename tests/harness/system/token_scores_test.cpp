// Texts scored token by token: the story checkpoint, the scripted system, and the sums of spans.
#include "harness/system/token_scores.h"

#include <gmock/gmock.h>

#include <numeric>

#include "harness/system/decoder_system.h"
#include "harness/system/encoding.h"
#include "harness/system/scripted_system.h"
#include "tests/harness/system/letter_tokenizer.h"
#include "tests/support/story_copy.h"
#include "tests/support/test_data.h"

namespace hylo::harness {
namespace {

using tasks::Failed;
using tasks::Request;
using tasks::Response;
using tasks::ScoreText;
using tasks::ScoreTokens;
using tasks::TextScore;
using tasks::TokenScores;
using testing::DoubleNear;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Pointwise;
using testing::SizeIs;
using tests::error_of;

const std::string story =
    "Once upon a time, there was a little girl named Lily. She had a red ball. Lily and her ball "
    "went to the park. A big dog saw the ball and ran after it.";

DecoderSystemOptions exact(std::optional<int64_t> max_length = {}) {
  return {.folder = tests::fixture("stories260k"),
          .tokenizer = {},
          .engine = {.mode = models::NumericMode::Exact},
          .max_length = max_length};
}

std::vector<Response> answers(SystemUnderTest& system, const std::vector<Request>& requests) {
  std::vector<Response> all(requests.size());
  system.answer(requests, [&](size_t i, Response response) { all[i] = std::move(response); });
  return all;
}
TokenScores scores(SystemUnderTest& system, const ScoreTokens& request) {
  return std::get<TokenScores>(answers(system, {request}).front());
}
double sum_of(const std::vector<double>& values) {
  return std::accumulate(values.begin(), values.end(), 0.0);
}

class StoryTokens : public testing::Test {
 protected:
  void SetUp() override { models::Engine::set_num_threads(1); }
};

TEST_F(StoryTokens, AddUpToWhatTheWholeTextScoresWithoutAContext) {
  for (const auto type : {models::NumberType::Float32, models::NumberType::BFloat16}) {
    auto options = exact();
    options.type = type;
    DecoderSystem system(options);
    const auto whole = std::get<TextScore>(answers(system, {ScoreText{"", story}}).front());
    const auto found = scores(system, {.text = story});
    EXPECT_EQ(found.num_tokens, whole.num_tokens);
    EXPECT_EQ(found.token_ids, whole.token_ids);
    EXPECT_EQ(found.unread_tokens, 0);
    EXPECT_THAT(found.span_log_likelihoods, SizeIs(found.num_tokens));
    EXPECT_NEAR(sum_of(found.span_log_likelihoods), whole.log_likelihood, 1e-9);
  }
}

TEST_F(StoryTokens, SpansAreSumsOfNeighbours) {
  DecoderSystem system(exact());
  const auto each = scores(system, {.text = story}).span_log_likelihoods;
  const auto spans = scores(system, {.text = story, .span_tokens = 7}).span_log_likelihoods;
  ASSERT_THAT(spans, SizeIs((each.size() + 6) / 7));
  for (size_t i = 0; i < each.size(); ++i) EXPECT_LT(each[i], 0);
  EXPECT_NEAR(spans[0], sum_of({each.begin(), each.begin() + 7}), 1e-12);
  EXPECT_NEAR(sum_of(spans), sum_of(each), 1e-9);
}

TEST_F(StoryTokens, BeyondTheLimitAreNotReadAndDoNotChangeThoseBefore) {
  DecoderSystem system(exact()), short_one(exact(16));
  const auto all = scores(system, {.text = story});
  const auto some = scores(system, {.text = story, .max_tokens = 16});
  EXPECT_EQ(some.num_tokens, 16);
  EXPECT_EQ(some.unread_tokens, all.num_tokens - 16);
  EXPECT_EQ(some.token_ids, all.token_ids);
  EXPECT_EQ(some.span_log_likelihoods,
            std::vector(all.span_log_likelihoods.begin(), all.span_log_likelihoods.begin() + 16));
  // A model that is no longer reads no more; nothing is truncated.
  const Request whole = ScoreTokens{.text = story};
  EXPECT_EQ(scores(short_one, {.text = story}).span_log_likelihoods, some.span_log_likelihoods);
  EXPECT_EQ(short_one.plan({&whole, 1}).front().dropped_tokens, 0);
  EXPECT_EQ(short_one.plan({&whole, 1}).front().rows, 16);
  EXPECT_EQ(scores(short_one, {.text = story, .max_tokens = 4000}).num_tokens, 16);
}

TEST_F(StoryTokens, OfTextsOfManyLengthsAreThoseOfEachAlone) {
  DecoderSystem system(exact());
  const std::vector<Request> requests{ScoreTokens{.text = story}, ScoreTokens{.text = "Tom"},
                                      ScoreText{"One day,", " Tom"},
                                      ScoreTokens{.text = story.substr(0, 60)}};
  const auto together = answers(system, requests);
  for (const size_t i : {0, 1, 3}) {
    EXPECT_EQ(std::get<TokenScores>(together[i]).span_log_likelihoods,
              scores(system, std::get<ScoreTokens>(requests[i])).span_log_likelihoods);
  }
}

TEST_F(StoryTokens, WhatCannotBeScoredIsFailedWithTheReason) {
  DecoderSystem system(exact());
  const auto reason = [&](const Request& request) {
    return std::get<Failed>(answers(system, {request}).front()).reason;
  };
  EXPECT_THAT(reason(ScoreTokens{.text = ""}), HasSubstr("nothing to score"));
  EXPECT_THAT(reason(ScoreTokens{.text = "a", .max_tokens = -1}), HasSubstr("at most -1 tokens"));
  EXPECT_THAT(reason(ScoreTokens{.text = "a", .span_tokens = 0}), HasSubstr("spans of 0"));
  EXPECT_THAT(reason(tasks::AgreeOnText{.text = "a"}), HasSubstr("name one with --teacher"));
  const tests::StoryCopy copy;
  copy.change_end("model.safetensors", std::string("\x00\x00\xc0\x7f", 4));
  auto broken = exact();
  broken.folder = copy.path();
  DecoderSystem undefined(broken);
  EXPECT_THAT(std::get<Failed>(answers(undefined, {ScoreTokens{.text = "a"}}).front()).reason,
              HasSubstr("the model gives NaN"));
}

TEST(TokenScores, AreSummedSpanBySpanTheLastMayBeShort) {
  const auto found =
      token_scores({1, 2, 3, 4, 5, 6, 7}, std::vector<double>{-1, -2, -4, -8, -16}, 2);
  EXPECT_THAT(found.span_log_likelihoods, ElementsAre(-3, -12, -16));
  EXPECT_EQ(found.num_tokens, 5);
  EXPECT_EQ(found.unread_tokens, 2);
}

TEST(ScriptedTokens, AreTheBytesOfTheText) {
  CrcSystem system;
  // 'A' is 65: (65 mod 16 + 1) / 4 = 1/2; 'B' a quarter more.
  const auto found = scores(system, {.text = "ABA", .max_tokens = 2});
  EXPECT_THAT(found.span_log_likelihoods, ElementsAre(-0.5, -0.75));
  EXPECT_EQ(found.unread_tokens, 1);
  EXPECT_THAT(std::get<Failed>(answers(system, {tasks::AgreeOnText{.text = "a"}}).front()).reason,
              HasSubstr("no teacher"));
}

TEST(EncodeText, BeginsWithThePrefixTokenOnce) {
  const LetterTokenizer plain(true, false), with_bos(true, true);
  for (const auto* tokenizer : {&plain, &with_bos}) {
    const auto text = encode_text(*tokenizer, "abcd", 2);
    EXPECT_THAT(text.ids, ElementsAre('a', LetterTokenizer::bc, 'd'));
    EXPECT_THAT(text.window.tokens, ElementsAre(LetterTokenizer::bos, 'a', LetterTokenizer::bc));
    EXPECT_EQ(text.window.num_scored, 2);
  }
  EXPECT_THAT(encode_text(plain, "\x01z", 9).window.tokens, ElementsAre(LetterTokenizer::bos, 'z'));
  EXPECT_THAT(error_of([&] { (void)encode_text(plain, "", 2); }), HasSubstr("without tokens"));
  EXPECT_THAT(error_of([] { (void)encode_text(LetterTokenizer(false), "a", 2); }),
              HasSubstr("neither a BOS nor an EOS"));
}

}  // namespace
}  // namespace hylo::harness
