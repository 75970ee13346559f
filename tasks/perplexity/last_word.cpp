#include "tasks/perplexity/last_word.h"

#include <cmath>

#include "harness/base/error.h"
#include "harness/base/unicode.h"

namespace hylo::tasks {
namespace {

constexpr auto prompt_file = "lm_eval.json";

std::vector<MetricInfo> last_word_metrics() {
  return {{.name = "acc"},
          {.name = "perplexity",
           .higher_is_better = false,
           .aggregation = Aggregation::MeanPerplexity}};
}

}  // namespace

LastWordTask::LastWordTask(const SuiteRow& suite)
    : LastWordTask(suite, shipped_prompts(suite.prompt_file)) {}

LastWordTask::LastWordTask(const SuiteRow& suite, PromptFile file)
    : info_(info_of(suite, file)), prompt_(prompt_of(suite, std::move(file.last_word))) {
  info_.metrics = last_word_metrics();
}

WorkedExample LastWordTask::example_of(const Document& document) const {
  try {
    WorkedExample example{prompt_.question.render(document.fields),
                          prompt_.target.render(document.fields)};
    require(!python_strip(example.answer).empty(), "the word to score is empty");
    return example;
  } catch (const Error& error) {
    fail("{}: {}", name_of(info_, document), error.what());
  }
}

std::vector<Request> LastWordTask::requests(const Document& document,
                                            std::span<const Document* const> shots) const {
  return requests_in({}, document, shots);
}

// In worked examples lm-eval puts its delimiter in front of the word although the word brings its
// own blank: two blanks, and so it is here.
std::vector<Request> LastWordTask::requests_in(const PromptForm& form, const Document& document,
                                               std::span<const Document* const> shots) const {
  auto [question, word] = example_of(document);
  Conversation conversation{.description = {}, .examples = {}, .question = std::move(question)};
  for (const Document* shot : shots) conversation.examples.push_back(example_of(*shot));
  return {ScoreText{.context = render(conversation, form), .continuation = std::move(word)}};
}

Score LastWordTask::score(const Document& /*document*/, std::span<const Response> responses) const {
  auto score = failed_score(info_);
  if (any_failed(responses)) return score;
  const auto& word = std::get<TextScore>(responses.front());
  if (std::isnan(word.log_likelihood)) return score;
  score[0].value = word.is_greedy ? 1.0 : 0.0;
  score[1].value = word.log_likelihood;
  return score;
}

std::vector<SuiteRow> last_word_suites() {
  return {{.name = "lambada_openai",
           .version = "1.0",
           .description = "the last word of a passage that the passage determines",
           .prompt_file = prompt_file,
           .prompt = "lambada_openai",
           .dataset = "lambada_openai",
           .split = "test",
           .fewshot_split = "test"},
          {.name = "lambada_standard",
           .version = "1.0",
           .description = "the same on the original texts, in lower case with signs apart",
           .prompt_file = prompt_file,
           .prompt = "lambada_standard",
           .dataset = "lambada",
           .split = "test",
           .fewshot_split = "validation"}};
}

}  // namespace hylo::tasks
