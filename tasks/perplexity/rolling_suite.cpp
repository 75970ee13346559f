#include "tasks/perplexity/rolling_suite.h"

#include <array>
#include <cmath>

#include "harness/base/error.h"
#include "harness/base/unicode.h"
#include "tasks/perplexity/wikitext.h"
#include "tasks/prompts/field_path.h"

namespace hylo::tasks {
namespace {

constexpr std::array suites{
    RollingSuite{.name = "wikitext",
                 .version = "2.0",
                 .description = "perplexity of 62 Wikipedia articles, page by page",
                 .source = "EleutherAI/lm-evaluation-harness 0.4, lm_eval/tasks/wikitext",
                 .licence = "MIT",
                 .dataset = "wikitext2",
                 .split = "test",
                 .field = "page",
                 .detokenise = detokenise_wikitext},
    RollingSuite{
        .name = "story_perplexity",
        .version = "1.0",
        .description = "perplexity of short stories in very simple words; needs no download",
        .source = "hylo",
        .licence = "Apache-2.0",
        .dataset = "stories",
        .split = "test",
        .field = "story"},
};

std::vector<MetricInfo> rolling_metrics() {
  return {{.name = "word_perplexity",
           .higher_is_better = false,
           .aggregation = Aggregation::WeightedPerplexity},
          {.name = "byte_perplexity",
           .higher_is_better = false,
           .aggregation = Aggregation::WeightedPerplexity},
          {.name = "bits_per_byte",
           .higher_is_better = false,
           .aggregation = Aggregation::BitsPerByte}};
}

}  // namespace

RollingTask::RollingTask(const RollingSuite& suite)
    : suite_(suite),
      info_{.name = std::string(suite.name),
            .version = std::string(suite.version),
            .description = std::string(suite.description),
            .source = std::string(suite.source),
            .licence = std::string(suite.licence),
            .dataset = std::string(suite.dataset),
            .split = std::string(suite.split),
            .fewshot_split = {},
            .metrics = rolling_metrics()} {}

std::string RollingTask::text_of_document(const Document& document) const {
  const FieldPath path(suite_.field);
  try {
    return text_of(path.find(document.fields), path);
  } catch (const Error& error) {
    fail("{}: {}", name_of(info_, document), error.what());
  }
}

std::vector<Request> RollingTask::requests(const Document& document,
                                           std::span<const Document* const> shots) const {
  require(shots.empty(), "{}: takes no worked examples, found {}", info_.name, shots.size());
  const auto text = text_of_document(document);
  return {ScoreRolling{.text = suite_.detokenise ? suite_.detokenise(text) : text}};
}

Score RollingTask::score(const Document& document, std::span<const Response> responses) const {
  if (any_failed(responses)) return failed_score(info_);
  const double log_likelihood = std::get<TextScore>(responses.front()).log_likelihood;
  if (std::isnan(log_likelihood)) return failed_score(info_);
  const auto text = text_of_document(document);
  const auto words = static_cast<double>(count_words(text));
  const auto bytes = static_cast<double>(text.size());
  Score score = failed_score(info_);
  for (auto& metric : score) {
    metric.value = log_likelihood;
    metric.weight = metric.metric == "word_perplexity" ? words : bytes;
  }
  return score;
}

int64_t count_words(std::string_view text) {
  int64_t num_pieces = 1;
  bool was_space = false;
  for (size_t i = 0; i < text.size();) {
    const auto [value, num_bytes] = code_point_at(text, i);
    const bool is_space = is_python_space(value);
    if (is_space && !was_space) ++num_pieces;
    was_space = is_space;
    i += num_bytes;
  }
  return num_pieces;
}

std::span<const RollingSuite> rolling_suites() { return suites; }

}  // namespace hylo::tasks
