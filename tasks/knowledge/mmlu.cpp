#include "tasks/knowledge/mmlu.h"

#include "harness/base/unicode.h"
#include "tasks/knowledge/mmlu_subjects.h"

namespace hylo::tasks {
namespace {

ChoiceSuite suite_of(const MmluSubject& subject, std::string_view form) {
  const std::string name(subject.name);
  const auto topic = replace_all(name, "_", " ");
  return {.row = {.name = mmlu_name(name, form),
                  .version = "1.0",
                  .description = "multiple choice questions about " + topic,
                  .prompt_file = "mmlu.json",
                  .prompt = "mmlu" + std::string(form),
                  .dataset = "mmlu",
                  .split = name + "/test",
                  .fewshot_split = name + "/dev",
                  .sampler = Sampler::FirstN},
          .topic = topic,
          .hooks = {}};
}

}  // namespace

std::string mmlu_name(std::string_view what, std::string_view form) {
  return "mmlu_" + std::string(what) + std::string(form);
}

std::vector<ChoiceSuite> mmlu_suites() {
  std::vector<ChoiceSuite> suites;
  for (const auto form : {mmlu_letters, mmlu_continuation}) {
    for (const auto& subject : mmlu_subjects()) suites.push_back(suite_of(subject, form));
  }
  return suites;
}

}  // namespace hylo::tasks
