#include "tasks/choice/choice_task.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <utility>

#include "harness/base/error.h"
#include "harness/base/hash.h"
#include "harness/base/unicode.h"
#include "harness/base/whole_number.h"
#include "tasks/scoring/choices.h"

namespace hylo::tasks {
namespace {

size_t gold_by_label(const std::string& answer, const std::vector<std::string>& labels,
                     size_t num_choices) {
  require(labels.size() == num_choices, "expected a label for each of {} choices, found {}",
          num_choices, labels.size());
  const auto found = std::ranges::find(labels, answer);
  require(found != labels.end(), "the answer '{}' is not among the labels {}", answer,
          fmt::join(labels, ", "));
  return static_cast<size_t>(found - labels.begin());
}

size_t gold_by_number(const std::string& answer, int64_t first, size_t num_choices) {
  const auto number = parse_whole_number(answer);
  const int64_t last = first + static_cast<int64_t>(num_choices) - 1;
  require(number && *number >= first && *number <= last,
          "expected an answer from {} to {}, found '{}'", first, last, answer);
  return static_cast<size_t>(*number - first);
}

size_t gold_of(const ChoicePrompt& prompt, const Json& fields, size_t num_choices) {
  if (!prompt.answer) {
    require(prompt.gold < num_choices, "expected a gold number from 0 to {}, found {}",
            num_choices - 1, prompt.gold);
    return prompt.gold;
  }
  const auto answer = text_of(prompt.answer->find(fields), *prompt.answer);
  if (prompt.labels) return gold_by_label(answer, texts_of({*prompt.labels}, fields), num_choices);
  if (!prompt.label_texts.empty()) return gold_by_label(answer, prompt.label_texts, num_choices);
  return gold_by_number(answer, prompt.first_number, num_choices);
}

std::vector<std::string> choices_of(const ChoicePrompt& prompt, const Json& fields) {
  if (prompt.continuation) {
    return {prompt.questions.size(), prompt.continuation->render(fields)};
  }
  return prompt.choice_texts.empty() ? texts_of(prompt.choices, fields) : prompt.choice_texts;
}

ChoiceQuestion read_question(const ChoicePrompt& prompt, const ChoiceHooks& hooks,
                             const Json& fields) {
  ChoiceQuestion question{.contexts = {}, .choices = choices_of(prompt, fields)};
  for (const auto& context : prompt.questions) question.contexts.push_back(context.render(fields));
  if (hooks.clean) {
    for (auto& context : question.contexts) context = hooks.clean(context);
    for (auto& choice : question.choices) choice = hooks.clean(choice);
  }
  require(!question.choices.empty(), "there are no choices");
  for (const auto& choice : question.choices) {
    require(!choice.empty(), "a choice is empty");
    require(!prompt.refuses_blank_choices || !python_strip(choice).empty(),
            "a choice is white space alone");
  }
  question.gold = gold_of(prompt, fields, question.choices.size());
  return question;
}

const std::string& context_of(const ChoiceQuestion& question, size_t choice) {
  return question.contexts.size() == 1 ? question.contexts.front() : question.contexts[choice];
}

ChoiceTask task_of(const ChoiceSuite& suite, PromptFile file) {
  auto prompt = prompt_of(suite.row, std::move(file.choice));
  prompt.description = replace_all(prompt.description, "{topic}", suite.topic);
  return {info_of(suite.row, file), std::move(prompt), suite.hooks};
}

}  // namespace

ChoiceTask::ChoiceTask(const ChoiceSuite& suite)
    : ChoiceTask(task_of(suite, shipped_prompts(suite.row.prompt_file))) {}

ChoiceTask::ChoiceTask(TaskInfo info, ChoicePrompt prompt, ChoiceHooks hooks)
    : info_(std::move(info)), prompt_(std::move(prompt)), hooks_(hooks) {
  info_.metrics = choice_metrics(prompt_.metrics);
}

ChoiceQuestion ChoiceTask::question_of(const Document& document) const {
  try {
    if (!hooks_.prepare) return read_question(prompt_, hooks_, document.fields);
    return read_question(prompt_, hooks_, hooks_.prepare(document.fields));
  } catch (const Error& error) {
    fail("{}: {}", name_of(info_, document), error.what());
  }
}

std::vector<Request> ChoiceTask::requests(const Document& document,
                                          std::span<const Document* const> shots) const {
  return requests_in({}, document, shots);
}

std::vector<Request> ChoiceTask::requests_in(const PromptForm& form, const Document& document,
                                             std::span<const Document* const> shots) const {
  Conversation conversation{.description = prompt_.description, .examples = {}, .question = {}};
  for (const Document* shot : shots) {
    const auto example = question_of(*shot);
    conversation.examples.push_back(
        {context_of(example, example.gold), example.choices[example.gold]});
  }
  const auto question = question_of(document);
  static_cast<void>(cluster_of(document));  // a broken path is found before anything is computed
  std::vector<std::string> prompts;
  for (const auto& context : question.contexts) {
    conversation.question = context;
    prompts.push_back(render(conversation, form));
  }
  std::vector<Request> requests;
  for (size_t i = 0; i < question.choices.size(); ++i) {
    requests.emplace_back(
        ScoreText{.context = prompts.size() == 1 ? prompts.front() : prompts[i],
                  .continuation = std::string(choice_delimiter(form)) + question.choices[i]});
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
  Score score;
  for (auto& value : choice_score(question.choices, question.gold, log_likelihoods)) {
    const bool is_wanted =
        std::ranges::find(prompt_.metrics, value.metric) != prompt_.metrics.end();
    if (is_wanted) score.push_back(std::move(value));
  }
  return score;
}

std::string ChoiceTask::cluster_of(const Document& document) const {
  if (!prompt_.cluster) return {};
  try {
    return sha256_hex(text_of(prompt_.cluster->find(document.fields), *prompt_.cluster));
  } catch (const Error& error) {
    fail("{}: cluster: {}", name_of(info_, document), error.what());
  }
}

std::vector<Document> ChoiceTask::generate_documents() const {
  return hooks_.generate ? hooks_.generate() : std::vector<Document>{};
}

}  // namespace hylo::tasks
