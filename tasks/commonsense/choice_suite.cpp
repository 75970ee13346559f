#include "tasks/commonsense/choice_suite.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

#include "harness/base/error.h"
#include "harness/base/files.h"
#include "tasks/commonsense/hellaswag.h"
#include "tasks/scoring/choices.h"

namespace hylo::tasks {
namespace {

constexpr std::array suites{
    ChoiceSuite{.name = "arc_easy",
                .version = "1.0",
                .description = "grade-school science questions, the easy set",
                .prompt_file = "lm_eval.json",
                .prompt = "arc",
                .dataset = "arc_easy",
                .split = "test",
                .fewshot_split = "dev"},
    ChoiceSuite{.name = "arc_challenge",
                .version = "1.0",
                .description = "grade-school science questions, the challenge set",
                .prompt_file = "lm_eval.json",
                .prompt = "arc",
                .dataset = "arc_challenge",
                .split = "test",
                .fewshot_split = "dev"},
    ChoiceSuite{.name = "hellaswag",
                .version = "1.0",
                .description = "which of four endings continues an everyday scene",
                .prompt_file = "lm_eval.json",
                .prompt = "hellaswag",
                .dataset = "hellaswag",
                .split = "validation",
                .fewshot_split = "validation",
                .leaves_itself_out = true,
                .clean = clean_hellaswag},
    ChoiceSuite{.name = "piqa",
                .version = "1.0",
                .description = "which of two ways reaches an everyday goal",
                .prompt_file = "lm_eval.json",
                .prompt = "piqa",
                .dataset = "piqa",
                .split = "validation",
                .fewshot_split = "validation",
                .leaves_itself_out = true},
};

std::vector<std::string> texts_of(const std::vector<FieldPath>& paths, const Json& fields) {
  std::vector<std::string> texts;
  for (const auto& path : paths) {
    for (const Json* value : path.find_all(fields)) texts.push_back(text_of(*value, path));
  }
  return texts;
}

std::optional<size_t> as_number(std::string_view text) {
  size_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  const bool is_number = error == std::errc() && end == text.data() + text.size();
  return is_number ? std::optional(number) : std::nullopt;
}

size_t gold_by_label(const std::string& answer, const std::vector<std::string>& labels,
                     size_t num_choices) {
  require(labels.size() == num_choices, "expected a label for each of {} choices, found {}",
          num_choices, labels.size());
  const auto found = std::ranges::find(labels, answer);
  require(found != labels.end(), "the answer '{}' is not among the labels {}", answer,
          fmt::join(labels, ", "));
  return static_cast<size_t>(found - labels.begin());
}

size_t gold_by_number(const std::string& answer, size_t num_choices) {
  const auto number = as_number(answer);
  require(number && *number < num_choices, "expected an answer from 0 to {}, found '{}'",
          num_choices - 1, answer);
  return *number;
}

size_t gold_of(const ChoicePrompt& prompt, const Json& fields, size_t num_choices) {
  const auto answer = text_of(prompt.answer.find(fields), prompt.answer);
  return prompt.labels ? gold_by_label(answer, texts_of({*prompt.labels}, fields), num_choices)
                       : gold_by_number(answer, num_choices);
}

ChoiceQuestion read_question(const ChoiceSuite& suite, const ChoicePrompt& prompt,
                             const Json& fields) {
  ChoiceQuestion question{.context = prompt.question.render(fields),
                          .choices = texts_of(prompt.choices, fields)};
  if (suite.clean) {
    question.context = suite.clean(question.context);
    for (auto& choice : question.choices) choice = suite.clean(choice);
  }
  for (const auto& choice : question.choices) require(!choice.empty(), "a choice is empty");
  require(!question.choices.empty(), "there are no choices");
  question.gold = gold_of(prompt, fields, question.choices.size());
  return question;
}

ChoicePrompt prompt_of(PromptFile& file, const ChoiceSuite& suite) {
  const auto found = file.choice.find(suite.prompt);
  require(found != file.choice.end(), "tasks/prompts/{}: has no choice prompt '{}' for {}",
          suite.prompt_file, suite.prompt, suite.name);
  return std::move(found->second);
}

TaskInfo info_of(const ChoiceSuite& suite, const PromptFile& file) {
  return {.name = std::string(suite.name),
          .version = std::string(suite.version),
          .description = std::string(suite.description),
          .source = file.source,
          .licence = file.licence,
          .dataset = std::string(suite.dataset),
          .split = std::string(suite.split),
          .fewshot_split = std::string(suite.fewshot_split),
          .leaves_itself_out = suite.leaves_itself_out,
          .metrics = choice_metrics()};
}

PromptFile prompts_of(const ChoiceSuite& suite) {
  return read_prompt_file(shipped_file(std::filesystem::path("tasks/prompts") / suite.prompt_file));
}

}  // namespace

ChoiceTask::ChoiceTask(const ChoiceSuite& suite) : ChoiceTask(suite, prompts_of(suite)) {}

ChoiceTask::ChoiceTask(const ChoiceSuite& suite, PromptFile file)
    : suite_(suite), info_(info_of(suite, file)), prompt_(prompt_of(file, suite)) {}

ChoiceQuestion ChoiceTask::question_of(const Document& document) const {
  try {
    return read_question(suite_, prompt_, document.fields);
  } catch (const Error& error) {
    fail("{}: document {}: {}", info_.name, document.index, error.what());
  }
}

std::vector<Request> ChoiceTask::requests(const Document& document,
                                          std::span<const Document* const> shots) const {
  std::string context;
  for (const Document* shot : shots) {
    const auto example = question_of(*shot);
    context += example.context;
    context += answer_delimiter;
    context += example.choices[example.gold];
    context += example_delimiter;
  }
  const auto question = question_of(document);
  context += question.context;
  std::vector<Request> requests;
  for (const auto& choice : question.choices) {
    requests.emplace_back(
        ScoreText{.context = context, .continuation = std::string(answer_delimiter) + choice});
  }
  return requests;
}

Score ChoiceTask::score(const Document& document, std::span<const Response> responses) const {
  if (any_failed(responses)) return failed_score(info_);
  std::vector<double> log_likelihoods;
  for (const auto& response : responses) {
    log_likelihoods.push_back(std::get<TextScore>(response).log_likelihood);
  }
  const auto question = question_of(document);
  return choice_score(question.choices, question.gold, log_likelihoods);
}

std::vector<Document> ChoiceTask::generate_documents() const {
  return suite_.generate ? suite_.generate() : std::vector<Document>{};
}

std::span<const ChoiceSuite> choice_suites() { return suites; }

}  // namespace hylo::tasks
