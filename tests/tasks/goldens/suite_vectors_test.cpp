// Suites that no recorded run covers, against an independent program in Python
// (suites_reference.py beside this file): requests, worked examples, ties, aggregates.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "harness/base/files.h"
#include "harness/base/hash.h"
#include "tasks/catalog.h"
#include "tasks/core/aggregate.h"
#include "tasks/prompts/assembly.h"
#include "tests/support/test_data.h"
#include "tests/tasks/goldens/requests_as_json.h"

namespace hylo::tasks {
namespace {

using tests::skip_reason;

/// Sums of thousands of terms in another order.
constexpr double aggregate_tolerance = 1e-12;

Response crc_answer(const ScoreText& request) {
  const uint32_t crc = crc32(request.context + "\x1f" + request.continuation);
  TextScore score;
  score.log_likelihood = -(crc % 64 + 1.0) / 4;
  score.is_greedy = ((crc >> 16) & 1) != 0;
  return score;
}

std::vector<PromptedDocument> prompted(const Task& task, const TaskData& data, const Json& run) {
  PromptOptions options;
  options.num_fewshot = run.at("n_shot").get<int64_t>();
  options.sampler = run.at("sampler") == "first_n" ? Sampler::FirstN : Sampler::Default;
  return prompted_documents(task, data, options);
}

void expect_results(const Json& expected, const std::vector<Aggregate>& aggregates) {
  size_t num_compared = 0;
  for (const auto& a : aggregates) {
    if (!expected.contains(a.metric)) continue;
    ++num_compared;
    const auto value = expected[a.metric].at("value").get<double>();
    EXPECT_NEAR(a.value.value(), value, aggregate_tolerance * std::abs(value)) << a.metric;
    const Json& error = expected[a.metric].at("stderr");
    ASSERT_EQ(a.standard_error.has_value(), error.is_number()) << a.metric;
    if (error.is_number()) {
      EXPECT_NEAR(*a.standard_error, error.get<double>(), aggregate_tolerance) << a.metric;
    }
  }
  EXPECT_EQ(num_compared, expected.size());
}

void check_run(const Json& run) {
  const auto task = make_task(run.at("task").get<std::string>());
  const auto data = open_task_data(*task, environment("HYLO_DATA"), run.at("n_shot") > 0);
  std::vector<std::vector<std::string>> requests;
  std::vector<std::vector<int64_t>> fewshot_ids;
  std::vector<Score> scores;
  for (const auto& [document, ids, asked] : prompted(*task, data, run)) {
    fewshot_ids.push_back(ids);
    std::vector<Response> responses;
    for (const auto& request : asked) {
      if (const auto* scored = std::get_if<ScoreText>(&request)) {
        requests.push_back({scored->context, scored->continuation});
        responses.push_back(crc_answer(*scored));
      } else {
        requests.push_back({std::get<GenerateText>(request).prompt});
        responses.emplace_back(GeneratedText{});
      }
    }
    scores.push_back(task->score(*document, responses));
  }
  ASSERT_EQ(fewshot_ids.size(), run.at("n").get<size_t>());
  EXPECT_EQ(sha256_hex(python_json(requests)), run.at("requests_sha256"));
  const std::vector<std::vector<int64_t>> shown{fewshot_ids[0], fewshot_ids[1], fewshot_ids[2],
                                                fewshot_ids.back()};
  EXPECT_EQ(shown, run.at("fewshot_ids").get<std::vector<std::vector<int64_t>>>());
  expect_results(run.at("results"), aggregate(task->info(), scores));
}

TEST(SuiteVectorsGoldens, EverySuiteEqualsTheProgramInPython) {
  if (environment("HYLO_DATA").empty()) GTEST_SKIP() << skip_reason("HYLO_DATA", "the data sets");
  const Json runs = read_json_file(tests::fixture("lm-suites/vectors.json"));
  for (const auto& run : runs) {
    SCOPED_TRACE(run.at("task").get<std::string>() + " " + run.at("n_shot").dump());
    ASSERT_NO_FATAL_FAILURE(check_run(run));
  }
}

}  // namespace
}  // namespace hylo::tasks
