#include "reports/compare/statistics.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "harness/base/error.h"

namespace hylo::reports {

double mean(std::span<const double> values) {
  invariant(!values.empty(), "mean of no values");
  return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
}

std::optional<double> standard_error(std::span<const double> values) {
  if (values.size() < 2) return std::nullopt;
  const double centre = mean(values);
  double squares = 0;
  for (const double value : values) squares += (value - centre) * (value - centre);
  const auto n = static_cast<double>(values.size());
  return std::sqrt(squares / (n - 1)) / std::sqrt(n);
}

std::optional<double> ratio_error(std::span<const WeightedValue> items) {
  if (items.size() < 2) return std::nullopt;
  double values = 0;
  double weights = 0;
  for (const auto& item : items) {
    values += item.value;
    weights += item.weight;
  }
  const double ratio = values / weights;
  double squares = 0;
  for (const auto& item : items) {
    const double residual = item.value - ratio * item.weight;
    squares += residual * residual;
  }
  const auto n = static_cast<double>(items.size());
  return std::sqrt(n / (n - 1) * squares) / weights;
}

Interval wilson(int64_t successes, int64_t n, double z) {
  invariant(0 <= successes && successes <= n && n > 0, "wilson: {} of {}", successes, n);
  const auto count = static_cast<double>(n);
  const double share = static_cast<double>(successes) / count;
  const double widening = z * z / count;
  const double centre = share + widening / 2;
  const double half = z * std::sqrt(share * (1 - share) / count + widening / (4 * count));
  // At 0 and n successes one bound is exactly 0 or 1; rounding must not push it past.
  return {std::max(0.0, (centre - half) / (1 + widening)),
          std::min(1.0, (centre + half) / (1 + widening))};
}

}  // namespace hylo::reports
