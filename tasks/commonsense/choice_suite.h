// Multiple choice: one class runs every suite; a suite is a row of a table.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "tasks/core/task.h"
#include "tasks/prompts/prompt_file.h"

namespace hylo::tasks {

struct ChoiceSuite {
  std::string_view name;
  std::string_view version;
  std::string_view description;
  std::string_view prompt_file;  ///< relative to tasks/prompts
  std::string_view prompt;       ///< its name in that file
  std::string_view dataset;      ///< empty: `generate` makes the documents
  std::string_view split;
  std::string_view fewshot_split;
  bool leaves_itself_out = false;
  /// Applied to the question and to every choice.
  std::string (*clean)(std::string_view) = nullptr;
  std::vector<Document> (*generate)() = nullptr;
};

/// A document as it is asked.
struct ChoiceQuestion {
  std::string context;
  std::vector<std::string> choices;
  size_t gold = 0;
};

class ChoiceTask final : public Task {
 public:
  /// Reads the prompt file. Throws Error when it lacks the prompt.
  explicit ChoiceTask(const ChoiceSuite& suite);

  [[nodiscard]] const TaskInfo& info() const override { return info_; }
  [[nodiscard]] std::vector<Request> requests(
      const Document& document, std::span<const Document* const> shots) const override;
  [[nodiscard]] Score score(const Document& document,
                            std::span<const Response> responses) const override;
  [[nodiscard]] std::vector<Document> generate_documents() const override;

  /// Throws Error when a field is missing or the answer is not among the choices.
  [[nodiscard]] ChoiceQuestion question_of(const Document& document) const;

 private:
  ChoiceTask(const ChoiceSuite& suite, PromptFile file);

  ChoiceSuite suite_;
  TaskInfo info_;
  ChoicePrompt prompt_;
};

/// The suites of lm-eval; generated suites have rooms of their own.
std::span<const ChoiceSuite> choice_suites();

}  // namespace hylo::tasks
