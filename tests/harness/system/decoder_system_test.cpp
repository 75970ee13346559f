// The story checkpoint, and broken copies of it, as a system under test.
#include "harness/system/decoder_system.h"

#include <gmock/gmock.h>

#include <cmath>
#include <cstring>
#include <numeric>

#include "harness/base/json.h"
#include "models/config/hf_config.h"
#include "tests/support/story_copy.h"
#include "tests/support/test_data.h"

namespace hylo::harness {
namespace {

using tasks::Failed;
using tasks::GeneratedText;
using tasks::GenerateText;
using tasks::Request;
using tasks::Response;
using tasks::ScoreRolling;
using tasks::ScoreText;
using tasks::TextScore;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using tests::error_of;

class StorySystem : public testing::Test {
 protected:
  /// A small model on a machine that tests share.
  void SetUp() override { models::Engine::set_num_threads(1); }
};

/// float32 products of other shapes round differently.
constexpr double batch_tolerance = 1e-4;

DecoderSystemOptions story(const std::filesystem::path& folder = tests::fixture("stories260k")) {
  return {.folder = folder, .tokenizer = {}, .engine = {}, .max_length = {}};
}

DecoderSystemOptions with_context(int64_t max_length, bool allow_truncation) {
  auto options = story();
  options.max_length = max_length;
  options.allow_truncation = allow_truncation;
  return options;
}

std::vector<Response> answers(DecoderSystem& system, const std::vector<Request>& requests) {
  std::vector<Response> all(requests.size());
  std::vector<int> num_answers(requests.size());
  system.answer(requests, [&](size_t i, Response response) {
    all[i] = std::move(response);
    ++num_answers[i];
  });
  EXPECT_THAT(num_answers, testing::Each(1));
  return all;
}

GenerateText write(const std::string& prompt, int64_t max_new_tokens) {
  return {.prompt = prompt, .stop = {}, .max_new_tokens = max_new_tokens, .sampling = {}};
}

const std::string beginning = "Once upon a time, there was a little girl named";

/// Choices of one context, of which two begin with the same words, and one of another context.
const std::vector<Request> choices{ScoreText{beginning, " Lily. She"},
                                   ScoreText{beginning, " Lily. He"}, ScoreText{beginning, " Bob"},
                                   ScoreText{"One day,", " Tom"}};

std::string reason_of(const Response& response) {
  const auto* failed = std::get_if<Failed>(&response);
  EXPECT_NE(failed, nullptr) << "expected a failed request";
  return failed ? failed->reason : "";
}

TEST_F(StorySystem, AMixtureOfKindsIsAnsweredAsEachWouldBeAlone) {
  DecoderSystem system(story());
  std::vector<Request> requests = choices;
  requests.insert(requests.begin() + 1, write(beginning, 12));
  requests.emplace_back(ScoreRolling{beginning + " Lily."});
  const auto together = answers(system, requests);
  for (size_t i = 0; i < requests.size(); ++i) {
    SCOPED_TRACE(i);
    const auto alone = answers(system, {requests[i]}).front();
    ASSERT_EQ(together[i].index(), alone.index());
    if (const auto* score = std::get_if<TextScore>(&alone)) {
      EXPECT_NEAR(std::get<TextScore>(together[i]).log_likelihood, score->log_likelihood,
                  batch_tolerance);
      EXPECT_LT(score->log_likelihood, 0);
    } else {
      EXPECT_EQ(std::get<GeneratedText>(together[i]).token_ids,
                std::get<GeneratedText>(alone).token_ids);
    }
  }
}

// A text of at most one window is the continuation of nothing.
TEST_F(StorySystem, ARollingTextOfOneWindowIsScoredLikeAContinuationOfItsPrefix) {
  DecoderSystem system(story());
  const auto found = answers(system, {ScoreRolling{"One day"}});
  const auto& score = std::get<TextScore>(found.front());
  EXPECT_THAT(score.window_log_likelihoods, ElementsAre(score.log_likelihood));
  EXPECT_EQ(score.num_tokens, static_cast<int64_t>(score.token_ids.size()));
}

TEST_F(StorySystem, SharedPrefixesChangeNoResult) {
  DecoderSystem sharing(story());
  auto options = story();
  options.engine.share_prefixes = false;
  DecoderSystem alone(options);
  const auto found = answers(sharing, choices);
  const auto expected = answers(alone, choices);
  for (size_t i = 0; i < choices.size(); ++i) {
    EXPECT_NEAR(std::get<TextScore>(found[i]).log_likelihood,
                std::get<TextScore>(expected[i]).log_likelihood, batch_tolerance);
  }
}

/// The jobs that the answers to scored requests were computed as.
std::vector<models::ScoreJob> jobs_of(const std::vector<Response>& responses) {
  std::vector<models::ScoreJob> jobs;
  for (const auto& response : responses) {
    const auto& score = std::get<TextScore>(response);
    auto tokens = score.context_ids;
    tokens.insert(tokens.end(), score.token_ids.begin(), score.token_ids.end());
    jobs.push_back({tokens, static_cast<int64_t>(score.token_ids.size())});
  }
  return jobs;
}

TEST_F(StorySystem, ThePlanCostsWhatTheEngineComputes) {
  for (const bool sharing : {true, false}) {
    auto options = story();
    options.engine.share_prefixes = sharing;
    DecoderSystem system(options);
    const auto jobs = jobs_of(answers(system, choices));
    const auto rows = system.engine().rows_added(jobs);
    const auto costs = system.plan(choices);
    int64_t shared = 0;
    for (size_t i = 0; i < choices.size(); ++i) {
      EXPECT_EQ(costs[i].rows, rows[i]);
      EXPECT_EQ(costs[i].rows_unshared, std::ssize(jobs[i].tokens) - 1);
      shared += costs[i].rows_unshared - costs[i].rows;
    }
    EXPECT_EQ(shared > 0, sharing);
  }
}

TEST_F(StorySystem, PromptsThatBeginAlikeArePlannedAsOneBeginning) {
  DecoderSystem system(story());
  std::string examples;
  for (int i = 0; i < 12; ++i) examples += "Once upon a time there was a little dog. ";
  const auto costs = system.plan(
      std::vector<Request>{write(examples + "It ran", 4), write(examples + "It was happy", 4)});
  EXPECT_EQ(costs[0].rows, costs[0].rows_unshared);
  EXPECT_LT(costs[1].rows, 10);
  EXPECT_GT(costs[1].rows_unshared, 60);
}

TEST_F(StorySystem, AModelOfZerosIsUniformAndItsLikelihoodIsKnown) {
  const tests::StoryCopy copy;
  const auto bytes = read_text_file(copy / "model.safetensors");
  uint64_t header = 0;
  std::memcpy(&header, bytes.data(), sizeof header);
  copy.change_end("model.safetensors", std::string(bytes.size() - sizeof header - header, '\0'));
  DecoderSystem system(story(copy.path()));
  const double nats = std::log(512);  // of every token: the vocabulary has 512
  for (const auto& response : answers(system, choices)) {
    const auto& score = std::get<TextScore>(response);
    EXPECT_NEAR(score.log_likelihood, -nats * static_cast<double>(score.num_tokens), 1e-4);
  }
}

TEST_F(StorySystem, ARequestWithNothingToScoreFailsAndTheOthersAreAnswered) {
  DecoderSystem system(story());
  const auto found = answers(system, {ScoreText{"One day", ""}, ScoreText{"One day", " Tom"},
                                      ScoreRolling{""}, ScoreText{"\xff", " Tom"}});
  EXPECT_THAT(reason_of(found[0]), HasSubstr("nothing to score"));
  EXPECT_TRUE(std::holds_alternative<TextScore>(found[1]));
  EXPECT_TRUE(std::holds_alternative<Failed>(found[3]));
}

TEST_F(StorySystem, WhatDoesNotFitFailsUnlessTruncationIsAllowed) {
  DecoderSystem strict(with_context(8, false));
  const std::vector<Request> requests{ScoreText{beginning, " Lily"}, ScoreText{"One day", ","},
                                      write(beginning, 4)};
  const auto costs = strict.plan(requests);
  EXPECT_GT(costs[0].dropped_tokens, 0);
  EXPECT_EQ(costs[1].dropped_tokens, 0);
  EXPECT_GT(costs[2].dropped_tokens, 0);
  const auto refused = answers(strict, requests);
  EXPECT_THAT(reason_of(refused[0]), HasSubstr("--allow-truncation"));
  EXPECT_TRUE(std::holds_alternative<TextScore>(refused[1]));
  EXPECT_THAT(reason_of(refused[2]), HasSubstr("--allow-truncation"));

  DecoderSystem lenient(with_context(8, true));
  const auto cut = answers(lenient, requests);
  EXPECT_EQ(std::get<TextScore>(cut[0]).dropped_tokens, costs[0].dropped_tokens);
  EXPECT_EQ(std::get<TextScore>(cut[1]).dropped_tokens, 0);
  EXPECT_EQ(std::get<GeneratedText>(cut[2]).dropped_tokens, costs[2].dropped_tokens);
}

// Scoring needs max_length inputs and one token beyond, which is only predicted.
TEST_F(StorySystem, ATextOfOneTokenMoreThanTheContextStillFits) {
  DecoderSystem whole(story());
  const auto ids = std::get<TextScore>(answers(whole, {choices[0]}).front());
  const auto num_tokens = static_cast<int64_t>(ids.context_ids.size() + ids.token_ids.size());
  DecoderSystem exact(with_context(num_tokens - 1, false));
  EXPECT_EQ(exact.plan({&choices[0], 1}).front().dropped_tokens, 0);
  DecoderSystem short_by_one(with_context(num_tokens - 2, false));
  EXPECT_EQ(short_by_one.plan({&choices[0], 1}).front().dropped_tokens, 1);
}

TEST_F(StorySystem, AContinuationLongerThanTheContextFailsAlsoWithTruncation) {
  DecoderSystem system(with_context(4, true));
  EXPECT_THAT(reason_of(answers(system, {ScoreText{"One day", " Lily saw a big red ball"}})[0]),
              HasSubstr("longer than the model's 4"));
  EXPECT_THAT(reason_of(answers(system, {write("One day", 4)})[0]), HasSubstr("no room"));
}

TEST_F(StorySystem, GreedyTextStopsAtAStopStringAndIsCutThere) {
  DecoderSystem system(story());
  auto request = write(beginning, 60);
  request.stop = {"."};
  const auto found = std::get<GeneratedText>(answers(system, {request}).front());
  EXPECT_EQ(found.finish_reason, tasks::FinishReason::Stop);
  EXPECT_THAT(found.text, testing::Not(HasSubstr(".")));
  EXPECT_LT(found.num_tokens, 60);
}

TEST_F(StorySystem, ATokenizerWithMoreIdsThanTheModelIsAnError) {
  const tests::StoryCopy copy;
  copy.change("tokenizer.json", "\"added_tokens\": [",
              R"("added_tokens": [{"id": 512, "content": "<more>", "single_word": false,
                  "lstrip": false, "rstrip": false, "normalized": false, "special": true},)");
  auto options = story();
  options.tokenizer = copy.path();
  EXPECT_THAT(error_of([&] { DecoderSystem system(options); }),
              HasSubstr("it is not this model's tokenizer"));
}

TEST_F(StorySystem, WeightsThatAreNotNumbersGiveAWarningAndFailedRequests) {
  const tests::StoryCopy copy;
  copy.change_end("model.safetensors", std::string("\x00\x00\xc0\x7f", 4));
  DecoderSystem system(story(copy.path()));
  ASSERT_EQ(system.warnings().size(), 1);
  EXPECT_THAT(system.warnings().front(), HasSubstr("1 tensors hold NaN"));
  const auto found = answers(system, {write("One day", 4), choices[0], write("Tom", 4)});
  for (const auto& response : found) EXPECT_THAT(reason_of(response), HasSubstr("NaN"));
}

TEST_F(StorySystem, AContextBeyondTheDeclaredOneIsWarnedOf) {
  EXPECT_THAT(DecoderSystem(with_context(512, false)).warnings(), IsEmpty());
  EXPECT_THAT(DecoderSystem(with_context(513, false)).warnings(),
              ElementsAre(HasSubstr("declares 512")));
}

}  // namespace
}  // namespace hylo::harness
