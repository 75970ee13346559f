#include "tasks/prompts/suite_row.h"

namespace hylo::tasks {

TaskInfo info_of(const SuiteRow& row, const PromptFile& file) {
  return {.name = row.name,
          .version = row.version,
          .description = row.description,
          .source = file.source,
          .licence = file.licence,
          .dataset = row.dataset,
          .split = row.split,
          .fewshot_split = row.fewshot_split,
          .fewshot_stand_in = row.fewshot_stand_in,
          .leaves_itself_out = row.leaves_itself_out,
          .default_num_fewshot = row.default_num_fewshot,
          .sampler = row.sampler,
          .metrics = {}};
}

}  // namespace hylo::tasks
