#include "reports/store/placement_log.h"

#include <SQLiteCpp/Database.h>
#include <SQLiteCpp/Statement.h>
#include <SQLiteCpp/Transaction.h>

#include "harness/base/clock.h"
#include "harness/base/error.h"
#include "reports/store/values.h"

namespace hylo::reports {
namespace {

void insert_score(SQLite::Database& database, int64_t search, const PlacementScore& score) {
  SQLite::Statement insert(database,
                           "INSERT INTO placement_score (search, round, layer, score, "
                           "standard_error, divergence) VALUES (?, ?, ?, ?, ?, ?)");
  insert.bind(1, search);
  insert.bind(2, score.round);
  insert.bind(3, score.layer);
  insert.bind(4, score.score);
  insert.bind(5, score.standard_error);
  insert.bind(6, score.divergence);
  insert.exec();
}

std::vector<PlacementScore> scores_of(SQLite::Database& database, int64_t search) {
  SQLite::Statement query(database,
                          "SELECT layer, round, score, standard_error, divergence FROM "
                          "placement_score WHERE search = ? ORDER BY round, layer");
  query.bind(1, search);
  std::vector<PlacementScore> scores;
  while (query.executeStep()) {
    scores.push_back({.layer = query.getColumn(0).getInt64(),
                      .round = query.getColumn(1).getInt64(),
                      .score = query.getColumn(2).getDouble(),
                      .standard_error = query.getColumn(3).getDouble(),
                      .divergence = query.getColumn(4).getDouble()});
  }
  return scores;
}

}  // namespace

int64_t add_placement(Store& store, const PlacementRecord& record) {
  auto& database = store.database();
  SQLite::Transaction transaction(database, SQLite::TransactionBehavior::IMMEDIATE);
  SQLite::Statement insert(
      database, "INSERT INTO placement_search (made, description, argv) VALUES (?, ?, ?)");
  insert.bind(1, utc_now());
  insert.bind(2, as_line(record.description));
  insert.bind(3, as_line(record.argv));
  insert.exec();
  const auto id = database.getLastInsertRowid();
  for (const auto& score : record.scores) insert_score(database, id, score);
  transaction.commit();
  return id;
}

std::vector<PlacementRecord> placements(const Store& store) {
  auto& database = store.database();
  SQLite::Statement query(database,
                          "SELECT id, made, description, argv FROM placement_search ORDER BY id");
  std::vector<PlacementRecord> records;
  while (query.executeStep()) {
    const auto id = query.getColumn(0).getInt64();
    records.push_back({.id = id,
                       .made = query.getColumn(1).getString(),
                       .description = json_in(query.getColumn(2)),
                       .argv = json_in(query.getColumn(3)).get<std::vector<std::string>>(),
                       .scores = scores_of(database, id)});
  }
  return records;
}

PlacementRecord find_placement(const Store& store, std::string_view id_or_latest) {
  auto all = placements(store);
  require(!all.empty(), "{}: holds no placement search; `hylo upcycle --placement smart` makes one",
          store.file().string());
  if (id_or_latest == "latest") return std::move(all.back());
  for (auto& record : all) {
    if (std::to_string(record.id) == id_or_latest) return std::move(record);
  }
  fail("{}: no placement search {}; expected latest or an id from {} to {}", store.file().string(),
       id_or_latest, all.front().id, all.back().id);
}

}  // namespace hylo::reports
