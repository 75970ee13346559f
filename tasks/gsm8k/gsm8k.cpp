#include "tasks/gsm8k/gsm8k.h"

#include <utility>

#include "harness/base/error.h"
#include "harness/base/files.h"

namespace hylo::tasks {
namespace {

constexpr const char* name = "gsm8k";
constexpr const char* metric = "exact_match";

TaskInfo info_of(const PromptFile& file, const GenerationPrompt& prompt) {
  TaskInfo info{.name = name,
                .version = "3.0",
                .description = "grade-school mathematics in words, answered in free text",
                .source = file.source,
                .licence = file.licence,
                .dataset = "gsm8k",
                .split = "test",
                .fewshot_split = "train",
                .default_num_fewshot = 5};
  for (const auto& filter : prompt.filters) {
    info.metrics.push_back({.name = metric, .filter = filter.name});
  }
  return info;
}

GenerationPrompt prompt_of(PromptFile& file) {
  const auto found = file.generation.find(name);
  require(found != file.generation.end(),
          "tasks/prompts/lm_eval.json: has no generation prompt '{}'", name);
  return std::move(found->second);
}

}  // namespace

Gsm8k::Gsm8k() : Gsm8k(read_prompt_file(shipped_file("tasks/prompts/lm_eval.json"))) {}

Gsm8k::Gsm8k(PromptFile file) : prompt_(prompt_of(file)) { info_ = info_of(file, prompt_); }

std::vector<Request> Gsm8k::requests(const Document& document,
                                     std::span<const Document* const> shots) const {
  std::string context;
  for (const Document* shot : shots) {
    context += prompt_.question.render(shot->fields);
    context += answer_delimiter;
    context += text_of(prompt_.answer.find(shot->fields), prompt_.answer);
    context += example_delimiter;
  }
  return {GenerateText{.prompt = context + prompt_.question.render(document.fields),
                       .stop = prompt_.stop,
                       .max_new_tokens = prompt_.max_new_tokens}};
}

Score Gsm8k::score(const Document& document, std::span<const Response> responses) const {
  if (any_failed(responses)) return failed_score(info_);
  const auto& response = std::get<GeneratedText>(responses.front()).text;
  const auto reference = text_of(prompt_.answer.find(document.fields), prompt_.answer);
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

}  // namespace hylo::tasks
