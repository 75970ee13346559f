// Real models on real tasks, request by request, against what lm-evaluation-harness recorded.
#include <fmt/ranges.h>
#include <gtest/gtest.h>

#include <cmath>
#include <optional>

#include "harness/base/files.h"
#include "harness/runner/plan.h"
#include "harness/runner/run_record.h"
#include "harness/system/decoder_system.h"
#include "tasks/catalog.h"
#include "tasks/core/aggregate.h"
#include "tests/support/lm_eval_runs.h"
#include "tests/support/test_data.h"

namespace hylo::harness {
namespace {

/// Per request of up to 512 tokens and per rolling window, in nats.
constexpr double log_likelihood_tolerance = 1e-3;
/// Of the sum over a page, relative.
constexpr double page_tolerance = 2e-6;
/// Aggregates are means of equal values; perplexities follow from page sums.
constexpr double aggregate_tolerance = 1e-12;
constexpr double perplexity_tolerance = 1e-5;

class LmEvalGoldens : public ::testing::Test {
 protected:
  void SetUp() override {
    const auto root = tests::golden("lm-eval-results");
    if (!root) GTEST_SKIP() << tests::skip_reason("HYLO_TEST_DATA", "lm-eval-results");
    const auto data = tests::data("");
    if (!data) GTEST_SKIP() << tests::skip_reason("HYLO_DATA", "data sets and checkpoints");
    root_ = *root;
    data_ = *data;
    models::Engine::set_num_threads(1);  // small models, and a machine that tests share
  }

  PlannedTask planned(const tests::RecordedRun& run) const {
    const auto& d = run.description;
    PlanOptions options{
        .tasks = {d.at("task")}, .data_root = data_, .prompts = {}, .document_ids = {}};
    options.prompts.num_fewshot = d.at("n_shot").get<int64_t>();
    if (d.value("sampler", "default") == "first_n")
      options.prompts.sampler = tasks::Sampler::FirstN;
    if (d.contains("limit") && !d.at("limit").is_null())
      options.prompts.limit = d.at("limit").get<int64_t>();
    if (d.contains("doc_ids")) {
      options.document_ids[d.at("task")] = d.at("doc_ids").get<std::vector<int64_t>>();
    }
    if (d.contains("gen_kwargs") && !d.at("gen_kwargs").is_null()) {
      options.prompts.generation = tasks::parse_generation_overrides(d.at("gen_kwargs").dump());
    }
    return std::move(plan_tasks(options).front());
  }

  std::unique_ptr<DecoderSystem> system(const std::string& model,
                                        models::EngineOptions engine = {}) const {
    const auto files = tests::recorded_model(root_, data_, model);
    if (!files) return nullptr;
    return std::make_unique<DecoderSystem>(DecoderSystemOptions{.folder = files->folder,
                                                                .tokenizer = files->tokenizer,
                                                                .engine = engine,
                                                                .max_length = {},
                                                                .allow_truncation = true,
                                                                .hash_weights = false});
  }

