#include "harness/training/student_evaluation.h"

#include <ATen/ops/empty.h>

#include <algorithm>
#include <iterator>
#include <set>

#include "harness/base/error.h"
#include "harness/base/hash.h"
#include "harness/runner/ruler_sets.h"
#include "harness/runner/run_record.h"
#include "models/distill/stage.h"
#include "models/weights/number_types.h"
#include "models/weights/weights.h"
#include "tasks/catalog.h"
#include "tasks/prompts/assembly.h"

namespace hylo::harness {
namespace {

void check_names(const models::Evaluation& wanted, const std::vector<std::string>& names) {
  for (const auto& name : names) {
    require(!names_sample_sets(name) || !wanted.sets.empty(),
            "task '{}' is asked on sample sets; name their folder with \"sets\" or --eval-sets "
            "(`hylo data build ruler --tokenizer DIR --lengths 4K --out DIR` makes them)",
            name);
    require(!tasks::is_task(name) || !tasks::make_task(name)->info().needs_teacher,
            "task '{}' asks a teacher, which is not there while a student learns; leave it to "
            "`hylo eval --teacher` on the trained student",
            name);
  }
}

std::vector<PlannedTask> opened_tasks(const models::Evaluation& wanted, const NamedTasks& named,
                                      const std::filesystem::path& data_root) {
  try {
    check_names(wanted, named.tasks);
    PlanOptions options{.tasks = named.tasks, .data_root = data_root, .prompts = {}};
    options.prompts.limit = wanted.limit;
    if (!wanted.sets.empty()) options.sets = {wanted.sets};
    return plan_tasks(options);
  } catch (const Error& error) {
    fail("evaluation: {}; --no-eval trains without", error.what());
  }
}

/// Shapes without numbers: enough to plan with, and no memory.
models::ModelWeights shapes_of(const models::ModelConfig& config, models::NumberType type) {
  auto weights = models::empty_weights(config);
  const auto options = at::TensorOptions().dtype(models::scalar_type(type)).device(at::kMeta);
  models::visit_weights(config, weights, [&](const models::WeightSlot& slot, at::Tensor& tensor) {
    tensor = at::empty(slot.shape, options);
  });
  return weights;
}

/// The same memory, without the wish for gradients.
models::ModelWeights detached(const models::Decoder& decoder) {
  auto weights = decoder.weights();
  models::visit_weights(
      decoder.config(), weights,
      [](const models::WeightSlot&, at::Tensor& tensor) { tensor = tensor.detach(); });
  return weights;
}

std::string hash_of(const models::ModelConfig& config, const models::ModelWeights& weights) {
  Sha256 hash;
  models::visit_weights(config, weights,
                        [&](const models::WeightSlot& slot, const at::Tensor& tensor) {
                          const auto whole = tensor.contiguous();
                          hash.update(slot.name).update(
                              {static_cast<const char*>(whole.const_data_ptr()), whole.nbytes()});
                        });
  return hash.hex();
}

/// What is begun is gone on with under its name; a name that has other numbers behind it is left
/// alone.
std::string name_for(const reports::Store& store, const std::string& wanted,
                     const std::string& key) {
  std::set<std::string> taken;
  for (const auto& run : store.runs()) {
    if (run.description.key != key) taken.insert(run.description.name);
  }
  auto name = wanted;
  for (int i = 2; taken.contains(name); ++i) name = fmt::format("{}.{}", wanted, i);
  return name;
}

}  // namespace

StudentEvaluation::StudentEvaluation(const models::Recipe& recipe, EvaluatedStudent student)
    : wanted_(recipe.evaluation.value()),
      stages_(recipe.stages),
      type_(recipe.type),
      student_(std::move(student)),
      named_(expand_groups(wanted_.tasks)),
      tasks_(opened_tasks(wanted_, named_, student_.data_root)) {
  std::ranges::copy(ruler_groups(tasks_), std::back_inserter(named_.groups));
  check_fits();
}

int64_t StudentEvaluation::total_step(const models::TrainingPlace& place) const {
  int64_t steps = place.next_step;
  for (int64_t i = 0; i < place.stage; ++i) steps += stages_[static_cast<size_t>(i)].steps;
  return steps;
}

bool StudentEvaluation::is_due_within(int64_t first_step, int64_t last_step) const {
  const bool is_end = last_step == total_step({std::ssize(stages_), 0});
  return is_end ||
         (wanted_.every > 0 && last_step / wanted_.every > (first_step - 1) / wanted_.every);
}

bool StudentEvaluation::is_due(const models::TrainingPlace& place) const {
  const auto step = total_step(place);
  return step > 0 && is_due_within(step, step);
}

DecoderSystem StudentEvaluation::system_of(HeldModel model) const {
  model.tokenizer = student_.tokenizer;
  return {std::move(model), {.folder = student_.folder, .type = type_}};
}

void StudentEvaluation::check_fits() {
  auto config = student_.config;
  for (size_t i = 0; i < stages_.size(); ++i) {
    const auto& stage = stages_[i];
    if (stage.yarn) config = models::stretched(student_.config, *stage.yarn);
    const auto before = total_step({static_cast<int64_t>(i), 0});
    if (is_due_within(before + 1, before + stage.steps)) check_fits(config, stage);
  }
}

void StudentEvaluation::check_fits(const models::ModelConfig& config, const models::Stage& stage) {
  const auto system =
      system_of({.checkpoint = {.config = config, .weights = shapes_of(config, type_)},
                 .name = "the student"});
  check_tokenizers(tasks_, system, /*allow_others=*/false);
  const auto plan = make_plan(tasks_, system);
  constexpr auto what_to_do = "leave the task out, and ask the trained student with `hylo eval`";
  require(plan.num_truncated == 0,
          "evaluation: {} of {} requests do not fit in the {} positions that the student has in "
          "stage '{}' (the first is {}); {}",
          plan.num_truncated, plan.num_requests, config.max_positions, stage.name,
          plan.first_truncated, what_to_do);
  for (const auto& batch : plan.batches) {
    for (const auto& planned : batch) {
      const auto& task = tasks_[planned.task];
      require(
          planned.cost.rows_unshared > 0,
          "evaluation: {}, document {} cannot be asked in the {} positions that the student has "
          "in stage '{}'; {}",
          task.task->info().name, task.documents[planned.document].document->index,
          config.max_positions, stage.name, what_to_do);
    }
  }
}

EvaluationOutcome StudentEvaluation::evaluate(const models::TrainedModel& student,
                                              const models::TrainingPlace& place,
                                              reports::Store& store, const EvaluationLabels& labels,
                                              const EvaluationHooks& hooks) {
  const auto& config = student.decoder().config();
  const auto name = fmt::format("{}/step-{}", labels.training, total_step(place));
  HeldModel model{.checkpoint = {.config = config, .weights = detached(student.decoder())},
                  .name = name};
  model.weights_sha256 = hash_of(config, model.checkpoint.weights);
  auto system = system_of(std::move(model));
  const auto plan = make_plan(tasks_, system);
  const auto cells = describe_cells(tasks_);
  auto description = describe_run(
      cells, system,
      {.argv = labels.argv, .seed = tasks::default_fewshot_seed, .groups = named_.groups});
  description.name = name_for(store, name, description.key);
  auto run = store.begin(description, cells);
  if (hooks.on_begun) hooks.on_begun(run.id());
  EvaluationOutcome outcome{.run = run.id(), .was_complete = run.is_complete()};
  outcome.end = run_plan(tasks_, plan, system, store, run, hooks.runner);
  outcome.tasks = reports::first_metrics(store, run.id());
  return outcome;
}

}  // namespace hylo::harness
