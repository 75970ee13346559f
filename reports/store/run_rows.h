// A run's own rows: finding the one to go on with, making a new one.
#pragma once

#include <SQLiteCpp/Database.h>

#include <filesystem>
#include <optional>
#include <span>
#include <string>

#include "reports/store/records.h"
#include "reports/store/writer.h"

namespace hylo::reports {

/// Throws Error for a name or seed that cannot be stored, std::logic_error for cells without sense.
void check_description(const RunDescription& run, std::span<const CellDescription> cells);

struct FoundRun {
  int64_t id = 0;
  RunState state = RunState::Incomplete;
};

/// See Store::begin. Throws Error when the name belongs to a run with another key.
std::optional<FoundRun> run_to_continue(SQLite::Database& database,
                                        const std::filesystem::path& file,
                                        const RunDescription& run);

int64_t insert_run(SQLite::Database& database, const RunDescription& run,
                   std::span<const CellDescription> cells);

/// Notes who works on it from now on and drops the aggregates of an earlier attempt.
void begin_attempt(SQLite::Database& database, int64_t run);

/// The row of this description, made where there is none: `table` is model, machine or build.
int64_t description_id(SQLite::Database& database, const std::string& table,
                       const OrderedJson& description);

/// The name of this machine, for people.
std::string host_name();

/// Throws Error for a name that stands for other runs: a number, or "latest".
void check_run_name(const std::string& name);

void mark_complete(SQLite::Database& database, int64_t run);

/// Why a run cannot be taken: which process has it.
std::string busy_text(SQLite::Database& database, const std::filesystem::path& file, int64_t run);

/// Throws std::logic_error when a key stands for different cells than it did.
void require_same_cells(std::span<const CellRow> stored, std::span<const CellDescription> given,
                        const std::string& key);

}  // namespace hylo::reports
