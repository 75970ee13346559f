#include "reports/compare/statistics.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <vector>

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

std::optional<double> clustered_error(std::span<const double> values,
                                      std::span<const int64_t> clusters, int64_t num_clusters) {
  invariant(values.size() == clusters.size(), "{} values, {} clusters of them", values.size(),
            clusters.size());
  if (num_clusters < 2) return std::nullopt;
  const double centre = mean(values);
  std::vector<double> deviations(static_cast<size_t>(num_clusters));
  for (size_t i = 0; i < values.size(); ++i) {
    deviations.at(static_cast<size_t>(clusters[i])) += values[i] - centre;
  }
  double squares = 0;
  for (const double deviation : deviations) squares += deviation * deviation;
  const auto groups = static_cast<double>(num_clusters);
  return std::sqrt(groups / (groups - 1) * squares) / static_cast<double>(values.size());
}

Interval wilson(int64_t successes, int64_t n, double z) {
  invariant(0 <= successes && successes <= n && n > 0, "wilson: {} of {}", successes, n);
  return wilson_of_share(static_cast<double>(successes) / static_cast<double>(n),
                         static_cast<double>(n), z);
}

Interval wilson_of_share(double share, double count, double z) {
  invariant(0 <= share && share <= 1 && count > 0, "wilson: a share of {} in {}", share, count);
  const double widening = z * z / count;
  const double centre = share + widening / 2;
  const double half = z * std::sqrt(share * (1 - share) / count + widening / (4 * count));
  // At 0 and n successes one bound is 0 or 1; rounding would leave it beside.
  return {share == 0 ? 0.0 : std::max(0.0, (centre - half) / (1 + widening)),
          share == 1 ? 1.0 : std::min(1.0, (centre + half) / (1 + widening))};
}

}  // namespace hylo::reports
