// Learning rates over the steps of a stage, as factors of the peak.
// Source: huggingface/transformers, optimization.py, whose step counting is followed; warm-up,
// stable, decay: MiniCPM (arXiv 2404.06395).
#pragma once

#include <cstdint>
#include <string>
#include <variant>

#include "harness/base/json.h"

namespace hylo::models {

/// How a factor goes from 0 to 1 or back: by u, (1 - cos(pi u)) / 2, or 1 - sqrt(1 - u).
enum class Ramp { Linear, Cosine, Sqrt };

struct ConstantRate {
  int64_t warmup_steps = 0;
  bool operator==(const ConstantRate&) const = default;
};
/// Down to min_ratio at the last step.
struct LinearRate {
  int64_t warmup_steps = 0;
  double min_ratio = 0;
  bool operator==(const LinearRate&) const = default;
};
struct CosineRate {
  int64_t warmup_steps = 0;
  double min_ratio = 0;
  bool operator==(const CosineRate&) const = default;
};
/// Up, level, and down over the last decay_steps.
struct WarmupStableDecay {
  int64_t warmup_steps = 0, decay_steps = 0;
  Ramp warmup = Ramp::Linear, decay = Ramp::Linear;
  double min_ratio = 0;
  bool operator==(const WarmupStableDecay&) const = default;
};
using RateSchedule = std::variant<ConstantRate, LinearRate, CosineRate, WarmupStableDecay>;

/// The factor in force during step `step` (from 0) of `num_steps`. With a warm-up the first step
/// has factor 0 (WarmupStableDecay: min_ratio).
double rate_factor(const RateSchedule& schedule, int64_t step, int64_t num_steps);

/// Throws Error, naming the path, for a kind that is unknown and for numbers that cannot be.
RateSchedule read_rate_schedule(const Json& json, const std::string& path);
OrderedJson describe(const RateSchedule& schedule);

}  // namespace hylo::models
