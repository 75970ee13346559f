#include <algorithm>
#include <cmath>

#include "harness/base/clock.h"
#include "harness/base/error.h"
#include "kernels/machine/machine.h"

namespace hylo::kernels {
namespace {

/// `fraction` of the way from the first to the last of the sorted values.
double quantile(const std::vector<double>& sorted, double fraction) {
  const double place = fraction * static_cast<double>(sorted.size() - 1);
  const auto below = static_cast<size_t>(std::floor(place));
  const size_t above = std::min(below + 1, sorted.size() - 1);
  return std::lerp(sorted[below], sorted[above], place - std::floor(place));
}

}  // namespace

Measured summarize(std::vector<double> samples) {
  require(!samples.empty(), "measurement: no samples to summarise");
  std::sort(samples.begin(), samples.end());
  return {.median = quantile(samples, 0.5),
          .lower_quartile = quantile(samples, 0.25),
          .upper_quartile = quantile(samples, 0.75),
          .num_samples = static_cast<int64_t>(samples.size())};
}

Measured measure(const std::function<double()>& sample, const Sampling& sampling) {
  require(sampling.num_samples > 0, "measurement: {} samples asked for, expected at least 1",
          sampling.num_samples);
  const Stopwatch watch;
  std::vector<double> samples;
  do {
    samples.push_back(sample());
  } while (std::ssize(samples) < sampling.num_samples && watch.seconds() < sampling.max_seconds);
  return summarize(std::move(samples));
}

}  // namespace hylo::kernels
