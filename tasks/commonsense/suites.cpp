#include "tasks/commonsense/suites.h"

#include "tasks/commonsense/hellaswag.h"
#include "tasks/commonsense/race.h"

namespace hylo::tasks {
namespace {

constexpr auto prompt_file = "lm_eval.json";

ChoiceSuite arc(const std::string& name, const std::string& description) {
  return {.row = {.name = name,
                  .version = "1.0",
                  .description = description,
                  .prompt_file = prompt_file,
                  .prompt = "arc",
                  .dataset = name,
                  .split = "test",
                  .fewshot_split = "train",
                  .fewshot_stand_in = "dev"},
          .topic = {},
          .hooks = {}};
}

// Of a suite that names neither a split for tests nor one for worked examples lm-eval takes the
// document itself out of its examples, whatever split these come from. It draws them from train
// where a task has that split, else from validation.
ChoiceSuite on_validation(const std::string& name, const std::string& version,
                          const std::string& description) {
  return {.row = {.name = name,
                  .version = version,
                  .description = description,
                  .prompt_file = prompt_file,
                  .prompt = name,
                  .dataset = name,
                  .split = "validation",
                  .fewshot_split = "train",
                  .fewshot_stand_in = "validation",
                  .leaves_itself_out = true},
          .topic = {},
          .hooks = {}};
}

ChoiceSuite on_test(const std::string& name, const std::string& version,
                    const std::string& fewshot_split, const std::string& description) {
  auto suite = on_validation(name, version, description);
  suite.row.split = "test";
  suite.row.fewshot_split = fewshot_split;
  suite.row.fewshot_stand_in = {};
  suite.row.leaves_itself_out = false;
  return suite;
}

ChoiceSuite openbookqa() {
  auto suite =
      on_test("openbookqa", "1.0", "train", "elementary science that needs a fact and a thought");
  suite.row.fewshot_stand_in = "dev";
  return suite;
}

ChoiceSuite hellaswag() {
  auto suite =
      on_validation("hellaswag", "1.0", "which of four endings continues an everyday scene");
  suite.hooks.clean = clean_hellaswag;
  return suite;
}

ChoiceSuite race() {
  auto suite = on_test("race", "3.0", "test",
                       "the last question about an English text, the others answered");
  suite.hooks.prepare = prepare_race;
  return suite;
}

// lm-eval gives this one no version. Its draws follow the rule above, which was read in lm-eval's
// code; no run of it was there to compare with.
ChoiceSuite commonsense_qa() {
  auto suite = on_validation("commonsense_qa", "unversioned", "which of five words fits");
  suite.row.fewshot_stand_in = {};
  return suite;
}

ChoiceSuite social_iqa() {
  auto suite =
      on_validation("social_iqa", "0.0", "what people feel, want and do in everyday situations");
  suite.row.fewshot_stand_in = {};
  return suite;
}

}  // namespace

std::vector<ChoiceSuite> commonsense_suites() {
  return {arc("arc_easy", "grade-school science questions, the easy set"),
          arc("arc_challenge", "grade-school science questions, the challenge set"),
          hellaswag(),
          on_validation("piqa", "1.0", "which of two ways reaches an everyday goal"),
          on_validation("winogrande", "1.0", "which of two things a pronoun stands for"),
          openbookqa(),
          on_validation("boolq", "2.0", "yes or no to a question about a passage"),
          race(),
          social_iqa(),
          on_test("sciq", "1.0", "train", "science exams with a supporting passage"),
          commonsense_qa()};
}

}  // namespace hylo::tasks
