#include "reports/render/training_report.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <map>

#include "reports/render/paired_runs.h"
#include "reports/render/stage_history.h"
#include "reports/render/training_evaluations.h"
#include "reports/store/json_number.h"
#include "reports/store/training_history.h"

namespace hylo::reports {
namespace {

/// A terminal has about as many columns, and an eye as many places.
constexpr int64_t points_of_curve = 60;

template <class T>
OrderedJson value_or_null(const std::optional<T>& value) {
  return value ? OrderedJson(*value) : OrderedJson(nullptr);
}

OrderedJson text_or_null(const std::string& text) {
  return text.empty() ? OrderedJson(nullptr) : OrderedJson(text);
}

OrderedJson teacher_json(const TrainingDescription& run) {
  if (!run.teacher_name) return nullptr;
  return {{"name", *run.teacher_name}, {"sha256", value_or_null(run.teacher_sha256)}};
}

std::vector<StageHistory> histories_of(const Store& store, const TrainingSummary& run) {
  std::vector<StageHistory> histories;
  for (int64_t stage = 0; stage < std::ssize(run.description.stages); ++stage) {
    histories.push_back(stage_history(store, run.id, stage, points_of_curve));
  }
  return histories;
}

OrderedJson head_json(const TrainingSummary& run) {
  const auto& description = run.description;
  const auto& last = run.attempts.back();
  return {{"id", run.id},
          {"name", text_or_null(description.name)},
          {"state", name_of(run.state())},
          {"failure", value_or_null(last.failure)},
          {"started", run.attempts.front().started},
          {"last_saved", last.last_saved},
          {"recipe", description.recipe_name},
          {"teacher", teacher_json(description)},
          {"dtype", description.dtype},
          {"seed", description.seed},
          {"num_threads", value_or_null(last.on.num_threads)},
          {"num_attempts", run.attempts.size()},
          {"output_folder", description.output_folder.string()},
          {"machine", last.on.machine},
          {"build", last.on.build},
          {"argv", description.argv}};
}

OrderedJson attempt_json(const TrainingAttempt& attempt) {
  return {{"started", attempt.started},
          {"last_saved", attempt.last_saved},
          {"state", name_of(attempt.state)},
          {"failure", value_or_null(attempt.failure)},
          {"from_stage", attempt.from.stage},
          {"from_step", attempt.from.step},
          {"num_dropped_steps", attempt.num_dropped_steps},
          {"host", attempt.host},
          {"process", attempt.process},
          {"num_threads", value_or_null(attempt.on.num_threads)},
          {"machine", attempt.on.machine},
          {"build", attempt.on.build}};
}

std::optional<double> exp_of(std::optional<double> value) {
  return value ? std::optional(std::exp(*value)) : std::nullopt;
}

std::optional<double> ratio_of(const TrainingValidation& row) {
  if (!row.cross_entropy || !row.teacher_cross_entropy) return std::nullopt;
  return std::exp(*row.cross_entropy - *row.teacher_cross_entropy);
}

/// Tokens of all stages until a place.
int64_t tokens_until(std::span<const StageHistory> histories, const TrainingPlace& place) {
  int64_t tokens = 0;
  for (int64_t stage = 0; stage < place.stage; ++stage) {
    tokens += histories[static_cast<size_t>(stage)].num_rows;
  }
  return tokens + histories[static_cast<size_t>(place.stage)].tokens_after(place.step);
}

OrderedJson validation_json(const TrainingSummary& run, const TrainingValidation& row,
                            std::span<const StageHistory> histories) {
  const auto& stage = run.description.stages[static_cast<size_t>(row.place.stage)];
  return {{"stage", row.place.stage},
          {"stage_name", stage.name},
          {"step", row.place.step},
          {"tokens", tokens_until(histories, row.place)},
          {"data", row.data},
          {"num_tokens", row.num_tokens},
          {"cross_entropy", json_number(row.cross_entropy)},
          {"standard_error", json_number(row.standard_error)},
          {"perplexity", json_number(exp_of(row.cross_entropy))},
          {"teacher_cross_entropy", json_number(row.teacher_cross_entropy)},
          {"teacher_perplexity", json_number(exp_of(row.teacher_cross_entropy))},
          {"ratio_to_teacher", json_number(ratio_of(row))},
          {"preference_loss", json_number(row.preference_loss)},
          {"margin", json_number(row.margin)},
          {"preference_accuracy", json_number(row.preference_accuracy)}};
}

/// The validation of lowest cross-entropy; null where none has a number.
OrderedJson best_of(const OrderedJson& validations,
                    const std::function<bool(const OrderedJson&)>& which) {
  OrderedJson best;
  for (const auto& row : validations) {
    if (!which(row) || !row["cross_entropy"].is_number()) continue;
    if (best.is_null() || row["cross_entropy"] < best["cross_entropy"]) best = row;
  }
  return best;
}

/// Of the stage that a living process is in, as fast as it was so far.
std::optional<double> seconds_left(const TrainingSummary& run, const TrainingStage& stage,
                                   const StageHistory& history) {
  if (run.state() != TrainingState::Running || !history.seconds) return std::nullopt;
  const auto left = stage.num_steps - *history.last_step - 1;
  if (left <= 0) return std::nullopt;
  return static_cast<double>(left) * *history.seconds / static_cast<double>(history.num_steps);
}

OrderedJson stage_json(const TrainingSummary& run, int64_t position, const StageHistory& history,
                       const OrderedJson& validations) {
  const auto& stage = run.description.stages[static_cast<size_t>(position)];
  const auto best =
      best_of(validations, [&](const OrderedJson& row) { return row["stage"] == position; });
  return {{"stage", position},
          {"name", stage.name},
          {"kind", stage.kind},
          {"context_length", value_or_null(stage.context_length)},
          {"tokens_per_step", value_or_null(stage.tokens_per_step)},
          {"num_steps", stage.num_steps},
          {"num_steps_done", history.num_steps},
          {"num_tokens", history.num_rows},
          {"seconds", json_number(history.seconds)},
          {"seconds_left", json_number(seconds_left(run, stage, history))},
          {"tokens_per_second", json_number(history.tokens_per_second)},
          {"first_loss", json_number(history.first_loss)},
          {"last_loss", json_number(history.last_loss)},
          {"peak_resident_bytes", value_or_null(history.peak_bytes)},
          {"best_data", best.is_null() ? OrderedJson() : best["data"]},
          {"best_step", best.is_null() ? OrderedJson() : best["step"]},
          {"best_perplexity", best.is_null() ? OrderedJson() : best["perplexity"]},
          {"best_ratio_to_teacher", best.is_null() ? OrderedJson() : best["ratio_to_teacher"]}};
}

OrderedJson point_json(const StagePoint& point) {
  return {{"tokens", point.tokens},
          {"num_steps", point.num_steps},
          {"loss", json_number(point.loss)},
          {"divergence", json_number(point.divergence)},
          {"cross_entropy", json_number(point.cross_entropy)},
          {"layer_distance", json_number(point.layer_distance)},
          {"mixer_distance", json_number(point.mixer_distance)},
          {"margin", json_number(point.margin)},
          {"preference_accuracy", json_number(point.preference_accuracy)},
          {"gradient_norm", json_number(point.gradient_norm)},
          {"learning_rate", json_number(point.learning_rate)},
          {"tokens_per_second", json_number(point.tokens_per_second)}};
}

OrderedJson curve_json(const TrainingSummary& run, int64_t position, const StageHistory& history) {
  const auto& stage = run.description.stages[static_cast<size_t>(position)];
  auto points = OrderedJson::array();
  for (const auto& point : history.points) points.push_back(point_json(point));
  return {{"stage", position}, {"name", stage.name}, {"kind", stage.kind}, {"points", points}};
}

OrderedJson checkpoint_json(const TrainingCheckpoint& checkpoint) {
  return {{"stage", checkpoint.place.stage},
          {"step", checkpoint.place.step},
          {"folder", checkpoint.folder.string()},
          {"seconds", json_number(checkpoint.seconds)},
          {"bytes", value_or_null(checkpoint.bytes)}};
}

OrderedJson validations_json(const Store& store, const TrainingSummary& run,
                             std::span<const StageHistory> histories) {
  auto rows = OrderedJson::array();
  for (const auto& row : training_validations(store, run.id)) {
    rows.push_back(validation_json(run, row, histories));
  }
  return rows;
}

constexpr auto loss_note =
    "First and last loss are means of the first and the last hundredth of a stage's steps, at "
    "least "
    "of one. Losses of stages of different kinds cannot be held against each other.";
constexpr auto validation_note =
    "\u00b1 is the standard error of the cross-entropy over documents. Ratio is the perplexity "
    "divided by the teacher's on the same tokens.";

bool has_validations(const OrderedJson& validations) { return !validations.empty(); }

void note_attempts(const TrainingSummary& run, OrderedJson& notes) {
  const auto& first = run.attempts.front();
  if (first.from > TrainingPlace{}) {
    notes.push_back(
        fmt::format("The steps before stage {}, step {} are not in this store: the run "
                    "was begun with another.",
                    first.from.stage, first.from.step));
  }
  if (run.state() == TrainingState::Failed) {
    notes.push_back("FAILED: " + run.attempts.back().failure.value_or("without a reason"));
  }
  if (run.state() == TrainingState::Interrupted) {
    notes.push_back("INTERRUPTED: what was last written is of " + run.attempts.back().last_saved +
                    "; resuming goes on from the last checkpoint.");
  }
  if (run.state() == TrainingState::Running) notes.push_back("The run is going on.");
}

OrderedJson notes_on(const TrainingSummary& run, const OrderedJson& validations) {
  auto notes = OrderedJson::array();
  note_attempts(run, notes);
  notes.push_back(loss_note);
  if (has_validations(validations)) notes.push_back(validation_note);
  return notes;
}

OrderedJson list_row(const Store& store, const TrainingSummary& run) {
  int64_t num_steps = 0;
  for (const auto& stage : run.description.stages) num_steps += stage.num_steps;
  const auto totals = training_totals(store, run.id);
  return {{"id", run.id},
          {"name", text_or_null(run.description.name)},
          {"recipe", run.description.recipe_name},
          {"teacher", value_or_null(run.description.teacher_name)},
          {"state", name_of(run.state())},
          {"num_stages", run.description.stages.size()},
          {"num_steps", num_steps},
          {"num_steps_done", totals.num_steps},
          {"num_tokens", totals.num_rows},
          {"seconds", totals.seconds},
          {"num_attempts", run.attempts.size()},
          {"started", run.attempts.front().started},
          {"last_saved", run.attempts.back().last_saved},
          {"output_folder", run.description.output_folder.string()}};
}

/// The last and the best validation on each data.
OrderedJson last_validations(const OrderedJson& validations) {
  std::map<std::string, OrderedJson> last;
  for (const auto& row : validations) last[row["data"].get<std::string>()] = row;
  auto rows = OrderedJson::array();
  for (auto& [data, row] : last) {
    const auto best = best_of(
        validations, [&](const OrderedJson& other) { return other["data"] == row["data"]; });
    row["best_perplexity"] = best.is_null() ? OrderedJson() : best["perplexity"];
    rows.push_back(row);
  }
  return rows;
}

OrderedJson compared_run(const Store& store, const TrainingSummary& run) {
  const auto histories = histories_of(store, run);
  const auto validations = validations_json(store, run, histories);
  auto row = list_row(store, run);
  row["tokens_per_second"] = nullptr;
  row["last_stage"] = nullptr;
  row["last_loss"] = nullptr;
  if (row["seconds"] > 0.0) {
    row["tokens_per_second"] = row["num_tokens"].get<double>() / row["seconds"].get<double>();
  }
  row["curves"] = OrderedJson::array();
  for (size_t i = 0; i < histories.size(); ++i) {
    row["curves"].push_back(curve_json(run, static_cast<int64_t>(i), histories[i]));
    if (histories[i].num_steps == 0) continue;
    row["last_stage"] = run.description.stages[i].name;
    row["last_loss"] = json_number(histories[i].last_loss);
  }
  row["last_validations"] = last_validations(validations);
  row["validations"] = validations;
  return row;
}

/// What may differ between runs, by path.
std::map<std::string, OrderedJson> settings_of(const TrainingSummary& run) {
  const auto& description = run.description;
  std::map<std::string, OrderedJson> settings;
  const auto recipe = description.recipe.flatten();
  for (const auto& [path, value] : recipe.items()) {
    settings["recipe" + path] = value;
  }
  settings["teacher"] = value_or_null(description.teacher_name);
  settings["teacher sha256"] = value_or_null(description.teacher_sha256);
  settings["dtype"] = description.dtype;
  settings["seed"] = description.seed;
  settings["threads"] = value_or_null(run.attempts.back().on.num_threads);
  settings["machine"] = run.attempts.back().on.machine;
  settings["build"] = run.attempts.back().on.build;
  return settings;
}

/// {"setting", "values": one per run} for each that is not the same in all.
OrderedJson differences_of(std::span<const TrainingSummary> runs) {
  std::vector<std::map<std::string, OrderedJson>> all;
  std::map<std::string, OrderedJson> any;
  for (const auto& run : runs) {
    const auto& settings = all.emplace_back(settings_of(run));
    any.insert(settings.begin(), settings.end());
  }
  auto differences = OrderedJson::array();
  for (const auto& [setting, unused] : any) {
    auto values = OrderedJson::array();
    for (const auto& settings : all) {
      const auto found = settings.find(setting);
      values.push_back(found == settings.end() ? OrderedJson() : found->second);
    }
    const bool same = std::ranges::all_of(values, [&](const auto& v) { return v == values[0]; });
    if (!same) differences.push_back({{"setting", setting}, {"values", values}});
  }
  return differences;
}

}  // namespace

OrderedJson training_report(const Store& store, const TrainingSummary& run) {
  const auto histories = histories_of(store, run);
  const auto validations = validations_json(store, run, histories);
  auto attempts = OrderedJson::array();
  for (const auto& attempt : run.attempts) attempts.push_back(attempt_json(attempt));
  auto stages = OrderedJson::array();
  auto curves = OrderedJson::array();
  for (size_t i = 0; i < histories.size(); ++i) {
    const auto position = static_cast<int64_t>(i);
    stages.push_back(stage_json(run, position, histories[i], validations));
    curves.push_back(curve_json(run, position, histories[i]));
  }
  auto checkpoints = OrderedJson::array();
  for (const auto& row : training_checkpoints(store, run.id)) {
    checkpoints.push_back(checkpoint_json(row));
  }
  return {{"report", "training"},
          {"training", head_json(run)},
          {"recipe", run.description.recipe},
          {"student", run.description.student},
          {"attempts", attempts},
          {"stages", stages},
          {"validations", validations},
          {"evaluations", training_evaluations_json(store, run)},
          {"checkpoints", checkpoints},
          {"curves", curves},
          {"notes", notes_on(run, validations)}};
}

OrderedJson training_list_report(const Store& store) {
  auto runs = OrderedJson::array();
  auto notes = OrderedJson::array();
  for (const auto& run : training_runs(store)) runs.insert(runs.begin(), list_row(store, run));
  if (runs.empty()) {
    notes.push_back("There are no training runs yet; `hylo distill` and `hylo train` make them.");
  }
  return {{"report", "training_list"},
          {"store", store.file().string()},
          {"runs", runs},
          {"notes", notes}};
}

OrderedJson training_comparison_report(const Store& store, std::span<const TrainingSummary> runs) {
  auto rows = OrderedJson::array();
  for (const auto& run : runs) rows.push_back(compared_run(store, run));
  auto notes = OrderedJson::array({loss_note});
  const bool validated = std::ranges::any_of(
      rows, [](const OrderedJson& row) { return has_validations(row["validations"]); });
  if (validated) notes.push_back(validation_note);
  const auto paired = paired_runs(store, runs);
  if (validated) notes.push_back(note_on_pairs(paired, rows));
  const bool incomplete =
      std::ranges::any_of(rows, [](const OrderedJson& row) { return row["state"] != "complete"; });
  if (incomplete) {
    notes.push_back("Not all of these runs are complete: what they learnt last is not their end.");
  }
  return {{"report", "training_comparison"},
          {"store", store.file().string()},
          {"runs", rows},
          {"paired", paired},
          {"differences", differences_of(runs)},
          {"notes", notes}};
}

}  // namespace hylo::reports
