// What is read back from a store.
#include <SQLiteCpp/Statement.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <unordered_map>

#include "harness/base/unicode.h"
#include "reports/store/connection.h"
#include "reports/store/group_rows.h"
#include "reports/store/store.h"
#include "reports/store/store_state.h"
#include "reports/store/values.h"

namespace hylo::reports {
namespace {

constexpr auto run_columns =
    "SELECT run.id, run.state, run.key, coalesce(run.name, ''), argv, numeric_mode.name, dtype, "
    "seed, "
    "model.description, machine.description, build.description, settings, started, finished, "
    "(SELECT count(*) FROM attempt WHERE attempt.run = run.id), "
    "(SELECT coalesce(sum(coalesce(num_assigned, num_documents)), 0) FROM cell "
    " WHERE cell.run = run.id), "
    "(SELECT count(*) FROM cell JOIN document ON document.cell = cell.id WHERE cell.run = run.id), "
    "shard, num_shards, whole_key "
    "FROM run JOIN model ON model.id = run.model JOIN machine ON machine.id = run.machine "
    "JOIN build ON build.id = run.build JOIN numeric_mode ON numeric_mode.id = run.numeric_mode ";

std::optional<Shard> shard_in(SQLite::Statement& row) {
  if (row.getColumn(17).isNull()) return std::nullopt;
  return Shard{.number = row.getColumn(17).getInt64(),
               .count = row.getColumn(18).getInt64(),
               .whole_key = row.getColumn(19).getString()};
}

RunDescription description_in(SQLite::Statement& row) {
  return {.key = row.getColumn(2).getString(),
          .name = row.getColumn(3).getString(),
          .argv = json_in(row.getColumn(4)).get<std::vector<std::string>>(),
          .numeric_mode = row.getColumn(5).getString(),
          .dtype = row.getColumn(6).getString(),
          .seed = static_cast<uint64_t>(row.getColumn(7).getInt64()),
          .model = json_in(row.getColumn(8)),
          .machine = json_in(row.getColumn(9)),
          .build = json_in(row.getColumn(10)),
          .settings = json_in(row.getColumn(11)),
          .groups = {},
          .shard = shard_in(row)};
}

RunSummary summary_in(SQLite::Statement& row) {
  return {.id = row.getColumn(0).getInt64(),
          .state = static_cast<RunState>(row.getColumn(1).getInt()),
          .description = description_in(row),
          .started = row.getColumn(12).getString(),
          .finished = text_in(row.getColumn(13)),
          .num_attempts = row.getColumn(14).getInt64(),
          .num_documents = row.getColumn(15).getInt64(),
          .num_finished = row.getColumn(16).getInt64()};
}

std::vector<RunSummary> summaries(SQLite::Database& database, SQLite::Statement& query) {
  std::vector<RunSummary> runs;
  while (query.executeStep()) {
    runs.push_back(summary_in(query));
    runs.back().description.groups = read_groups(database, runs.back().id);
  }
  return runs;
}

std::string no_such_run(SQLite::Database& database, const std::filesystem::path& file,
                        const std::string& wanted) {
  std::vector<std::string> names;
  SQLite::Statement query(database, "SELECT name FROM run WHERE name IS NOT NULL ORDER BY id DESC");
  while (query.executeStep()) names.push_back(query.getColumn(0).getString());
  const auto ids = database.execAndGet("SELECT count(*) FROM run").getInt64();
  if (ids == 0)
    return fmt::format("{}: there are no runs yet; make one with `hylo eval`", file.string());
  if (const auto near = nearest(wanted, names)) {
    return fmt::format("{}: there is no run '{}'; did you mean '{}'?", file.string(), wanted,
                       *near);
  }
  constexpr size_t max_named = 8;
  names.resize(std::min(names.size(), max_named));
  return fmt::format("{}: there is no run '{}'; use latest, a number from 1 to {}{}{}",
                     file.string(), wanted, ids,
                     names.empty() ? "" : ", or a name: ", fmt::join(names, ", "));
}

void read_metrics(SQLite::Database& database, CellRow& cell) {
  SQLite::Statement query(database,
                          "SELECT id, name, filter, aggregation, higher_is_better FROM metric "
                          "WHERE cell = ? ORDER BY position");
  query.bind(1, cell.id);
  while (query.executeStep()) {
    cell.metric_ids.push_back(query.getColumn(0).getInt64());
    cell.description.metrics.push_back(
        {.name = query.getColumn(1).getString(),
         .filter = query.getColumn(2).getString(),
         .aggregation = static_cast<Aggregation>(query.getColumn(3).getInt()),
         .higher_is_better = query.getColumn(4).getInt() != 0});
  }
}

CellSummary count_outputs(SQLite::Database& database, const CellRow& cell) {
  CellSummary summary{.description = cell.description};
  SQLite::Statement query(
      database,
      "SELECT (SELECT count(*) FROM document WHERE cell = ?1), count(*), "
      "coalesce(sum(error IS NOT NULL), 0), coalesce(sum(dropped_tokens > 0 AND kind != 4), 0), "
      "coalesce(sum(boundary_merged), 0), coalesce(sum(num_tokens), 0), "
      "coalesce(sum(dropped_tokens) FILTER (WHERE kind = 4), 0) "
      "FROM document JOIN output ON output.document = document.id WHERE cell = ?1");
  query.bind(1, cell.id);
  query.executeStep();
  summary.num_finished = query.getColumn(0).getInt64();
  summary.num_requests = query.getColumn(1).getInt64();
  summary.num_failed = query.getColumn(2).getInt64();
  summary.num_truncated = query.getColumn(3).getInt64();
  summary.num_boundary_merged = query.getColumn(4).getInt64();
  summary.num_tokens = query.getColumn(5).getInt64();
  summary.num_unread_tokens = query.getColumn(6).getInt64();
  return summary;
}

/// Names of clusters to numbers.
class ClusterNumbers {
 public:
  std::optional<int64_t> number_of(const SQLite::Column& cluster) {
    if (cluster.isNull()) return std::nullopt;
    return numbers_.try_emplace(cluster.getString(), std::ssize(numbers_)).first->second;
  }

