// The last word of a passage: is it what the model would write, and how likely (LAMBADA).
// Source: lm-evaluation-harness 0.4, lm_eval/tasks/lambada and api/task.py (loglikelihood).
#pragma once

#include <string>
#include <vector>

#include "tasks/core/task.h"
#include "tasks/prompts/prompt_file.h"
#include "tasks/prompts/suite_row.h"

namespace hylo::tasks {

/// acc: every token of the word is the likeliest; perplexity: exp of the mean negative
/// log-likelihood of the word.
class LastWordTask final : public Task {
 public:
  /// Reads the prompt file. Throws Error when it lacks the prompt.
  explicit LastWordTask(const SuiteRow& suite);

  [[nodiscard]] const TaskInfo& info() const override { return info_; }
  [[nodiscard]] std::vector<Request> requests(
      const Document& document, std::span<const Document* const> shots) const override;
  [[nodiscard]] std::vector<Request> requests_in(
      const PromptForm& form, const Document& document,
      std::span<const Document* const> shots) const override;
  [[nodiscard]] Score score(const Document& document,
                            std::span<const Response> responses) const override;

 private:
  LastWordTask(const SuiteRow& suite, PromptFile file);
  [[nodiscard]] WorkedExample example_of(const Document& document) const;

  TaskInfo info_;
  LastWordPrompt prompt_;
};

std::vector<SuiteRow> last_word_suites();

}  // namespace hylo::tasks
