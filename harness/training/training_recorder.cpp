#include "harness/training/training_recorder.h"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>

#include "harness/base/hash.h"
#include "harness/base/version.h"
#include "harness/system/machine_record.h"
#include "models/config/own_config.h"
#include "models/engine/engine.h"
#include "models/weights/weights.h"
#include "reports/compare/aggregate.h"
#include "reports/store/training_history.h"

namespace hylo::harness {
namespace {

/// The store counts the steps that are done of a stage; before the first of one is behind the last
/// of the stage before it.
reports::TrainingPlace place_of(const models::TrainingPlace& place,
                                const std::vector<models::Stage>& stages) {
  if (place.next_step > 0 || place.stage == 0) return {place.stage, place.next_step};
  return {place.stage - 1, stages[static_cast<size_t>(place.stage) - 1].steps};
}

reports::TrainingDescription description_of(const PreparedTraining& prepared,
                                            const TrainingLabels& labels) {
  const auto& recipe = prepared.recipe();
  const auto& provenance = prepared.provenance();
  const auto layers = models::describe_layers(prepared.student());
  reports::TrainingDescription run{
      .name = labels.name,
      .recipe_name = recipe.name,
      .recipe = OrderedJson::parse(models::lasting_part(recipe.json).dump()),
      .student = {{"parameters", models::count_parameters(prepared.student())}, {"layers", layers}},
      .dtype = std::string(models::type_name(recipe.type)),
      .seed = recipe.seed,
      .output_folder = std::filesystem::absolute(labels.out).lexically_normal(),
      .argv = labels.argv};
  if (prepared.teacher()) {
    run.teacher_name = provenance.teacher;
    run.teacher_sha256 = provenance.teacher_sha256;
  }
  for (const auto& stage : recipe.stages) {
    run.stages.push_back({.name = stage.name,
                          .kind = models::name_of(stage.objective),
                          .num_steps = stage.steps,
                          .tokens_per_step = stage.tokens_per_step,
                          .context_length = stage.context_length});
  }
  return run;
}

/// A run of this name that ended before its first checkpoint in the same folder.
bool was_begun(const reports::Store& store, const reports::TrainingDescription& run) {
  if (run.name.empty()) return false;
  const auto all = reports::training_runs(store);
  return std::ranges::any_of(all, [&](const reports::TrainingSummary& other) {
    return other.description.name == run.name &&
           other.description.output_folder == run.output_folder &&
           other.state() != reports::TrainingState::Complete;
  });
}

reports::TrainingLog log_of(reports::Store& store, const PreparedTraining& prepared,
                            const models::Training& training, const TrainingLabels& labels) {
  const auto run = description_of(prepared, labels);
  const reports::TrainingHost host{.machine = machine_json(),
                                   .build = {{"version", version()}},
                                   .num_threads = models::Engine::num_threads()};
  return training.is_resumed() || was_begun(store, run)
             ? reports::TrainingLog::resume(store, run, host,
                                            place_of(training.place(), prepared.recipe().stages))
             : reports::TrainingLog::begin(store, run, host);
}

/// A loss may be exactly 0; whether it was measured is up to the stage.
bool has_divergence(const models::Objective& objective) {
  return std::holds_alternative<models::DistilLogits>(objective);
}
bool has_cross_entropy(const models::Objective& objective) {
  if (const auto* logits = std::get_if<models::DistilLogits>(&objective)) {
    return logits->ce_weight > 0;
  }
  const auto* next = std::get_if<models::NextToken>(&objective);
  return next && next->z_loss == 0;
}

std::optional<double> mean(const std::vector<double>& values) {
  if (values.empty()) return {};
  return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
}

/// The documents and the context that they are read in: both say what a loss was measured on.
std::string hash_of_held_out(const PreparedTraining& prepared) {
  const auto& held_out = prepared.data().held_out;
  if (!held_out) return {};
  return sha256_hex(fmt::format("{}, context {}", held_out->sha256(),
                                models::longest_context(prepared.recipe().stages)));
}

}  // namespace

reports::TrainingStep step_of(const models::Objective& objective,
                              const models::StepReport& report) {
  const auto& loss = report.loss;
  const auto given = [](bool is_there, double value) {
    return is_there ? std::optional(value) : std::nullopt;
  };
  reports::TrainingStep step;
  step.loss = loss.total;
  step.divergence = given(has_divergence(objective), loss.divergence);
  step.cross_entropy = given(has_cross_entropy(objective), loss.cross_entropy);
  step.layer_distance = mean(loss.layers);
  step.mixer_distance = mean(loss.mixers);
  step.margin = given(report.num_pairs > 0, loss.margin);
  step.preference_accuracy = given(report.num_pairs > 0, loss.accuracy);
  step.gradient_norm = report.gradient_norm;
  step.learning_rate = report.learning_rate;
  step.num_rows = report.num_rows;
  step.num_labels = report.num_labels;
  return step;
}

TrainingRecorder::TrainingRecorder(reports::Store& store, const PreparedTraining& prepared,
                                   const models::Training& training, const TrainingLabels& labels)
    : log_(log_of(store, prepared, training, labels)),
      stages_(prepared.recipe().stages),
      held_out_sha256_(hash_of_held_out(prepared)) {}

void TrainingRecorder::add(int64_t stage, const models::StepReport& report) {
  auto step = step_of(stages_[static_cast<size_t>(stage)].objective, report);
  step.place = {stage, report.step};
  step.seconds = since_last_step_.seconds();
  step.resident_bytes = resident_bytes();
  log_.add_step(step);
  since_last_step_ = Stopwatch();
}

void TrainingRecorder::add(const models::Validation& validation) {
  reports::TrainingValidation row{.place = place_of(validation.place, stages_),
                                  .data = "held out",
                                  .num_tokens = validation.loss.num_labels,
                                  .cross_entropy = validation.loss.cross_entropy,
                                  .teacher_cross_entropy = teachers_};
  std::vector<reports::WeightedValue> nats;
  for (const auto& document : validation.loss.documents) {
    nats.push_back({document.nats, static_cast<double>(document.num_labels), {}});
  }
  row.standard_error = aggregate(reports::Aggregation::WeightedMean, nats).standard_error;
  // Of the end of a stage each document is kept: runs are compared on them.
  if (row.place.step == stages_[static_cast<size_t>(row.place.stage)].steps) {
    row.documents_sha256 = held_out_sha256_;
    for (const auto& document : validation.loss.documents) {
      row.documents.push_back({document.num_labels, document.nats});
    }
  }
  log_.add_validation(row);
  since_last_step_ = Stopwatch();
}

void TrainingRecorder::add(const models::PreferenceValidation& validation) {
  log_.add_validation({.place = place_of(validation.place, stages_),
                       .data = "held-out pairs",
                       .num_tokens = validation.score.num_labels,
                       .preference_loss = validation.score.loss,
                       .margin = validation.score.margin,
                       .preference_accuracy = validation.score.accuracy});
  since_last_step_ = Stopwatch();
}

void TrainingRecorder::add(const models::TrainingPlace& place,
                           const std::filesystem::path& checkpoint) {
  log_.add_checkpoint({.place = place_of(place, stages_),
                       .folder = checkpoint,
                       .seconds = since_last_step_.seconds()});
  since_last_step_ = Stopwatch();
}

void TrainingRecorder::add_evaluation(const models::TrainingPlace& place, int64_t run) {
  log_.add_evaluation({.place = place_of(place, stages_), .run = run});
}

}  // namespace hylo::harness
