// How far a student agrees with the model that it was made from, on any text.
#pragma once

#include <span>
#include <vector>

#include "tasks/core/task.h"

namespace hylo::tasks {

class TeacherAgreement final : public Task {
 public:
  /// One cosine per layer that can be compared, beside KL, agreement and both losses.
  explicit TeacherAgreement(const TaskSettings& settings);

  [[nodiscard]] const TaskInfo& info() const override { return info_; }
  [[nodiscard]] std::vector<Request> requests(
      const Document& document, std::span<const Document* const> shots) const override;
  /// Values are sums over tokens, weights numbers of tokens. Throws std::logic_error when the
  /// answer compares another number of layers than the task was made for.
  [[nodiscard]] Score score(const Document& document,
                            std::span<const Response> responses) const override;

 private:
  TaskInfo info_;
};

}  // namespace hylo::tasks