  std::filesystem::path root_, data_;
};

/// The answers to all requests of a task, per document.
std::vector<std::vector<tasks::Response>> answers(const PlannedTask& task,
                                                  SystemUnderTest& system) {
  std::vector<tasks::Request> requests;
  for (const auto& document : task.documents) {
    requests.insert(requests.end(), document.requests.begin(), document.requests.end());
  }
  std::vector<tasks::Response> flat(requests.size());
  system.answer(requests,
                [&](size_t i, tasks::Response response) { flat[i] = std::move(response); });
  std::vector<std::vector<tasks::Response>> grouped;
  auto next = flat.begin();
  for (const auto& document : task.documents) {
    const auto end = next + static_cast<int64_t>(document.requests.size());
    grouped.emplace_back(next, end);
    next = end;
  }
  return grouped;
}

std::vector<int32_t> ids(const Json& json) { return json.get<std::vector<int32_t>>(); }

void compare_choices(const Json& recorded, const std::vector<tasks::Response>& responses) {
  const auto& requests = recorded.at("requests");
  ASSERT_EQ(requests.size(), responses.size());
  for (size_t i = 0; i < responses.size(); ++i) {
    SCOPED_TRACE(fmt::format("choice {}", i));
    ASSERT_TRUE(std::holds_alternative<tasks::TextScore>(responses[i]));
    const auto& score = std::get<tasks::TextScore>(responses[i]);
    const auto& expected = requests[i];
    EXPECT_EQ(score.context_ids,
              ids(recorded.at("contexts").at(expected.at("context").get<size_t>()).at("ids")));
    EXPECT_EQ(score.token_ids, ids(expected.at("ids")));
    EXPECT_EQ(score.dropped_tokens, expected.at("dropped").get<int64_t>());
    EXPECT_NEAR(score.log_likelihood, expected.at("ll").get<double>(), log_likelihood_tolerance);
    EXPECT_EQ(score.is_greedy, expected.at("greedy").get<bool>());
  }
}

void compare_rolling(const Json& recorded, const tasks::Response& response) {
  ASSERT_TRUE(std::holds_alternative<tasks::TextScore>(response));
  const auto& score = std::get<tasks::TextScore>(response);
  EXPECT_EQ(score.token_ids, ids(recorded.at("ids")));
  const auto& windows = recorded.at("windows");
  ASSERT_EQ(score.window_log_likelihoods.size(), windows.size());
  for (size_t i = 0; i < windows.size(); ++i) {
    EXPECT_NEAR(score.window_log_likelihoods[i], windows[i].at("ll").get<double>(),
                std::max(log_likelihood_tolerance,
                         page_tolerance * std::abs(windows[i].at("ll").get<double>())))
        << "window " << i;
  }
  const double expected = recorded.at("ll").get<double>();
  EXPECT_NEAR(score.log_likelihood, expected, page_tolerance * std::abs(expected));
}

void compare_generated(const Json& recorded, const tasks::Response& response) {
  ASSERT_TRUE(std::holds_alternative<tasks::GeneratedText>(response));
  const auto& text = std::get<tasks::GeneratedText>(response);
  EXPECT_EQ(text.context_ids, ids(recorded.at("context_ids")));
  EXPECT_EQ(text.dropped_tokens, recorded.at("dropped").get<int64_t>());
  EXPECT_EQ(text.token_ids, ids(recorded.at("generated_ids")));
  EXPECT_EQ(text.text, recorded.at("response").get<std::string>());
}

void compare_document(const Json& recorded, const std::vector<tasks::Response>& responses) {
  if (recorded.contains("windows")) return compare_rolling(recorded, responses.at(0));
  if (recorded.contains("generated_ids")) return compare_generated(recorded, responses.at(0));
  compare_choices(recorded, responses);
}

void compare_aggregates(const Json& expected, const std::vector<tasks::Aggregate>& aggregates) {
  for (const auto& aggregate : aggregates) {
    const auto key = fmt::format("{},{}", aggregate.metric, aggregate.filter);
    SCOPED_TRACE(key);
    ASSERT_TRUE(aggregate.value.has_value());
    const double value = expected.at(key).get<double>();
    const bool is_mean = aggregate.standard_error.has_value();
    EXPECT_NEAR(*aggregate.value, value,
                is_mean ? aggregate_tolerance : perplexity_tolerance * value);
    if (!is_mean) continue;
    EXPECT_NEAR(
        *aggregate.standard_error,
        expected.at(fmt::format("{}_stderr,{}", aggregate.metric, aggregate.filter)).get<double>(),
        aggregate_tolerance);
  }
}

TEST_F(LmEvalGoldens, EveryRecordedRunOfARealModelIsReproduced) {
  int64_t num_runs = 0;
  for (const auto& run : tests::recorded_runs(root_)) {
    SCOPED_TRACE(run.name);
    const auto task_name = run.description.at("task").get<std::string>();
    const auto model = system(run.description.at("model"));
    if (!tasks::is_task(task_name) || !model) continue;
    ++num_runs;
    const auto task = planned(run);
    ASSERT_EQ(task.documents.size(), run.documents.size());
    const auto responses = answers(task, *model);
    std::vector<tasks::Score> scores;
    for (size_t i = 0; i < run.documents.size(); ++i) {
      SCOPED_TRACE(fmt::format("document {}", i));
      EXPECT_EQ(task.documents[i].document->index, run.documents[i].at("doc_id").get<int64_t>());
      compare_document(run.documents[i], responses[i]);
      scores.push_back(task.task->score(*task.documents[i].document, responses[i]));
    }
    compare_aggregates(run.description.at("results").at(task_name),
                       tasks::aggregate(task.task->info(), scores));
  }
  EXPECT_GT(num_runs, 0) << "no recorded run belongs to a task and a checkpoint that are here";
}

TEST_F(LmEvalGoldens, BordersOfContextAndContinuationFallWhereTheyFellThere) {
  int64_t num_requests = 0;
  for (const auto& entry : std::filesystem::directory_iterator(root_)) {
    const auto file = entry.path().filename().string();
    if (!file.starts_with("borders_")) continue;
    SCOPED_TRACE(file);
    const auto model = system(entry.path().stem().string().substr(std::string("borders_").size()));
    if (!model) continue;
    const auto text = read_text_file(entry.path());
    for (const auto line : lines_of(text)) {
      const auto recorded = Json::parse(line);
      SCOPED_TRACE(recorded.dump(-1, ' ', true));
      const std::vector<tasks::Request> request{
          tasks::ScoreText{recorded.at("context").get<std::string>(),
                           recorded.at("continuation").get<std::string>()}};
      std::optional<tasks::Response> response;
      model->answer(request, [&](size_t, tasks::Response r) { response = std::move(r); });
      ASSERT_TRUE(response.has_value());
      ++num_requests;
      EXPECT_EQ(std::holds_alternative<tasks::Failed>(*response), recorded.contains("error"));
      const auto* score = std::get_if<tasks::TextScore>(&*response);
      if (!score || recorded.contains("error")) continue;
      EXPECT_EQ(score->context_ids, ids(recorded.at("context_ids")));
      EXPECT_EQ(score->token_ids, ids(recorded.at("continuation_ids")));
      EXPECT_NEAR(score->log_likelihood, recorded.at("ll").get<double>(), log_likelihood_tolerance);
      EXPECT_EQ(score->is_greedy, recorded.at("greedy").get<bool>());
    }
  }
  EXPECT_GT(num_requests, 0);
}

TEST_F(LmEvalGoldens, ExactModeGivesTheSameBitsForAnyBatchOrderAndNeighbours) {
  for (const auto& run : tests::recorded_runs(root_)) {
    if (!run.documents.front().contains("requests")) continue;  // choices: many ways to batch them
    SCOPED_TRACE(run.name);
    models::EngineOptions whole{.mode = models::NumericMode::Exact}, small = whole;
    small.max_rows = 96;
    small.share_prefixes = false;
    const auto together = system(run.description.at("model"), whole);
    const auto alone = system(run.description.at("model"), small);
    if (!together || !tasks::is_task(run.description.at("task").get<std::string>())) continue;
    const auto task = planned(run);
    std::vector<tasks::Request> requests;
    for (size_t i = 0; i < std::min<size_t>(12, task.documents.size()); ++i) {
      const auto& own = task.documents[i].requests;
      requests.insert(requests.end(), own.begin(), own.end());
    }
    std::vector<double> expected(requests.size());
    together->answer(requests, [&](size_t i, const tasks::Response& r) {
      expected[i] = std::get<tasks::TextScore>(r).log_likelihood;
    });
    for (size_t i = requests.size(); i-- > 0;) {
      alone->answer(std::span(requests).subspan(i, 1), [&](size_t, const tasks::Response& r) {
        EXPECT_EQ(std::get<tasks::TextScore>(r).log_likelihood, expected[i]) << "request " << i;
      });
    }
  }
}

}  // namespace
}  // namespace hylo::harness
