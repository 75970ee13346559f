#include "tasks/core/task.h"

#include <algorithm>

#include "harness/base/error.h"
#include "tasks/prompts/conversation.h"

namespace hylo::tasks {

std::vector<Request> Task::requests_in(const PromptForm& form, const Document& document,
                                       std::span<const Document* const> shots) const {
  auto all = requests(document, shots);
  if (form.is_plain()) return all;
  for (auto& request : all) {
    auto* generation = std::get_if<GenerateText>(&request);
    require(generation != nullptr && !form.fewshot_as_multiturn,
            "{}: cannot be asked with a chat template{}; leave it out for this task", info().name,
            form.fewshot_as_multiturn ? " and worked examples as turns" : " or an instruction");
    generation->prompt =
        render({.description = {}, .examples = {}, .question = generation->prompt}, form);
  }
  return all;
}

datasets::Manifest Task::manifest() const { return datasets::find_manifest(info().dataset); }

std::string name_of(const TaskInfo& info, const Document& document) {
  const auto name = fmt::format("{}: document {}", info.name, document.index);
  return document.where.empty() ? name : document.where + ": " + name;
}

Score failed_score(const TaskInfo& info) {
  Score score;
  for (const auto& metric : info.metrics) {
    score.push_back({.metric = metric.name, .filter = metric.filter});
  }
  return score;
}

bool any_failed(std::span<const Response> responses) {
  return std::ranges::any_of(responses,
                             [](const Response& r) { return std::holds_alternative<Failed>(r); });
}

}  // namespace hylo::tasks
