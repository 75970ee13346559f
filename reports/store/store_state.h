// What Store and RunHandle hold; for the sources of the store only.
#pragma once

#include <SQLiteCpp/Database.h>

#include <filesystem>
#include <memory>
#include <vector>

#include "reports/store/run_lock.h"
#include "reports/store/store.h"
#include "reports/store/writer.h"

namespace hylo::reports {

struct Store::State {
  std::filesystem::path file;
  std::unique_ptr<SQLite::Database> database;
  std::unique_ptr<Writer>
      writer;  ///< made by the first save; after `database`, so that it goes first
};

struct RunHandle::State {
  int64_t id = 0;
  bool is_resumed = false;
  bool is_complete = false;
  std::optional<RunLock> lock;
  std::vector<CellRow> cells;
};

/// The cells of a run, in order, with their rows' ids.
std::vector<CellRow> read_cells(SQLite::Database& database, int64_t run);

}  // namespace hylo::reports
