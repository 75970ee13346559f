// Hashes of all requests and scores of a dummy model that lm-evaluation-harness v0.3.0 recorded.
// The documents are shuffled by random.Random(42); the log-likelihood of request i is minus the
// i-th random() of a stream of its own with the same seed.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "harness/base/files.h"
#include "harness/base/hash.h"
#include "harness/base/random.h"
#include "harness/base/unicode.h"
#include "tasks/catalog.h"
#include "tasks/core/aggregate.h"
#include "tasks/core/task_data.h"
#include "tests/support/test_data.h"
#include "tests/tasks/goldens/requests_as_json.h"

namespace hylo::tasks {
namespace {

using tests::golden;
using tests::skip_reason;

constexpr uint64_t recorded_seed = 42;
constexpr double aggregate_tolerance = 1e-12;  // sums of thousands of ones in another order
/// Its recorded requests come from a file with other fields than the one here has.
constexpr std::string_view other_source = "hellaswag";

using Requests = std::vector<std::vector<std::string>>;

std::string task_of(const std::string& recorded) { return recorded.substr(0, recorded.find("-v")); }

std::vector<Document> shuffled_documents(const Task& task) {
  auto documents = open_task_data(task, environment("HYLO_DATA"), /*with_pool=*/false).documents;
  PythonRandom(recorded_seed).shuffle(documents);
  return documents;
}

/// As v0.3.0 asked: [context, continuation], or [prompt, ["\n"]] for a generated text.
Requests requests_of(const Task& task, const Document& document, bool reversed) {
  Requests requests;
  for (const auto& request : task.requests(document, {})) {
    if (const auto* scored = std::get_if<ScoreText>(&request)) {
      requests.push_back({scored->context, scored->continuation});
    } else {
      requests.push_back({std::get<GenerateText>(request).prompt});
    }
  }
  if (reversed) std::ranges::reverse(requests);
  return requests;
}

std::vector<Response> dummy_answers(const Requests& requests, bool reversed, PythonRandom& random) {
  std::vector<Response> responses;
  for (const auto& request : requests) {
    if (request.size() == 1) {
      GeneratedText nothing;
      responses.emplace_back(nothing);
      continue;
    }
    TextScore score;
    score.log_likelihood = -random.random();
    responses.emplace_back(score);
  }
  if (reversed) std::ranges::reverse(responses);
  return responses;
}

std::string hash_of(const Requests& requests, const Json& record) {
  auto text = python_json(requests);
  if (record.at("request_type") == "greedy_until") {
    text = replace_all(text, "\"]", "\", [\"\\n\"]]");
  }
  return sha256_hex(text);
}

/// Generated answers had one metric, acc, where exact_match stands now.
std::string recorded_metric(const Aggregate& aggregate) {
  return aggregate.metric == "exact_match" ? "acc" : aggregate.metric;
}

void check_recorded_task(const std::string& name, const Json& record) {
  SCOPED_TRACE(name);
  ASSERT_TRUE(is_task(task_of(name))) << "a recorded task that the catalog does not know";
  const auto task = make_task(task_of(name));
  const bool reversed = record.value("choices_reversed", false);
  PythonRandom random(recorded_seed);
  Requests all;
  std::vector<Score> scores;
  for (const auto& document : shuffled_documents(*task)) {
    const auto requests = requests_of(*task, document, reversed);
    scores.push_back(task->score(document, dummy_answers(requests, reversed, random)));
    all.insert(all.end(), requests.begin(), requests.end());
  }
  EXPECT_EQ(hash_of(all, record), record.at("requests_sha256"));
  size_t num_compared = 0;
  for (const auto& a : aggregate(task->info(), scores)) {
    const auto metric = recorded_metric(a);
    const Json& results = record.at("dummy_results");
    if (!results.contains(metric)) continue;
    ++num_compared;
    EXPECT_NEAR(a.value.value(), results[metric].get<double>(), aggregate_tolerance) << metric;
    EXPECT_NEAR(a.standard_error.value(), results[metric + "_stderr"].get<double>(),
                aggregate_tolerance);
  }
  EXPECT_GT(num_compared, 0U);
}

void check_file(const std::filesystem::path& file) {
  const Json records = read_json_file(file);
  for (const auto& [name, record] : records.items()) {
    if (task_of(name) != other_source) check_recorded_task(name, record);
  }
}

TEST(LmEvalV030Goldens, EveryRecordedTaskIsReproduced) {
  const auto file = golden("lm-eval-goldens/v0.3.0.json");
  if (!file) GTEST_SKIP() << skip_reason("HYLO_TEST_DATA", "lm-eval-goldens");
  if (environment("HYLO_DATA").empty()) GTEST_SKIP() << skip_reason("HYLO_DATA", "the data sets");
  check_file(*file);
}

TEST(LmEvalV030Goldens, WinograndeOpenbookqaAndBoolqToo) {
  if (environment("HYLO_DATA").empty()) GTEST_SKIP() << skip_reason("HYLO_DATA", "the data sets");
  check_file(tests::fixture("lm-suites/v0.3.0.json"));
}

TEST(LmEvalV030Goldens, TheFirstRequestsAreTheRecordedTexts) {
  const auto folder = golden("lm-eval-goldens/requests-first10");
  if (!folder) GTEST_SKIP() << skip_reason("HYLO_TEST_DATA", "lm-eval-goldens");
  if (environment("HYLO_DATA").empty()) GTEST_SKIP() << skip_reason("HYLO_DATA", "the data sets");
  for (const auto& entry : std::filesystem::directory_iterator(*folder)) {
    const auto name = task_of(entry.path().filename().string());
    if (name == other_source) continue;
    SCOPED_TRACE(entry.path().string());
    ASSERT_TRUE(is_task(name)) << "a recorded task that the catalog does not know";
    const auto recorded = read_json_file(entry.path()).get<Requests>();
    const auto task = make_task(name);
    Requests requests;
    for (const auto& document : shuffled_documents(*task)) {
      if (requests.size() >= recorded.size()) break;
      const auto own = requests_of(*task, document, /*reversed=*/false);
      requests.insert(requests.end(), own.begin(), own.end());
    }
    EXPECT_EQ(requests, recorded);
  }
}

}  // namespace
}  // namespace hylo::tasks
