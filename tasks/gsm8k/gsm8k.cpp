#include "tasks/gsm8k/gsm8k.h"

namespace hylo::tasks {
namespace {

/// lm-eval's own form: five worked examples with calculator marks.
GenerationSuite five_shots() {
  return {.row = {.name = "gsm8k",
                  .version = "3.0",
                  .description = "grade-school mathematics in words, answered in free text",
                  .prompt_file = "lm_eval.json",
                  .prompt = "gsm8k",
                  .dataset = "gsm8k",
                  .split = "test",
                  .fewshot_split = "train",
                  .default_num_fewshot = 5}};
}

/// As HyLo and its parents report it; the papers do not say which filter, so quote both.
GenerationSuite zero_shots() {
  auto suite = five_shots();
  suite.row.name = "gsm8k_zeroshot";
  suite.row.description = "gsm8k without worked examples, as HyLo and MambaInLlama report it";
  suite.row.fewshot_split = "";
  suite.row.default_num_fewshot = 0;
  return suite;
}

/// As Jet-Nemotron reports it (flexible-extract).
GenerationSuite long_answers() {
  auto suite = five_shots();
  suite.row.name = "gsm8k_1024";
  suite.row.description = "gsm8k with answers of up to 1,024 tokens, as Jet-Nemotron reports it";
  suite.max_new_tokens = 1024;
  return suite;
}

GenerationSuite chain_of_thought() {
  auto suite = five_shots();
  suite.row.name = "gsm8k_cot";
  suite.row.description = "gsm8k after eight fixed examples of thinking step by step";
  suite.row.prompt_file = "gsm8k_cot.json";
  suite.row.prompt = suite.row.name;
  suite.row.fewshot_split = "fixed";
  suite.row.default_num_fewshot = 8;
  suite.row.sampler = Sampler::FirstN;
  return suite;
}

GenerationSuite chain_of_thought_zero_shots() {
  auto suite = five_shots();
  suite.row.name = "gsm8k_cot_zeroshot";
  suite.row.description = "gsm8k after the words 'Let's think step by step', never with examples";
  suite.row.prompt_file = "gsm8k_cot.json";
  suite.row.prompt = suite.row.name;
  suite.row.fewshot_split = "";
  suite.row.default_num_fewshot = 0;
  return suite;
}

}  // namespace

std::vector<GenerationSuite> gsm8k_suites() {
  return {five_shots(), zero_shots(), long_answers(), chain_of_thought(),
          chain_of_thought_zero_shots()};
}

}  // namespace hylo::tasks
