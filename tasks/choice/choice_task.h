// Multiple choice: one class runs every suite; a suite is a row of a table.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "tasks/core/task.h"
#include "tasks/prompts/prompt_file.h"
#include "tasks/prompts/suite_row.h"

namespace hylo::tasks {

/// What a suite does that its prompt cannot say.
struct ChoiceHooks {
  /// Makes of a document's fields those that the prompt names.
  Json (*prepare)(const Json& fields) = nullptr;
  /// Applied to the question and to every choice.
  std::string (*clean)(std::string_view) = nullptr;
  std::vector<Document> (*generate)() = nullptr;
};

struct ChoiceSuite {
  SuiteRow row;       ///< without a data set: the hook `generate` makes the documents
  std::string topic;  ///< for the place {topic} in the prompt's description
  ChoiceHooks hooks;
};

/// A document as it is asked.
struct ChoiceQuestion {
  std::vector<std::string> contexts;  ///< one for all choices, or one each
  std::vector<std::string> choices;   ///< what is scored; the same text after contexts of their own
  size_t gold = 0;
};

class ChoiceTask : public Task {
 public:
  /// Reads the prompt file. Throws Error when it lacks the prompt.
  explicit ChoiceTask(const ChoiceSuite& suite);
  /// `info` without metrics: they are the prompt's.
  ChoiceTask(TaskInfo info, ChoicePrompt prompt, ChoiceHooks hooks = {});

  [[nodiscard]] const TaskInfo& info() const override { return info_; }
  [[nodiscard]] std::vector<Request> requests(
      const Document& document, std::span<const Document* const> shots) const override;
  [[nodiscard]] std::vector<Request> requests_in(
      const PromptForm& form, const Document& document,
      std::span<const Document* const> shots) const override;
  [[nodiscard]] Score score(const Document& document,
                            std::span<const Response> responses) const override;
  [[nodiscard]] std::string cluster_of(const Document& document) const override;
  [[nodiscard]] std::vector<Document> generate_documents() const override;

  /// Throws Error when a field is missing, a choice is empty or the answer is not among the
  /// choices.
  [[nodiscard]] ChoiceQuestion question_of(const Document& document) const;

 private:
  TaskInfo info_;
  ChoicePrompt prompt_;
  ChoiceHooks hooks_;
};

}  // namespace hylo::tasks
