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

/// Whether clusters may reach over the members: a mean of tasks that each bring the mean of their
/// first metric.
bool is_mean_of_cells(const GroupDescription& group, std::span<const CellAggregate> cells);

/// Values of the groups from those of the cells, which are all of the run's, in order, and from the
/// scores of the cells' first metrics; these may be left out where no group is a mean of cells.
std::vector<GroupResult> group_results(std::span<const GroupDescription> groups,
                                       std::span<const CellAggregate> cells,
                                       std::span<const std::vector<WeightedValue>> first_scores);

}  // namespace hylo::reports
