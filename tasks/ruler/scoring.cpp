#include "tasks/ruler/scoring.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <numeric>

#include "harness/base/error.h"
#include "harness/base/unicode.h"

namespace hylo::tasks::ruler {
namespace {

double mean(std::span<const double> values) {
  return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
}

}  // namespace

std::string postprocessed(std::string_view prediction) {
  std::string text(python_strip(prediction));
  std::ranges::replace_if(
      text, [](unsigned char c) { return c < 0x20; }, '\n');
  return std::string(python_strip(text));
}

double score_of(Metric metric, std::string_view prediction,
                std::span<const std::string> references) {
  require(!references.empty(), "ruler: a sample without references cannot be scored");
  const auto written = python_lower(prediction);
  const auto num_found = std::ranges::count_if(references, [&](const std::string& reference) {
    return written.find(python_lower(reference)) != std::string::npos;
  });
  if (metric == Metric::Part) return num_found > 0 ? 1.0 : 0.0;
  return static_cast<double>(num_found) / static_cast<double>(references.size());
}

double python_round(double value, int decimals) {
  std::array<char, 512> digits;
  const auto written = std::to_chars(digits.data(), digits.data() + digits.size(), value,
                                     std::chars_format::fixed, decimals);
  double rounded = value;
  std::from_chars(digits.data(), written.ptr, rounded);
  return rounded;
}

double task_score(std::span<const double> sample_scores) {
  require(!sample_scores.empty(), "ruler: a task without samples has no score");
  return python_round(mean(sample_scores) * 100, 2);
}

double average_over_tasks(std::span<const double> task_scores) {
  require(!task_scores.empty(), "ruler: no tasks to average");
  return mean(task_scores);
}

LengthAverages averages_over_lengths(std::vector<LengthScore> scores) {
  require(!scores.empty(), "ruler: no lengths to average");
  std::ranges::sort(scores, {}, &LengthScore::length);
  const auto num_lengths = static_cast<double>(scores.size());
  LengthAverages sums;
  for (size_t i = 0; i < scores.size(); ++i) {
    const auto weight = static_cast<double>(i + 1);
    sums.plain += scores[i].score;
    sums.increasing += weight * scores[i].score;
    sums.decreasing += (num_lengths + 1 - weight) * scores[i].score;
  }
  const double sum_of_weights = num_lengths * (num_lengths + 1) / 2;
  return {.plain = sums.plain / num_lengths,
          .increasing = sums.increasing / sum_of_weights,
          .decreasing = sums.decreasing / sum_of_weights};
}

std::optional<int64_t> effective_length(std::span<const LengthScore> scores, double threshold) {
  std::optional<int64_t> longest;
  for (const auto& [length, score] : scores) {
    if (score > threshold) longest = std::max(longest.value_or(length), length);
  }
  return longest;
}

}  // namespace hylo::tasks::ruler
