#include "reports/store/training_rows.h"

#include <SQLiteCpp/Statement.h>
#include <fmt/format.h>
#include <unistd.h>

#include "harness/base/clock.h"
#include "harness/base/error.h"
#include "reports/store/json_number.h"
#include "reports/store/run_rows.h"
#include "reports/store/values.h"

namespace hylo::reports {
namespace {

void bind_whole(SQLite::Statement& statement, int index, const std::optional<int64_t>& value) {
  if (value) return statement.bind(index, *value);
  statement.bind(index);
}

std::string folder_text(const std::filesystem::path& folder) {
  auto text = std::filesystem::absolute(folder).lexically_normal().string();
  if (text.size() > 1 && text.ends_with('/')) text.pop_back();
  return text;
}

std::optional<int64_t> first_id(SQLite::Statement& query) {
  if (!query.executeStep()) return std::nullopt;
  return query.getColumn(0).getInt64();
}

std::optional<int64_t> training_named(SQLite::Database& database, const std::string& name) {
  SQLite::Statement query(database, "SELECT id FROM training_run WHERE name = ?");
  query.bind(1, name);
  return first_id(query);
}

void insert_stage(SQLite::Database& database, int64_t run, int64_t position,
                  const TrainingStage& stage) {
  SQLite::Statement insert(database,
                           "INSERT INTO training_stage (run, position, name, kind, num_steps, "
                           "tokens_per_step, context_length) VALUES (?, ?, ?, ?, ?, ?, ?)");
  insert.bind(1, run);
  insert.bind(2, position);
  insert.bind(3, stage.name);
  insert.bind(4, stage.kind);
  insert.bind(5, stage.num_steps);
  bind_whole(insert, 6, stage.tokens_per_step);
  bind_whole(insert, 7, stage.context_length);
  insert.exec();
}

int64_t delete_from(SQLite::Database& database, const std::string& table, int64_t stage,
                    int64_t first_step) {
  SQLite::Statement drop(database, "DELETE FROM " + table + " WHERE stage = ? AND step >= ?");
  drop.bind(1, stage);
  drop.bind(2, first_step);
  return drop.exec();
}

}  // namespace

void check_description(const TrainingDescription& run) {
  check_run_name(run.name);
  require(run.seed <= static_cast<uint64_t>(INT64_MAX), "seed {}: expected at most {}", run.seed,
          INT64_MAX);
  invariant(!run.stages.empty(), "a training run without stages");
}

std::optional<int64_t> training_to_resume(SQLite::Database& database,
                                          const TrainingDescription& run) {
  if (!run.name.empty()) return training_named(database, run.name);
  SQLite::Statement query(database,
                          "SELECT id FROM training_run WHERE name IS NULL AND output_folder = ? "
                          "ORDER BY id DESC LIMIT 1");
  query.bind(1, folder_text(run.output_folder));
  return first_id(query);
}

void require_same_recipe(SQLite::Database& database, const std::filesystem::path& file, int64_t id,
                         const TrainingDescription& run) {
  SQLite::Statement query(database, "SELECT recipe FROM training_run WHERE id = ?");
  query.bind(1, id);
  query.executeStep();
  // Without the order of keys, and with numbers as a store gives them back.
  const Json stored = json_in(query.getColumn(0));
  const Json given = parse_json(as_line(run.recipe), "recipe");
  const auto changes = Json::diff(stored, given);
  require(changes.empty(),
          "{}: training run {} was begun with another recipe, first difference at '{}'; resume it "
          "with its own, or train into another folder under another name",
          file.string(), id, changes.empty() ? "" : changes[0]["path"].get<std::string>());
  const auto num_stages = std::ssize(training_stage_ids(database, id));
  invariant(num_stages == std::ssize(run.stages), "one recipe with {} stages and with {}",
            num_stages, run.stages.size());
}

int64_t insert_training(SQLite::Database& database, const std::filesystem::path& file,
                        const TrainingDescription& run) {
  const auto taken = run.name.empty() ? std::nullopt : training_named(database, run.name);
  require(!taken, "{}: the name '{}' belongs to training run {}; resume that, or choose another",
          file.string(), run.name, taken.value_or(0));
  SQLite::Statement insert(
      database,
      "INSERT INTO training_run (name, recipe_name, recipe, teacher_name, teacher_sha256, student, "
      "dtype, seed, output_folder, argv) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)");
  bind_unless_empty(insert, 1, run.name);
  insert.bind(2, run.recipe_name);
  insert.bind(3, as_line(run.recipe));
  bind_text(insert, 4, run.teacher_name);
  bind_text(insert, 5, run.teacher_sha256);
  insert.bind(6, as_line(run.student));
  insert.bind(7, run.dtype);
  insert.bind(8, static_cast<int64_t>(run.seed));
  insert.bind(9, folder_text(run.output_folder));
  insert.bind(10, as_line(run.argv));
  insert.exec();
  const auto id = database.getLastInsertRowid();
  for (size_t i = 0; i < run.stages.size(); ++i) {
    insert_stage(database, id, static_cast<int64_t>(i), run.stages[i]);
  }
  return id;
}

std::vector<int64_t> training_stage_ids(SQLite::Database& database, int64_t run) {
  SQLite::Statement query(database,
                          "SELECT id FROM training_stage WHERE run = ? ORDER BY position");
  query.bind(1, run);
  std::vector<int64_t> ids;
  while (query.executeStep()) ids.push_back(query.getColumn(0).getInt64());
  return ids;
}

int64_t drop_behind(SQLite::Database& database, std::span<const int64_t> stages,
                    const TrainingPlace& place) {
  int64_t num_steps = 0;
  for (int64_t stage = place.stage; stage < std::ssize(stages); ++stage) {
    // Step n is the one behind place n; what was measured after n steps stands at the place itself.
    const int64_t done = stage == place.stage ? place.step : 0;
    const int64_t first_measured = stage == place.stage ? place.step + 1 : 0;
    const auto id = stages[static_cast<size_t>(stage)];
    num_steps += delete_from(database, "training_step", id, done);
    delete_from(database, "training_validation", id, first_measured);
    delete_from(database, "training_checkpoint", id, first_measured);
    delete_from(database, "training_evaluation", id, first_measured);
  }
  return num_steps;
}

int64_t begin_training_attempt(SQLite::Database& database, int64_t run, const TrainingHost& host,
                               const NewAttempt& attempt) {
  SQLite::Statement killed(database,
                           "UPDATE training_attempt SET state = ? WHERE run = ? AND state = ?");
  killed.bind(1, static_cast<int>(TrainingState::Interrupted));
  killed.bind(2, run);
  killed.bind(3, static_cast<int>(TrainingState::Running));
  killed.exec();
  SQLite::Statement insert(
      database,
      "INSERT INTO training_attempt (run, state, started, last_saved, host, process, machine, "
      "build, num_threads, from_stage, from_step, num_dropped_steps) "
      "VALUES (?1, ?2, ?3, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)");
  insert.bind(1, run);
  insert.bind(2, static_cast<int>(TrainingState::Running));
  insert.bind(3, utc_now());
  insert.bind(4, host_name());
  insert.bind(5, static_cast<int64_t>(::getpid()));
  insert.bind(6, description_id(database, "machine", host.machine));
  insert.bind(7, description_id(database, "build", host.build));
  bind_whole(insert, 8, host.num_threads);
  insert.bind(9, attempt.from.stage);
  insert.bind(10, attempt.from.step);
  insert.bind(11, attempt.num_dropped_steps);
  insert.exec();
  return database.getLastInsertRowid();
}

void insert_steps(SQLite::Database& database, std::span<const int64_t> stages,
                  std::span<const TrainingStep> steps) {
  SQLite::Statement insert(database,
                           "INSERT INTO training_step (stage, step, loss, divergence, "
                           "cross_entropy, layer_distance, mixer_distance, gradient_norm, "
                           "learning_rate, num_rows, num_labels, seconds, resident_bytes, margin, "
                           "preference_accuracy) "
                           "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)");
  for (const auto& step : steps) {
    insert.bind(1, stages[static_cast<size_t>(step.place.stage)]);
    insert.bind(2, step.place.step);
    bind_number(insert, 3, step.loss);
    bind_number(insert, 4, step.divergence);
    bind_number(insert, 5, step.cross_entropy);
    bind_number(insert, 6, step.layer_distance);
    bind_number(insert, 7, step.mixer_distance);
    bind_number(insert, 8, step.gradient_norm);
    bind_number(insert, 9, step.learning_rate);
    insert.bind(10, step.num_rows);
    bind_whole(insert, 11, step.num_labels);
    bind_number(insert, 12, step.seconds);
    bind_whole(insert, 13, step.resident_bytes);
    bind_number(insert, 14, step.margin);
    bind_number(insert, 15, step.preference_accuracy);
    insert.exec();
    insert.reset();
  }
}

std::string losses_text(std::span<const HeldOutDocument> documents) {
  auto rows = OrderedJson::array();
  for (const auto& document : documents) {
    rows.push_back({document.num_tokens, json_number(document.nats)});
  }
  return rows.dump();
}

std::vector<HeldOutDocument> losses_in(const std::string& text) {
  const auto rows = OrderedJson::parse(text, nullptr, false);
  std::vector<HeldOutDocument> documents;
  require(rows.is_array(), "training_validation.document_losses: expected a list, found {}", text);
  for (const auto& row : rows) {
    const bool is_pair = row.is_array() && row.size() == 2 && row[0].is_number_integer() &&
                         (row[1].is_number() || row[1].is_string());
    const auto nats = is_pair ? number_of(row[1]) : std::nullopt;
    require(nats.has_value(),
            "training_validation.document_losses: expected [tokens, nats], found {}", row.dump());
    documents.push_back({row[0].get<int64_t>(), *nats});
  }
  return documents;
}

void upsert_validation(SQLite::Database& database, int64_t stage,
                       const TrainingValidation& validation) {
  SQLite::Statement insert(database,
                           "INSERT OR REPLACE INTO training_validation (stage, step, data, "
                           "num_tokens, cross_entropy, standard_error, teacher_cross_entropy, "
                           "preference_loss, margin, preference_accuracy, documents_sha256, "
                           "document_losses) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)");
  insert.bind(1, stage);
  insert.bind(2, validation.place.step);
  insert.bind(3, validation.data);
  insert.bind(4, validation.num_tokens);
  bind_number(insert, 5, validation.cross_entropy);
  bind_number(insert, 6, validation.standard_error);
  bind_number(insert, 7, validation.teacher_cross_entropy);
  bind_number(insert, 8, validation.preference_loss);
  bind_number(insert, 9, validation.margin);
  bind_number(insert, 10, validation.preference_accuracy);
  if (!validation.documents.empty()) {
    insert.bind(11, validation.documents_sha256);
    insert.bind(12, losses_text(validation.documents));
  }
  insert.exec();
}

void upsert_checkpoint(SQLite::Database& database, int64_t stage,
                       const TrainingCheckpoint& checkpoint) {
  SQLite::Statement insert(database,
                           "INSERT OR REPLACE INTO training_checkpoint (stage, step, folder, "
                           "written, seconds, bytes) VALUES (?, ?, ?, ?, ?, ?)");
  insert.bind(1, stage);
  insert.bind(2, checkpoint.place.step);
  insert.bind(3, folder_text(checkpoint.folder));
  insert.bind(4, utc_now());
  bind_number(insert, 5, checkpoint.seconds);
  bind_whole(insert, 6, checkpoint.bytes);
  insert.exec();
}

void upsert_evaluation(SQLite::Database& database, int64_t stage,
                       const TrainingEvaluation& evaluation) {
  SQLite::Statement insert(
      database, "INSERT OR REPLACE INTO training_evaluation (stage, step, run) VALUES (?, ?, ?)");
  insert.bind(1, stage);
  insert.bind(2, evaluation.place.step);
  insert.bind(3, evaluation.run);
  insert.exec();
}

void touch_attempt(SQLite::Database& database, int64_t attempt) {
  SQLite::Statement update(database, "UPDATE training_attempt SET last_saved = ? WHERE id = ?");
  update.bind(1, utc_now());
  update.bind(2, attempt);
  update.exec();
}

void end_attempt(SQLite::Database& database, int64_t attempt, TrainingState state,
                 const std::optional<std::string>& failure) {
  SQLite::Statement update(database,
                           "UPDATE training_attempt SET state = ?, failure = ? WHERE id = ?");
  update.bind(1, static_cast<int>(state));
  bind_text(update, 2, failure);
  update.bind(3, attempt);
  update.exec();
}

std::string training_busy_text(SQLite::Database& database, const std::filesystem::path& file,
                               int64_t run) {
  SQLite::Statement query(database,
                          "SELECT process, host, started FROM training_attempt WHERE run = ? "
                          "ORDER BY id DESC LIMIT 1");
  query.bind(1, run);
  if (!query.executeStep()) return fmt::format("{}: training run {} is taken", file.string(), run);
  return fmt::format(
      "{}: process {} on {} has been working on training run {} since {}; wait for it or end it",
      file.string(), query.getColumn(0).getInt64(), query.getColumn(1).getString(), run,
      query.getColumn(2).getString());
}

}  // namespace hylo::reports
