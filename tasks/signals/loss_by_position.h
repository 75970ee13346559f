// Loss of the tokens of long texts, in buckets of their position: does the model still make use of
// what stands far back.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "tasks/core/task.h"

namespace hylo::tasks {

/// Positions [begin, end); end is absent (0) for the last one.
struct PositionBucket {
  std::string metric;  ///< "loss_128-256", "loss_1K-2K", "loss_2M+"
  int64_t begin = 0, end = 0;
};

/// [0, 128), [128, 256), doubling up to [1M, 2M), and all beyond.
std::span<const PositionBucket> position_buckets();

class LossByPosition final : public Task {
 public:
  LossByPosition();

  [[nodiscard]] const TaskInfo& info() const override { return info_; }
  [[nodiscard]] std::vector<Request> requests(
      const Document& document, std::span<const Document* const> shots) const override;
  /// Values are sums of nats, weights numbers of tokens: 0 of both where a text does not reach a
  /// bucket.
  [[nodiscard]] Score score(const Document& document,
                            std::span<const Response> responses) const override;

 private:
  TaskInfo info_;
};

}  // namespace hylo::tasks
