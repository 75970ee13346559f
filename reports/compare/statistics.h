// Means, their errors and intervals. Formulas: textbook; Wilson 1927 for the interval of a share.
#pragma once

#include <cstdint>
#include <optional>
#include <span>

namespace hylo::reports {

/// Half the width, in standard deviations, of a two-sided 95 % interval of the normal distribution.
inline constexpr double normal_95 = 1.959963984540054;

struct Interval {
  double low = 0;
  double high = 0;
};

/// Sum / n, summed in the order given. Throws std::logic_error when empty.
double mean(std::span<const double> values);

/// Of the mean: s / sqrt(n), s the sample standard deviation (n - 1). None for fewer than two
/// values.
std::optional<double> standard_error(std::span<const double> values);

/// One item of a ratio of sums: what it adds above and below the line.
struct WeightedValue {
  double value = 0;
  double weight = 1;
};

/// Of r = sum of values / sum of weights, the items being independent (the ratio estimator):
/// sqrt(n / (n - 1) * sum of (value - r weight)^2) / sum of weights. None for fewer than two items.
std::optional<double> ratio_error(std::span<const WeightedValue> items);

/// The interval of a share of `successes` among n > 0 yes-or-no outcomes:
/// (p + z^2/2n +- z sqrt(p(1-p)/n + z^2/4n^2)) / (1 + z^2/n). Never leaves [0, 1] and, unlike the
/// standard error, is not empty when all outcomes agree.
Interval wilson(int64_t successes, int64_t n, double z = normal_95);

}  // namespace hylo::reports
