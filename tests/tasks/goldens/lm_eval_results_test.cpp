// Whole runs recorded by lm-evaluation-harness: prompts, worked examples, scores and aggregates.
// Walks whatever runs lie in lm-eval-results; one of a task that the catalog does not know fails.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <fstream>

#include "harness/base/files.h"
#include "harness/base/hash.h"
#include "harness/base/overloaded.h"
#include "tasks/catalog.h"
#include "tasks/core/aggregate.h"
#include "tasks/prompts/assembly.h"
#include "tests/support/test_data.h"

namespace hylo::tasks {
namespace {

using tests::data;
using tests::golden;
using tests::skip_reason;

/// Sums of up to ten thousand terms in double precision, in an order of our own.
constexpr double aggregate_tolerance = 1e-12;

struct Run {
  std::string name;
  Json record;
  std::unique_ptr<Task> task;
  TaskData data;
  PromptOptions options;
};

PromptOptions options_of(const Json& record) {
  PromptOptions options{.num_fewshot = record.at("n_shot").get<int64_t>()};
  options.sampler = record.at("sampler") == "first_n" ? Sampler::FirstN : Sampler::Default;
  if (record.contains("limit")) options.limit = record["limit"].get<int64_t>();
  if (record.contains("doc_ids")) {
    options.document_ids = record["doc_ids"].get<std::vector<int64_t>>();
  }
  if (record.contains("gen_kwargs")) {
    options.generation = parse_generation_overrides(record["gen_kwargs"].dump());
  }
  return options;
}

std::vector<Json> lines_of_file(const std::filesystem::path& file) {
  const auto text = read_text_file(file);
  std::vector<Json> lines;
  for (const auto line : lines_of(text)) lines.push_back(parse_json(line, file.string()));
  return lines;
}

/// Calls `check(Run)` for every run of a known task that `wanted(record)` takes.
template <class Wanted, class Check>
void for_each_run(Wanted wanted, Check check) {
  const auto results = golden("lm-eval-results/results.json");
  if (!results) GTEST_SKIP() << skip_reason("HYLO_TEST_DATA", "lm-eval-results");
  const std::filesystem::path data_root = environment("HYLO_DATA");
  if (data_root.empty()) GTEST_SKIP() << skip_reason("HYLO_DATA", "the data sets");
  const Json all = read_json_file(*results);
  int num_runs = 0;
  for (auto item = all.begin(); item != all.end(); ++item) {
    const std::string& name = item.key();
    const Json& record = item.value();
    const auto task_name = record.at("task").get<std::string>();
    if (!wanted(record)) continue;
    SCOPED_TRACE(name);
    EXPECT_TRUE(is_task(task_name))
        << "a recorded run of " << task_name << ", which the catalog does not know";
    if (!is_task(task_name)) continue;
    auto task = make_task(task_name);
    const auto options = options_of(record);
    auto task_data = open_task_data(*task, data_root, num_fewshot_of(task->info(), options) > 0);
    check(Run{name, record, std::move(task), std::move(task_data), options});
    ++num_runs;
  }
  EXPECT_GT(num_runs, 0) << "no run of a known task in " << results->string();
}

bool is_crc(const Json& record) { return record.at("model") == "crc"; }

/// What the scripted system called crc answers; `line` holds the texts that it generated.
Response crc_answer(const Request& request, const Json& line) {
  return std::visit(overloaded{[](const ScoreText& r) -> Response {
                                 const uint32_t crc = crc32(r.context + "\x1f" + r.continuation);
                                 TextScore score;
                                 score.log_likelihood = -(crc % 64 + 1.0) / 4;
                                 score.is_greedy = ((crc >> 16) & 1) != 0;
                                 return score;
                               },
                               [](const ScoreRolling& r) -> Response {
                                 TextScore score;
                                 score.log_likelihood = -(crc32(r.text) % 1000003 / 8.0);
                                 return score;
                               },
                               [](const auto&) -> Response {
                                 return Failed{"lm-evaluation-harness asks no such thing"};
                               },
                               [&](const GenerateText&) -> Response {
                                 GeneratedText generated;
                                 generated.text = line.at("response").get<std::string>();
                                 return generated;
                               }},
                    request);
}

/// What a real model answered: likelihoods and texts as recorded.
std::vector<Response> recorded_answers(const Json& line) {
  std::vector<Response> responses;
  if (line.contains("response")) {
    GeneratedText generated;
    generated.text = line["response"].get<std::string>();
    responses.emplace_back(generated);
    return responses;
  }
  std::vector<Json> scored{line};
  if (line.contains("requests")) scored = line["requests"].get<std::vector<Json>>();
  for (const auto& request : scored) {
    TextScore score;
    score.log_likelihood = request.at("ll").get<double>();
    responses.emplace_back(score);
  }
  return responses;
}

std::vector<std::string> texts_of(const Request& request) {
  return std::visit(
      overloaded{[](const ScoreText& r) {
                   return std::vector<std::string>{r.context, r.continuation};
                 },
                 [](const GenerateText& r) { return std::vector<std::string>{r.prompt}; },
                 [](const auto& r) { return std::vector<std::string>{r.text}; }},
      request);
}

std::vector<double> log_likelihoods_of(const std::vector<Response>& responses) {
  std::vector<double> values;
  for (const auto& response : responses)
    values.push_back(std::get<TextScore>(response).log_likelihood);
  return values;
}

/// Metrics lie in the line itself, under "metrics", or under "metrics" and the filter's name.
void expect_metrics(const Score& score, const Json& line) {
  const Json& metrics = line.contains("metrics") ? line["metrics"] : line;
  for (const auto& value : score) {
    const Json& of_filter = value.filter == "none" ? metrics : metrics.at(value.filter);
    if (!of_filter.contains(value.metric)) continue;  // perplexities record their parts instead
    ASSERT_TRUE(value.value.has_value()) << value.metric;
    EXPECT_EQ(*value.value, of_filter[value.metric].get<double>()) << value.metric << value.filter;
  }
  for (const auto& value : score) {
    if (line.contains("filtered")) {
      EXPECT_EQ(value.extracted, line["filtered"].at(value.filter));
    }
    if (line.contains("words") && value.metric == "word_perplexity") {
      EXPECT_EQ(value.weight, line["words"].get<double>());
    }
    if (line.contains("bytes") && value.metric != "word_perplexity") {
      EXPECT_EQ(value.weight, line["bytes"].get<double>());
    }
  }
}

std::string stderr_key(const std::string& key) {
  const size_t comma = key.find(',');
  return key.substr(0, comma) + "_stderr" + key.substr(comma);
}

void expect_aggregates(const Run& run, const std::vector<Score>& scores) {
  const Json& results = run.record.at("results").at(run.task->info().name);
  size_t num_compared = 0;
  for (const auto& a : aggregate(run.task->info(), scores)) {
    const auto key = a.metric + "," + a.filter;
    if (!results.contains(key)) continue;
    ++num_compared;
    const auto expected = results[key].get<double>();
    ASSERT_TRUE(a.value.has_value()) << key;
    EXPECT_NEAR(*a.value, expected, aggregate_tolerance * std::abs(expected)) << key;
    EXPECT_EQ(a.num_failed, 0);
    const Json& error = results.at(stderr_key(key));
    ASSERT_EQ(a.standard_error.has_value(), error.is_number()) << key;
    if (error.is_number()) {
      EXPECT_NEAR(*a.standard_error, error.get<double>(), aggregate_tolerance);
    }
  }
  size_t num_recorded = 0;
  for (const auto& [key, value] : results.items()) {
    if (key.find(',') != std::string::npos && key.find("_stderr,") == std::string::npos)
      ++num_recorded;
  }
  EXPECT_EQ(num_compared, num_recorded) << "a recorded metric is not one of the task's";
}

void expect_fewshot_ids(const PromptedDocument& prompted, const Json& line) {
  if (line.contains("fewshot_ids")) {
    EXPECT_EQ(prompted.fewshot_ids, line["fewshot_ids"].get<std::vector<int64_t>>());
  }
}

void check_crc_run(const Run& run) {
  const auto lines = lines_of_file(*golden("lm-eval-results/scores/" + run.name + ".jsonl"));
  const auto prompted = prompted_documents(*run.task, run.data, run.options);
  ASSERT_EQ(prompted.size(), lines.size());
  ASSERT_EQ(prompted.size(), run.record.at("n").get<size_t>());
  std::vector<Score> scores;
  for (size_t i = 0; i < lines.size() && !testing::Test::HasFailure(); ++i) {
    SCOPED_TRACE(i);
    const Json& line = lines[i];
    const auto& [document, fewshot_ids, requests] = prompted[i];
    EXPECT_EQ(document->index, line.at("doc_id").get<int64_t>());
    expect_fewshot_ids(prompted[i], line);
    std::vector<Response> responses;
    std::vector<std::vector<std::string>> texts;
    for (const auto& request : requests) {
      responses.push_back(crc_answer(request, line));
      texts.push_back(texts_of(request));
    }
    if (line.contains("requests")) {
      EXPECT_EQ(texts, line["requests"].get<std::vector<std::vector<std::string>>>());
    }
    if (line.contains("ll")) {
      const Json recorded = line["ll"].is_array() ? line["ll"] : Json::array({line["ll"]});
      EXPECT_EQ(log_likelihoods_of(responses), recorded.get<std::vector<double>>());
    }
    scores.push_back(run.task->score(*document, responses));
    expect_metrics(scores.back(), line);
  }
  expect_aggregates(run, scores);
}

void expect_choices(const std::vector<Request>& requests, const Json& line) {
  ASSERT_EQ(requests.size(), line.at("requests").size());
  for (size_t i = 0; i < requests.size(); ++i) {
    const Json& recorded = line["requests"][i];
    const auto& request = std::get<ScoreText>(requests[i]);
    EXPECT_EQ(request.context,
              line.at("contexts").at(recorded.at("context").get<size_t>()).at("text"));
    EXPECT_EQ(request.continuation, recorded.at("continuation"));
    EXPECT_EQ(request.continuation, " " + line.at("choices")[i].get<std::string>());
  }
}

void expect_request(const PromptedDocument& prompted, const Json& line) {
  const auto& requests = prompted.requests;
  if (line.contains("requests")) return expect_choices(requests, line);
  ASSERT_EQ(requests.size(), 1U);
  if (line.contains("text")) {
    EXPECT_EQ(std::get<ScoreRolling>(requests[0]).text, line["text"]);
    return;
  }
  const auto& generation = std::get<GenerateText>(requests[0]);
  EXPECT_EQ(generation.prompt, line.at("context"));
  // The recorded list may end in the end-of-text string, which the system under test knows, not the
  // task.
  auto until = line.at("until").get<std::vector<std::string>>();
  ASSERT_THAT(until.size(), testing::AnyOf(generation.stop.size(), generation.stop.size() + 1));
  until.resize(generation.stop.size());
  EXPECT_EQ(generation.stop, until);
  EXPECT_LE(line.at("generated_ids").size(), static_cast<size_t>(generation.max_new_tokens));
}

void check_model_run(const Run& run) {
  const auto lines = lines_of_file(*golden("lm-eval-results/docs/" + run.name + ".jsonl"));
  const auto prompted = prompted_documents(*run.task, run.data, run.options);
  ASSERT_EQ(prompted.size(), lines.size());
  ASSERT_EQ(prompted.size(), run.record.at("n").get<size_t>());
  std::vector<Score> scores;
  for (size_t i = 0; i < lines.size() && !testing::Test::HasFailure(); ++i) {
    SCOPED_TRACE(i);
    EXPECT_EQ(prompted[i].document->index, lines[i].at("doc_id").get<int64_t>());
    expect_fewshot_ids(prompted[i], lines[i]);
    expect_request(prompted[i], lines[i]);
    scores.push_back(run.task->score(*prompted[i].document, recorded_answers(lines[i])));
    expect_metrics(scores.back(), lines[i]);
  }
  expect_aggregates(run, scores);
}

TEST(LmEvalResultsGoldens, EveryScriptedRunIsReproducedExactly) {
  for_each_run(is_crc, check_crc_run);
}

TEST(LmEvalResultsGoldens, PromptsScoresAndAggregatesOfRealModelsAreEqual) {
  for_each_run([](const Json& record) { return !is_crc(record); }, check_model_run);
}

}  // namespace
}  // namespace hylo::tasks
