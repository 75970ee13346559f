// Answers in free text: one class runs every suite; a suite is a row of a table.
#pragma once

#include <string>
#include <vector>

#include "tasks/core/task.h"
#include "tasks/prompts/prompt_file.h"
#include "tasks/prompts/suite_row.h"

namespace hylo::tasks {

struct GenerationSuite {
  SuiteRow row;
  int64_t max_new_tokens = 0;  ///< 0: the prompt's
};

/// Asks for a text and compares what each filter finds in it with the reference.
class GenerationTask : public Task {
 public:
  /// Reads the prompt file. Throws Error when it lacks the prompt.
  explicit GenerationTask(const GenerationSuite& suite);
  /// `info` without metrics: exact_match by each of the prompt's filters.
  GenerationTask(TaskInfo info, GenerationPrompt prompt);

  [[nodiscard]] const TaskInfo& info() const override { return info_; }
  [[nodiscard]] std::vector<Request> requests(
      const Document& document, std::span<const Document* const> shots) const override;
  [[nodiscard]] std::vector<Request> requests_in(
      const PromptForm& form, const Document& document,
      std::span<const Document* const> shots) const override;
  [[nodiscard]] Score score(const Document& document,
                            std::span<const Response> responses) const override;
  [[nodiscard]] std::vector<Document> fixed_shots() const override;

 private:
  /// Throws Error, naming the document, when a field is missing.
  [[nodiscard]] WorkedExample example_of(const Document& document) const;

  TaskInfo info_;
  GenerationPrompt prompt_;
};

}  // namespace hylo::tasks
