#include "reports/store/group_rows.h"

#include <SQLiteCpp/Statement.h>

#include <algorithm>

#include "harness/base/error.h"
#include "reports/store/values.h"

namespace hylo::reports {
namespace {

void insert_member(SQLite::Database& database, int64_t run, int64_t group, int64_t position,
                   const GroupMember& member) {
  SQLite::Statement insert(
      database,
      "INSERT INTO group_member (task_group, position, metric, subgroup) VALUES (?1, ?2, "
      "(SELECT metric.id FROM metric JOIN cell ON cell.id = metric.cell "
      " WHERE cell.run = ?3 AND cell.position = ?4 AND metric.position = ?5), "
      "(SELECT id FROM task_group WHERE run = ?3 AND position = ?6))");
  insert.bind(1, group);
  insert.bind(2, position);
  insert.bind(3, run);
  if (member.group) {
    insert.bind(6, *member.group);
  } else {
    insert.bind(4, member.cell);
    insert.bind(5, member.metric);
  }
  insert.exec();
}

std::vector<GroupMember> read_members(SQLite::Database& database, int64_t group) {
  SQLite::Statement query(
      database,
      "SELECT subgroup.position, cell.position, metric.position FROM group_member "
      "LEFT JOIN task_group AS subgroup ON subgroup.id = group_member.subgroup "
      "LEFT JOIN metric ON metric.id = group_member.metric "
      "LEFT JOIN cell ON cell.id = metric.cell "
      "WHERE group_member.task_group = ? ORDER BY group_member.position");
  query.bind(1, group);
  std::vector<GroupMember> members;
  while (query.executeStep()) {
    auto& member = members.emplace_back();
    if (!query.getColumn(0).isNull()) {
      member.group = query.getColumn(0).getInt64();
    } else {
      member.cell = query.getColumn(1).getInt64();
      member.metric = query.getColumn(2).getInt64();
    }
  }
  return members;
}

MemberValue value_of(const CellAggregate& row) {
  return {.value = row.aggregate.value,
          .standard_error = row.aggregate.standard_error,
          .best_error = row.aggregate.best_error(),
          .n = row.aggregate.n,
          .num_failed = row.num_failed,
          .partial = row.partial};
}

MemberValue value_of(const GroupAggregate& group) {
  return {.value = group.value,
          .standard_error = group.standard_error,
          .best_error = group.clustered_error ? group.clustered_error : group.standard_error,
          .n = group.n,
          .num_failed = group.num_failed,
          .partial = group.partial};
}

/// The row of a metric: rows are in order of cells and, within one, of metrics.
const CellAggregate& row_of(std::span<const CellAggregate> rows, const GroupMember& member) {
  const auto first = std::ranges::find(rows, member.cell, &CellAggregate::cell);
  invariant(rows.end() - first > member.metric, "a group has a member that is not there");
  return first[member.metric];
}

MeanOfCells mean_over(const GroupDescription& group,
                      std::span<const std::vector<WeightedValue>> first_scores) {
  std::vector<std::vector<WeightedValue>> cells;
  for (const auto& member : group.members) {
    invariant(member.cell < std::ssize(first_scores), "group {}: the scores of cell {} are missing",
              group.name, member.cell);
    cells.push_back(first_scores[static_cast<size_t>(member.cell)]);
  }
  return mean_of_cells(cells);
}

}  // namespace

void insert_groups(SQLite::Database& database, int64_t run,
                   std::span<const GroupDescription> groups) {
  for (size_t i = 0; i < groups.size(); ++i) {
    SQLite::Statement insert(
        database, "INSERT INTO task_group (run, position, name, mean) VALUES (?, ?, ?, ?)");
    insert.bind(1, run);
    insert.bind(2, static_cast<int64_t>(i));
    insert.bind(3, groups[i].name);
    insert.bind(4, static_cast<int>(groups[i].mean));
    insert.exec();
    const auto id = database.getLastInsertRowid();
    for (size_t m = 0; m < groups[i].members.size(); ++m) {
      insert_member(database, run, id, static_cast<int64_t>(m), groups[i].members[m]);
    }
  }
}

std::vector<GroupDescription> read_groups(SQLite::Database& database, int64_t run) {
  SQLite::Statement query(database,
                          "SELECT id, name, mean FROM task_group WHERE run = ? ORDER BY position");
  query.bind(1, run);
  std::vector<GroupDescription> groups;
  while (query.executeStep()) {
    groups.push_back({.name = query.getColumn(1).getString(),
                      .mean = static_cast<GroupMean>(query.getColumn(2).getInt()),
                      .members = read_members(database, query.getColumn(0).getInt64())});
  }
  return groups;
}

void insert_group_aggregates(SQLite::Database& database, int64_t run,
                             std::span<const GroupResult> results) {
  for (size_t i = 0; i < results.size(); ++i) {
    const auto& aggregate = results[i].aggregate;
    SQLite::Statement insert(
        database,
        "INSERT OR REPLACE INTO group_aggregate (task_group, value, standard_error, "
        "clustered_error, num_members, n, num_failed, partial) "
        "SELECT id, ?3, ?4, ?5, ?6, ?7, ?8, ?9 FROM task_group WHERE run = ?1 AND position = ?2");
    insert.bind(1, run);
    insert.bind(2, static_cast<int64_t>(i));
    bind_number(insert, 3, aggregate.value);
    bind_number(insert, 4, aggregate.standard_error);
    bind_number(insert, 5, aggregate.clustered_error);
    insert.bind(6, aggregate.num_members);
    insert.bind(7, aggregate.n);
    insert.bind(8, aggregate.num_failed);
    insert.bind(9, static_cast<int>(aggregate.partial));
    insert.exec();
  }
}

std::vector<GroupResult> read_group_results(SQLite::Database& database, int64_t run) {
  const auto groups = read_groups(database, run);
  SQLite::Statement query(
      database,
      "SELECT position, value, standard_error, clustered_error, num_members, n, num_failed, "
      "partial FROM group_aggregate JOIN task_group ON task_group.id = group_aggregate.task_group "
      "WHERE run = ? ORDER BY position");
  query.bind(1, run);
  std::vector<GroupResult> results;
  while (query.executeStep()) {
    results.push_back({.group = groups.at(static_cast<size_t>(query.getColumn(0).getInt64())),
                       .aggregate = {.value = number_in(query.getColumn(1)),
                                     .standard_error = number_in(query.getColumn(2)),
                                     .clustered_error = number_in(query.getColumn(3)),
                                     .num_members = query.getColumn(4).getInt64(),
                                     .n = query.getColumn(5).getInt64(),
                                     .num_failed = query.getColumn(6).getInt64(),
                                     .partial = query.getColumn(7).getInt() != 0}});
  }
  return results;
}

bool is_mean_of_cells(const GroupDescription& group, std::span<const CellAggregate> cells) {
  return group.mean == GroupMean::OfTasks &&
         std::ranges::all_of(group.members, [&](const GroupMember& member) {
           return !member.group && member.metric == 0 &&
                  row_of(cells, member).metric.aggregation == Aggregation::Mean;
         });
}

std::vector<GroupResult> group_results(std::span<const GroupDescription> groups,
                                       std::span<const CellAggregate> cells,
                                       std::span<const std::vector<WeightedValue>> first_scores) {
  std::vector<GroupResult> results;
  for (const auto& group : groups) {
    std::vector<MemberValue> values;
    for (const auto& member : group.members) {
      values.push_back(member.group
                           ? value_of(results.at(static_cast<size_t>(*member.group)).aggregate)
                           : value_of(row_of(cells, member)));
    }
    auto result = aggregate(group.mean, values);
    if (result.value && is_mean_of_cells(group, cells)) {
      result = with_errors_of(result, mean_over(group, first_scores));
    }
    results.push_back({group, std::move(result)});
  }
  return results;
}

}  // namespace hylo::reports
