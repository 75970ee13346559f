#include "reports/store/run_rows.h"

#include <SQLiteCpp/Statement.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <climits>

#include "harness/base/clock.h"
#include "harness/base/hash.h"
#include "reports/store/group_rows.h"
#include "reports/store/values.h"

namespace hylo::reports {
namespace {

constexpr std::array numeric_modes{"exact", "stable", "fast"};

bool is_number(const std::string& text) {
  return !text.empty() && std::ranges::all_of(text, [](char c) { return '0' <= c && c <= '9'; });
}

std::optional<FoundRun> query_run(SQLite::Statement& query) {
  if (!query.executeStep()) return std::nullopt;
  return FoundRun{query.getColumn(0).getInt64(),
                  static_cast<RunState>(query.getColumn(1).getInt())};
}

int64_t task_id(SQLite::Database& database, const CellDescription& cell) {
  SQLite::Statement insert(database, "INSERT OR IGNORE INTO task (name, version) VALUES (?, ?)");
  insert.bind(1, cell.task);
  insert.bind(2, cell.task_version);
  insert.exec();
  SQLite::Statement query(database, "SELECT id FROM task WHERE name = ? AND version = ?");
  query.bind(1, cell.task);
  query.bind(2, cell.task_version);
  query.executeStep();
  return query.getColumn(0).getInt64();
}

int64_t dataset_id(SQLite::Database& database, const CellDescription& cell) {
  const auto bind = [&](SQLite::Statement& statement) {
    statement.bind(1, cell.dataset);
    statement.bind(2, cell.dataset_sha256);
    statement.bind(3, cell.licence);
  };
  SQLite::Statement insert(
      database, "INSERT OR IGNORE INTO dataset (name, sha256, licence) VALUES (?, ?, ?)");
  bind(insert);
  insert.exec();
  SQLite::Statement query(database,
                          "SELECT id FROM dataset WHERE name = ? AND sha256 = ? AND licence = ?");
  bind(query);
  query.executeStep();
  return query.getColumn(0).getInt64();
}

void insert_metric(SQLite::Database& database, int64_t cell, int64_t position,
                   const MetricDescription& metric) {
  SQLite::Statement insert(database,
                           "INSERT INTO metric (cell, position, name, filter, aggregation, "
                           "higher_is_better) VALUES (?, ?, ?, ?, ?, ?)");
  insert.bind(1, cell);
  insert.bind(2, position);
  insert.bind(3, metric.name);
  insert.bind(4, metric.filter);
  insert.bind(5, static_cast<int>(metric.aggregation));
  insert.bind(6, static_cast<int>(metric.higher_is_better));
  insert.exec();
}

void insert_cell(SQLite::Database& database, int64_t run, int64_t position,
                 const CellDescription& cell) {
  SQLite::Statement insert(database,
                           "INSERT INTO cell (run, position, task, variant, dataset, "
                           "num_documents, num_fewshot, num_assigned) VALUES (?, ?, ?, ?, ?, ?, ?, "
                           "?)");
  insert.bind(1, run);
  insert.bind(2, position);
  insert.bind(3, task_id(database, cell));
  insert.bind(4, as_line(cell.variant));
  insert.bind(5, dataset_id(database, cell));
  insert.bind(6, cell.num_documents);
  insert.bind(7, cell.num_fewshot);
  if (cell.num_assigned) insert.bind(8, *cell.num_assigned);
  insert.exec();
  const auto id = database.getLastInsertRowid();
  for (size_t i = 0; i < cell.metrics.size(); ++i) {
    insert_metric(database, id, static_cast<int64_t>(i), cell.metrics[i]);
  }
}

// The run that has this name, if it is one to go on with.
std::optional<FoundRun> named_run(SQLite::Database& database, const std::filesystem::path& file,
                                  const RunDescription& run) {
  SQLite::Statement query(database, "SELECT id, state, key FROM run WHERE name = ?");
  query.bind(1, run.name);
  const auto found = query_run(query);
  require(!found || query.getColumn(2).getString() == run.key,
          "{}: the name '{}' belongs to run {}, which has other settings; choose another --name",
          file.string(), run.name, found ? found->id : 0);
  return found;
}

std::optional<FoundRun> nameless_incomplete_run(SQLite::Database& database,
                                                const RunDescription& run) {
  SQLite::Statement query(database,
                          "SELECT id, state FROM run WHERE key = ? AND state = 1 AND name IS NULL "
                          "ORDER BY id DESC LIMIT 1");
  query.bind(1, run.key);
  return query_run(query);
}

}  // namespace

int64_t description_id(SQLite::Database& database, const std::string& table,
                       const OrderedJson& description) {
  const auto text = as_line(description);
  const auto hash = sha256_hex(text);
  SQLite::Statement insert(
      database, "INSERT OR IGNORE INTO " + table + " (sha256, description) VALUES (?, ?)");
  insert.bind(1, hash);
  insert.bind(2, text);
  insert.exec();
  SQLite::Statement query(database, "SELECT id FROM " + table + " WHERE sha256 = ?");
  query.bind(1, hash);
  query.executeStep();
  return query.getColumn(0).getInt64();
}

std::string host_name() {
  std::array<char, HOST_NAME_MAX + 1> name{};
  ::gethostname(name.data(), name.size() - 1);
  return name.data();
}

void check_run_name(const std::string& name) {
  require(name != "latest" && !is_number(name),
          "run name '{}': numbers and 'latest' stand for other runs; choose a name with a letter",
          name);
}

void check_description(const RunDescription& run, std::span<const CellDescription> cells) {
  invariant(!run.key.empty(), "a run without a key");
  require(std::ranges::find(numeric_modes, run.numeric_mode) != numeric_modes.end(),
          "numeric mode '{}': expected exact, stable or fast", run.numeric_mode);
  require(run.seed <= static_cast<uint64_t>(INT64_MAX), "seed {}: expected at most {}", run.seed,
          INT64_MAX);
  check_run_name(run.name);
  for (const auto& cell : cells) {
    invariant(0 <= cell.num_expected() && cell.num_expected() <= cell.num_documents,
              "{}: {} of {} documents", cell.task, cell.num_expected(), cell.num_documents);
  }
}

std::optional<FoundRun> run_to_continue(SQLite::Database& database,
                                        const std::filesystem::path& file,
                                        const RunDescription& run) {
  return run.name.empty() ? nameless_incomplete_run(database, run) : named_run(database, file, run);
}

int64_t insert_run(SQLite::Database& database, const RunDescription& run,
                   std::span<const CellDescription> cells) {
  SQLite::Statement insert(database,
                           "INSERT INTO run (key, name, state, started, model, machine, build, "
                           "numeric_mode, dtype, seed, "
                           "argv, settings, shard, num_shards, whole_key) "
                           "VALUES (?, ?, 1, ?, ?, ?, ?, "
                           "(SELECT id FROM numeric_mode WHERE name = ?), ?, ?, ?, ?, ?, ?, ?)");
  insert.bind(1, run.key);
  if (!run.name.empty()) insert.bind(2, run.name);
  insert.bind(3, utc_now());
  insert.bind(4, description_id(database, "model", run.model));
  insert.bind(5, description_id(database, "machine", run.machine));
  insert.bind(6, description_id(database, "build", run.build));
  insert.bind(7, run.numeric_mode);
  insert.bind(8, run.dtype);
  insert.bind(9, static_cast<int64_t>(run.seed));
  insert.bind(10, as_line(run.argv));
  insert.bind(11, as_line(run.settings));
  if (run.shard) {
    insert.bind(12, run.shard->number);
    insert.bind(13, run.shard->count);
    insert.bind(14, run.shard->whole_key);
  }
  insert.exec();
  const auto id = database.getLastInsertRowid();
  for (size_t i = 0; i < cells.size(); ++i) {
    insert_cell(database, id, static_cast<int64_t>(i), cells[i]);
  }
  insert_groups(database, id, run.groups);
  return id;
}

void begin_attempt(SQLite::Database& database, int64_t run) {
  SQLite::Statement insert(database,
                           "INSERT INTO attempt (run, started, host, process) VALUES (?, ?, ?, ?)");
  insert.bind(1, run);
  insert.bind(2, utc_now());
  insert.bind(3, host_name());
  insert.bind(4, static_cast<int64_t>(::getpid()));
  insert.exec();
  SQLite::Statement drop(database,
                         "DELETE FROM aggregate WHERE metric IN (SELECT metric.id FROM metric JOIN "
                         "cell ON cell.id = metric.cell WHERE cell.run = ?)");
  drop.bind(1, run);
  drop.exec();
  SQLite::Statement drop_groups(database,
                                "DELETE FROM group_aggregate WHERE task_group IN "
                                "(SELECT id FROM task_group WHERE run = ?)");
  drop_groups.bind(1, run);
  drop_groups.exec();
}

void mark_complete(SQLite::Database& database, int64_t run) {
  SQLite::Statement update(database, "UPDATE run SET state = 2, finished = ? WHERE id = ?");
  update.bind(1, utc_now());
  update.bind(2, run);
  update.exec();
}

std::string busy_text(SQLite::Database& database, const std::filesystem::path& file, int64_t run) {
  SQLite::Statement query(database,
                          "SELECT process, host, started FROM attempt WHERE run = ? "
                          "ORDER BY id DESC LIMIT 1");
  query.bind(1, run);
  if (!query.executeStep()) return fmt::format("{}: run {} is taken", file.string(), run);
  return fmt::format(
      "{}: process {} on {} has been working on run {} since {}; wait for it, end it, or start a "
      "run "
      "of another --name",
      file.string(), query.getColumn(0).getInt64(), query.getColumn(1).getString(), run,
      query.getColumn(2).getString());
}

void require_same_cells(std::span<const CellRow> stored, std::span<const CellDescription> given,
                        const std::string& key) {
  const auto same = [](const CellRow& row, const CellDescription& cell) {
    return row.description.task == cell.task &&
           row.description.num_documents == cell.num_documents &&
           row.description.metrics.size() == cell.metrics.size();
  };
  invariant(std::ranges::equal(stored, given, same), "key {} stands for two lists of tasks", key);
}

}  // namespace hylo::reports
