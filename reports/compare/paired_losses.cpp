#include "reports/compare/paired_losses.h"

#include "reports/compare/aggregate.h"

namespace hylo::reports {

std::optional<PairedLosses> paired_losses(std::span<const HeldOutDocument> one,
                                          std::span<const HeldOutDocument> other) {
  if (one.empty() || one.size() != other.size()) return std::nullopt;
  std::vector<WeightedValue> differences;
  for (size_t i = 0; i < one.size(); ++i) {
    if (one[i].num_tokens != other[i].num_tokens) return std::nullopt;
    differences.push_back(
        {one[i].nats - other[i].nats, static_cast<double>(one[i].num_tokens), {}});
  }
  const auto mean = aggregate(Aggregation::WeightedMean, differences);
  if (!mean.value) return std::nullopt;
  PairedLosses paired{.num_documents = mean.n,
                      .difference = *mean.value,
                      .standard_error = mean.standard_error,
                      .interval = {}};
  if (const auto error = mean.standard_error) {
    const double half = normal_95 * *error;
    paired.interval = {paired.difference - half, paired.difference + half};
  }
  return paired;
}

}  // namespace hylo::reports
