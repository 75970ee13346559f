#include "harness/cli/training_evaluation.h"

#include <fmt/format.h>

#include "harness/base/units.h"
#include "harness/cli/numbers.h"

namespace hylo::cli {

void add_evaluation_options(CLI::App& verb, TrainingEvaluationOptions& options) {
  verb.add_option("--eval-tasks", options.tasks,
                  "tasks of `hylo eval` that the student is asked meanwhile, separated by commas; "
                  "instead of the recipe's")
      ->delimiter(',');
  verb.add_option("--eval-every", options.every,
                  "ask them every so many steps of all stages; else, and always, at the end")
      ->check(whole_number(1));
  verb.add_option("--eval-limit", options.limit, "only the first so many documents of each task")
      ->check(whole_number(1));
  verb.add_option("--eval-sets", options.sets, "sample sets of RULER for tasks such as vt@4096")
      ->type_name("DIR|FILE");
  verb.add_flag("--no-eval", options.is_off, "ask nothing, whatever the recipe says")
      ->excludes("--eval-tasks")
      ->excludes("--eval-every")
      ->excludes("--eval-limit")
      ->excludes("--eval-sets");
}

harness::EvaluationRequest request_of(const TrainingEvaluationOptions& options) {
  return {.tasks = options.tasks,
          .every = options.every,
          .limit = options.limit,
          .sets = options.sets,
          .is_off = options.is_off};
}

std::vector<std::string> evaluation_lines(int64_t step, const harness::EvaluationOutcome& outcome) {
  std::vector<std::string> lines;
  for (const auto& [task, row] : outcome.tasks) {
    const auto& aggregate = row.aggregate;
    auto text = fmt::format("  step {}: {} of {} ", with_thousands(step), row.metric.name, task);
    text += aggregate.value ? fmt::format("{:.4g}", *aggregate.value) : "has no value";
    if (const auto error = aggregate.best_error()) text += fmt::format(" \u00b1 {:.2g}", *error);
    text += fmt::format(" over {} documents (run {}{})", with_thousands(aggregate.n), outcome.run,
                        outcome.was_complete ? ", asked before" : "");
    if (row.num_failed > 0) {
      text += fmt::format(", {} failed: `hylo store export {} --samples` says why",
                          with_thousands(row.num_failed), outcome.run);
    }
    lines.push_back(std::move(text));
  }
  if (outcome.end == harness::RunEnd::Stopped) {
    lines.push_back(fmt::format("  step {}: interrupted; the evaluation goes on with the training",
                                with_thousands(step)));
  }
  return lines;
}

}  // namespace hylo::cli
