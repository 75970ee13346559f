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

/// Of the mean of values that are not independent within a cluster (Miller 2024, arXiv 2411.00640,
/// with the factor for few clusters):
/// SE^2 = G/(G-1) / n^2 * sum over clusters of (sum of (value - mean))^2. `clusters[i]` is the
/// number of the cluster of value i, below num_clusters. None for fewer than two clusters.
std::optional<double> clustered_error(std::span<const double> values,
                                      std::span<const int64_t> clusters, int64_t num_clusters);

/// The interval of a share of `successes` among n > 0 yes-or-no outcomes:
/// (p + z^2/2n +- z sqrt(p(1-p)/n + z^2/4n^2)) / (1 + z^2/n). Never leaves [0, 1] and, unlike the
/// standard error, is not empty when all outcomes agree.
Interval wilson(int64_t successes, int64_t n, double z = normal_95);
/// The same for a share p of n outcomes that need not be a whole number: n is smaller than their
/// count where outcomes are not independent.
Interval wilson_of_share(double p, double n, double z = normal_95);

}  // namespace hylo::reports
