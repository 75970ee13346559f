// Documents out of their rows, and conclusions that take the place of others.
#pragma once

#include <SQLiteCpp/Database.h>

#include <cstdint>
#include <span>

#include "reports/store/records.h"
#include "reports/store/writer.h"

namespace hylo::reports {

/// Returns how much differs from what was there. Throws std::logic_error for a document or metric
/// that the run does not have.
RescoreChanges update_documents(SQLite::Database& database, std::span<const CellRow> cells,
                                std::span<const ScoredAgain> documents);

void note_rescore(SQLite::Database& database, int64_t run, const OrderedJson& build,
                  int64_t num_changed);

}  // namespace hylo::reports
