#include "tasks/scoring/choices.h"

#include <algorithm>
#include <cmath>

#include "harness/base/error.h"
#include "harness/base/unicode.h"

namespace hylo::tasks {
namespace {

template <class Length>
double is_best(std::span<const std::string> choices, size_t gold,
               std::span<const double> log_likelihoods, Length length) {
  std::vector<double> normalised;
  for (size_t i = 0; i < choices.size(); ++i) {
    normalised.push_back(log_likelihoods[i] / static_cast<double>(length(choices[i])));
  }
  const auto best = std::ranges::max_element(normalised);  // the first of equals
  return best - normalised.begin() == static_cast<std::ptrdiff_t>(gold) ? 1.0 : 0.0;
}

}  // namespace

std::vector<MetricInfo> choice_metrics() {
  return {{.name = "acc"}, {.name = "acc_norm"}, {.name = "acc_bytes"}};
}

std::vector<MetricInfo> choice_metrics(std::span<const std::string> names) {
  auto metrics = choice_metrics();
  for (const auto& name : names) {
    require(std::ranges::find(metrics, name, &MetricInfo::name) != metrics.end(),
            "expected metrics of acc, acc_norm and acc_bytes, found '{}'", name);
  }
  require(!names.empty(), "expected metrics of acc, acc_norm and acc_bytes, found none");
  std::erase_if(metrics, [&](const MetricInfo& metric) {
    return std::ranges::find(names, metric.name) == names.end();
  });
  return metrics;
}

Score choice_score(std::span<const std::string> choices, size_t gold,
                   std::span<const double> log_likelihoods) {
  invariant(choices.size() == log_likelihoods.size(), "{} choices, {} log-likelihoods",
            choices.size(), log_likelihoods.size());
  Score score{{.metric = "acc"}, {.metric = "acc_norm"}, {.metric = "acc_bytes"}};
  if (std::ranges::any_of(log_likelihoods, [](double ll) { return std::isnan(ll); })) return score;
  const auto one = [](const std::string&) { return size_t{1}; };
  const auto code_points = [](const std::string& text) { return count_code_points(text); };
  const auto bytes = [](const std::string& text) { return text.size(); };
  score[0].value = is_best(choices, gold, log_likelihoods, one);
  score[1].value = is_best(choices, gold, log_likelihoods, code_points);
  score[2].value = is_best(choices, gold, log_likelihoods, bytes);
  return score;
}

}  // namespace hylo::tasks
