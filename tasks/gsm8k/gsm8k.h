// GSM8K: grade-school mathematics, answered in free text that ends in "#### number".
#pragma once

#include "tasks/core/task.h"
#include "tasks/prompts/prompt_file.h"

namespace hylo::tasks {

class Gsm8k final : public Task {
 public:
  /// Reads the prompt file.
  Gsm8k();

  [[nodiscard]] const TaskInfo& info() const override { return info_; }
  [[nodiscard]] std::vector<Request> requests(
      const Document& document, std::span<const Document* const> shots) const override;
  [[nodiscard]] Score score(const Document& document,
                            std::span<const Response> responses) const override;

 private:
  explicit Gsm8k(PromptFile file);

  TaskInfo info_;
  GenerationPrompt prompt_;
};

}  // namespace hylo::tasks
