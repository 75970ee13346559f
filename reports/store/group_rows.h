// The groups of a run as rows.
#pragma once

#include <SQLiteCpp/Database.h>

#include <cstdint>
#include <span>
#include <vector>

#include "reports/store/records.h"

namespace hylo::reports {

/// After the run's cells, which the members name by position.
void insert_groups(SQLite::Database& database, int64_t run,
                   std::span<const GroupDescription> groups);

std::vector<GroupDescription> read_groups(SQLite::Database& database, int64_t run);

void insert_group_aggregates(SQLite::Database& database, int64_t run,
                             std::span<const GroupResult> results);

/// In order of the groups; those that have none stored are left out.
std::vector<GroupResult> read_group_results(SQLite::Database& database, int64_t run);

/// Values of the groups from those of the cells, which are all of the run's, in order.
std::vector<GroupResult> group_results(std::span<const GroupDescription> groups,
                                       std::span<const CellAggregate> cells);

}  // namespace hylo::reports
