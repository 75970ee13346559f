// Two models on the same held-out documents: how many nats a token one loses more than the other.
#pragma once

#include <optional>
#include <span>

#include "reports/compare/statistics.h"
#include "reports/store/training_records.h"

namespace hylo::reports {

struct PairedLosses {
  int64_t num_documents = 0;  ///< with a token
  double difference = 0;      ///< nats a token, one less other: sum of differences / sum of tokens
  std::optional<double> standard_error;  ///< over documents, paired; none for fewer than two
  std::optional<Interval> interval;      ///< 95 %
};

/// Documents of both in the same order. Tokens of a document count alike, so long documents count
/// more; the error is that of a ratio of sums. Nothing where the two are not of the same documents.
std::optional<PairedLosses> paired_losses(std::span<const HeldOutDocument> one,
                                          std::span<const HeldOutDocument> other);

}  // namespace hylo::reports