 private:
  std::unordered_map<std::string, int64_t> numbers_;
};

// In order of ordinals: whatever order they were saved in, the sums have one order.
CellAggregate aggregate_metric(SQLite::Database& database, int64_t metric_id,
                               const MetricDescription& metric) {
  SQLite::Statement query(database,
                          "SELECT score.value, score.weight, document.cluster FROM metric "
                          "JOIN document ON document.cell = metric.cell "
                          "JOIN score ON score.document = document.id AND score.metric = metric.id "
                          "WHERE metric.id = ? ORDER BY document.ordinal");
  query.bind(1, metric_id);
  CellAggregate result{.metric = metric};
  std::vector<WeightedValue> scores;
  ClusterNumbers clusters;
  while (query.executeStep()) {
    const auto value = number_in(query.getColumn(0));
    if (value) {
      scores.push_back(
          {*value, query.getColumn(1).getDouble(), clusters.number_of(query.getColumn(2))});
    } else {
      ++result.num_failed;
    }
  }
  result.aggregate = aggregate(metric.aggregation, scores);
  return result;
}

int64_t count_documents(SQLite::Database& database, int64_t cell) {
  SQLite::Statement query(database, "SELECT count(*) FROM document WHERE cell = ?");
  query.bind(1, cell);
  query.executeStep();
  return query.getColumn(0).getInt64();
}

Aggregate aggregate_in(SQLite::Statement& row) {
  Aggregate aggregate{.value = number_in(row.getColumn(0)),
                      .standard_error = number_in(row.getColumn(1)),
                      .clustered_error = number_in(row.getColumn(7)),
                      .n = row.getColumn(4).getInt64(),
                      .num_clusters = row.getColumn(8).getInt64()};
  if (!row.getColumn(2).isNull()) {
    aggregate.interval = Interval{row.getColumn(2).getDouble(), row.getColumn(3).getDouble()};
  }
  return aggregate;
}

std::optional<CellAggregate> stored_aggregate(SQLite::Database& database, int64_t metric_id,
                                              const MetricDescription& metric) {
  SQLite::Statement query(
      database,
      "SELECT value, standard_error, interval_low, interval_high, n, num_failed, "
      "partial, clustered_error, num_clusters FROM aggregate WHERE metric = ?");
  query.bind(1, metric_id);
  if (!query.executeStep()) return std::nullopt;
  return CellAggregate{.metric = metric,
                       .aggregate = aggregate_in(query),
                       .num_failed = query.getColumn(5).getInt64(),
                       .partial = query.getColumn(6).getInt() != 0};
}

}  // namespace

std::vector<CellRow> read_cells(SQLite::Database& database, int64_t run) {
  std::vector<CellRow> cells;
  SQLite::Statement query(
      database,
      "SELECT cell.id, task.name, task.version, cell.variant, dataset.name, dataset.sha256, "
      "dataset.licence, cell.num_documents, cell.num_fewshot, cell.num_assigned FROM cell "
      "JOIN task ON task.id = cell.task JOIN dataset ON dataset.id = cell.dataset "
      "WHERE cell.run = ? ORDER BY cell.position");
  query.bind(1, run);
  while (query.executeStep()) {
    auto& cell = cells.emplace_back();
    cell.id = query.getColumn(0).getInt64();
    cell.description = {.task = query.getColumn(1).getString(),
                        .task_version = query.getColumn(2).getString(),
                        .variant = json_in(query.getColumn(3)),
                        .dataset = query.getColumn(4).getString(),
                        .dataset_sha256 = query.getColumn(5).getString(),
                        .licence = query.getColumn(6).getString(),
                        .num_documents = query.getColumn(7).getInt64(),
                        .num_fewshot = query.getColumn(8).getInt64()};
    if (!query.getColumn(9).isNull()) cell.description.num_assigned = query.getColumn(9).getInt64();
    read_metrics(database, cell);
  }
  return cells;
}

std::vector<int64_t> Store::finished_documents(int64_t run, int64_t cell) const {
  return in_words(file(), [&] {
    SQLite::Statement query(database(),
                            "SELECT ordinal FROM document JOIN cell ON cell.id = document.cell "
                            "WHERE cell.run = ? AND cell.position = ? ORDER BY ordinal");
    query.bind(1, run);
    query.bind(2, cell);
    std::vector<int64_t> ordinals;
    while (query.executeStep()) ordinals.push_back(query.getColumn(0).getInt64());
    return ordinals;
  });
}

RunSummary Store::find_run(std::string_view id_name_or_latest) const {
  const std::string wanted(id_name_or_latest);
  return in_words(file(), [&] {
    SQLite::Statement query(
        database(), std::string(run_columns) +
                        "WHERE run.name = ?1 OR CAST(run.id AS TEXT) = ?1 OR (?1 = 'latest' AND "
                        "run.id = (SELECT run FROM attempt ORDER BY id DESC LIMIT 1))");
    query.bind(1, wanted);
    const auto found = summaries(database(), query);
    require(!found.empty(), "{}", found.empty() ? no_such_run(database(), file(), wanted) : "");
    return found.front();
  });
}

std::vector<RunSummary> Store::runs() const {
  return in_words(file(), [&] {
    SQLite::Statement query(database(), std::string(run_columns) + "ORDER BY run.id");
    return summaries(database(), query);
  });
}

std::vector<CellSummary> Store::cells(int64_t run) const {
  return in_words(file(), [&] {
    std::vector<CellSummary> summaries;
    for (const auto& cell : read_cells(database(), run)) {
      summaries.push_back(count_outputs(database(), cell));
    }
    return summaries;
  });
}

std::vector<CellAggregate> Store::aggregates(int64_t run) const {
  return in_words(file(), [&] {
    std::vector<CellAggregate> rows;
    const auto cells = read_cells(database(), run);
    for (size_t c = 0; c < cells.size(); ++c) {
      const auto& description = cells[c].description;
      const bool partial = count_documents(database(), cells[c].id) < description.num_documents;
      for (size_t m = 0; m < description.metrics.size(); ++m) {
        rows.push_back(
            aggregate_metric(database(), cells[c].metric_ids[m], description.metrics[m]));
        rows.back().cell = static_cast<int64_t>(c);
        rows.back().partial = partial;
      }
    }
    return rows;
  });
}

std::vector<TagMean> Store::means_by_tag(int64_t run, const std::string& tag) const {
  return in_words(file(), [&] {
    SQLite::Statement query(
        database(),
        "SELECT cell.position, json_extract(document.tags, '$.' || ?2) AS tag, avg(score.value), "
        "count(*) FROM cell JOIN metric ON metric.cell = cell.id AND metric.position = 0 "
        "JOIN document ON document.cell = cell.id AND document.tags IS NOT NULL "
        "JOIN score ON score.document = document.id AND score.metric = metric.id "
        "WHERE cell.run = ?1 AND tag IS NOT NULL AND typeof(score.value) = 'real' "
        "GROUP BY cell.position, tag ORDER BY cell.position, tag");
    query.bind(1, run);
    query.bind(2, tag);
    std::vector<TagMean> means;
    while (query.executeStep()) {
      means.push_back({.cell = query.getColumn(0).getInt64(),
                       .tag_value = query.getColumn(1).getString(),
                       .mean = query.getColumn(2).getDouble(),
                       .n = query.getColumn(3).getInt64()});
    }
    return means;
  });
}

std::vector<std::vector<WeightedValue>> Store::first_scores(int64_t run) const {
  return in_words(file(), [&] {
    std::vector<std::vector<WeightedValue>> scores(read_cells(database(), run).size());
    SQLite::Statement query(
        database(),
        "SELECT cell.position, score.value, score.weight, document.cluster FROM cell "
        "JOIN metric ON metric.cell = cell.id AND metric.position = 0 "
        "JOIN document ON document.cell = cell.id "
        "JOIN score ON score.document = document.id AND score.metric = metric.id "
        "WHERE cell.run = ? ORDER BY cell.position, document.ordinal");
    query.bind(1, run);
    ClusterNumbers clusters;
    while (query.executeStep()) {
      const auto value = number_in(query.getColumn(1));
      if (!value) continue;
      scores.at(static_cast<size_t>(query.getColumn(0).getInt64()))
          .push_back(
              {*value, query.getColumn(2).getDouble(), clusters.number_of(query.getColumn(3))});
    }
    return scores;
  });
}

std::vector<GroupResult> Store::group_results(int64_t run) const {
  return in_words(file(), [&] {
    if (read_groups(database(), run).empty()) return std::vector<GroupResult>{};
    return group_results(run, aggregates(run));
  });
}

std::vector<GroupResult> Store::group_results(int64_t run,
                                              std::span<const CellAggregate> cells) const {
  return in_words(file(), [&] {
    const auto groups = read_groups(database(), run);
    const bool reads_scores = std::ranges::any_of(
        groups, [&](const GroupDescription& group) { return is_mean_of_cells(group, cells); });
    const auto scores =
        reads_scores ? first_scores(run) : std::vector<std::vector<WeightedValue>>{};
    return reports::group_results(groups, cells, scores);
  });
}

std::vector<GroupResult> Store::stored_group_results(int64_t run) const {
  return in_words(file(), [&] { return read_group_results(database(), run); });
}

std::vector<CellAggregate> Store::stored_aggregates(int64_t run) const {
  return in_words(file(), [&] {
    std::vector<CellAggregate> rows;
    const auto cells = read_cells(database(), run);
    for (size_t c = 0; c < cells.size(); ++c) {
      const auto& metrics = cells[c].description.metrics;
      for (size_t m = 0; m < metrics.size(); ++m) {
        auto row = stored_aggregate(database(), cells[c].metric_ids[m], metrics[m]);
        if (!row) continue;
        row->cell = static_cast<int64_t>(c);
        rows.push_back(*row);
      }
    }
    return rows;
  });
}

}  // namespace hylo::reports
