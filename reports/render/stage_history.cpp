#include "reports/render/stage_history.h"

#include <algorithm>
#include <span>

#include "reports/compare/log_bins.h"
#include "reports/store/training_history.h"

namespace hylo::reports {
namespace {

using Steps = std::span<const TrainingStep>;

std::optional<double> mean_of(Steps steps, std::optional<double> TrainingStep::*value) {
  double sum = 0;
  int64_t n = 0;
  for (const auto& step : steps) {
    if (!(step.*value)) continue;
    sum += *(step.*value);
    ++n;
  }
  return n == 0 ? std::nullopt : std::optional(sum / static_cast<double>(n));
}

struct Timed {
  double seconds = 0;
  int64_t num_rows = 0, n = 0;
  [[nodiscard]] std::optional<double> rows_per_second() const {
    return seconds > 0 ? std::optional(static_cast<double>(num_rows) / seconds) : std::nullopt;
  }
};

Timed timed(Steps steps) {
  Timed total;
  for (const auto& step : steps) {
    if (!step.seconds) continue;
    total.seconds += *step.seconds;
    total.num_rows += step.num_rows;
    ++total.n;
  }
  return total;
}

StagePoint point_of(Steps steps, int64_t tokens) {
  return {.tokens = tokens,
          .num_steps = std::ssize(steps),
          .loss = mean_of(steps, &TrainingStep::loss),
          .divergence = mean_of(steps, &TrainingStep::divergence),
          .cross_entropy = mean_of(steps, &TrainingStep::cross_entropy),
          .layer_distance = mean_of(steps, &TrainingStep::layer_distance),
          .mixer_distance = mean_of(steps, &TrainingStep::mixer_distance),
          .margin = mean_of(steps, &TrainingStep::margin),
          .preference_accuracy = mean_of(steps, &TrainingStep::preference_accuracy),
          .gradient_norm = mean_of(steps, &TrainingStep::gradient_norm),
          .learning_rate = mean_of(steps, &TrainingStep::learning_rate),
          .tokens_per_second = timed(steps).rows_per_second()};
}

std::vector<TrainingStep> steps_of(const Store& store, int64_t run, int64_t stage) {
  std::vector<TrainingStep> steps;
  read_training_steps(store, run, stage, [&](const TrainingStep& step) { steps.push_back(step); });
  return steps;
}

std::optional<int64_t> peak_of(Steps steps) {
  std::optional<int64_t> peak;
  for (const auto& step : steps) peak = std::max(peak, step.resident_bytes);
  return peak;
}

}  // namespace

int64_t StageHistory::tokens_after(int64_t num_steps_done) const {
  const auto behind = std::ranges::lower_bound(marks, num_steps_done, {}, &Mark::step);
  return behind == marks.begin() ? 0 : std::prev(behind)->tokens;
}

StageHistory stage_history(const Store& store, int64_t run, int64_t stage, int64_t max_points) {
  const auto all = steps_of(store, run, stage);
  StageHistory history{.num_steps = std::ssize(all)};
  if (all.empty()) return history;
  const Steps steps(all);
  for (const auto& step : steps) {
    history.num_rows += step.num_rows;
    history.marks.push_back({step.place.step, history.num_rows});
  }
  const auto time = timed(steps);
  const auto hundredth = std::max<size_t>(1, steps.size() / 100);
  history.last_step = steps.back().place.step;
  if (time.n > 0) history.seconds = time.seconds;
  history.tokens_per_second = time.rows_per_second();
  history.first_loss = mean_of(steps.first(hundredth), &TrainingStep::loss);
  history.last_loss = mean_of(steps.last(hundredth), &TrainingStep::loss);
  history.peak_bytes = peak_of(steps);
  size_t first = 0;
  for (const auto end : log_bins(std::ssize(steps), max_points)) {
    const auto last = static_cast<size_t>(end);
    history.points.push_back(
        point_of(steps.subspan(first, last - first), history.marks[last - 1].tokens));
    first = last;
  }
  return history;
}

}  // namespace hylo::reports
