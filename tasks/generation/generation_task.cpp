#include "tasks/generation/generation_task.h"

#include <utility>

#include "harness/base/error.h"

namespace hylo::tasks {
namespace {

constexpr const char* metric = "exact_match";

GenerationTask task_of(const GenerationSuite& suite, PromptFile file) {
  auto prompt = prompt_of(suite.row, std::move(file.generation));
  if (suite.max_new_tokens > 0) prompt.max_new_tokens = suite.max_new_tokens;
  return {info_of(suite.row, file), std::move(prompt)};
}

}  // namespace

GenerationTask::GenerationTask(const GenerationSuite& suite)
    : GenerationTask(task_of(suite, shipped_prompts(suite.row.prompt_file))) {}

GenerationTask::GenerationTask(TaskInfo info, GenerationPrompt prompt)
    : info_(std::move(info)), prompt_(std::move(prompt)) {
  for (const auto& filter : prompt_.filters) {
    info_.metrics.push_back({.name = metric, .filter = filter.name});
  }
}

WorkedExample GenerationTask::example_of(const Document& document) const {
  try {
    return {prompt_.question.render(document.fields), prompt_.answer.render(document.fields)};
  } catch (const Error& error) {
    fail("{}: {}", name_of(info_, document), error.what());
  }
}

std::vector<Request> GenerationTask::requests(const Document& document,
                                              std::span<const Document* const> shots) const {
  return requests_in({}, document, shots);
}

std::vector<Request> GenerationTask::requests_in(const PromptForm& form, const Document& document,
                                                 std::span<const Document* const> shots) const {
  Conversation conversation{
      .description = {}, .examples = {}, .question = example_of(document).question};
  for (const Document* shot : shots) conversation.examples.push_back(example_of(*shot));
  return {GenerateText{.prompt = render(conversation, form),
                       .stop = prompt_.stop,
                       .max_new_tokens = prompt_.max_new_tokens}};
}

Score GenerationTask::score(const Document& document, std::span<const Response> responses) const {
  if (any_failed(responses)) return failed_score(info_);
  const auto& response = std::get<GeneratedText>(responses.front()).text;
  const auto reference = example_of(document).answer;
  Score score;
  for (const auto& filter : prompt_.filters) {
    const auto answer = extract_answer(filter, response);
    const bool is_right = is_exact_match(prompt_.comparison, answer, reference);
    score.push_back({.metric = metric,
                     .filter = filter.name,
                     .value = is_right ? 1.0 : 0.0,
                     .extracted = answer});
  }
  return score;
}

std::vector<Document> GenerationTask::fixed_shots() const {
  std::vector<Document> shots;
  for (const auto& fields : prompt_.shots) {
    shots.push_back({static_cast<int64_t>(shots.size()), fields});
  }
  return shots;
}

}  // namespace hylo::tasks
