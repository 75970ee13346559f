#include "reports/store/schema.h"

#include <SQLiteCpp/Database.h>
#include <SQLiteCpp/Exception.h>
#include <gmock/gmock.h>

#include <array>

#include "tests/reports/store/sample_run.h"
#include "tests/support/test_data.h"

namespace hylo::reports {
namespace {

using hylo::tests::TemporaryFolder;

constexpr std::array two_steps{
    Migration{1, "CREATE TABLE run (id INTEGER PRIMARY KEY); INSERT INTO run VALUES (1)"},
    Migration{2, "ALTER TABLE run ADD COLUMN note TEXT NOT NULL DEFAULT 'none'"}};

TEST(Schema, AnOlderStoreGetsWhatIsMissingAndKeepsItsRows) {
  SQLite::Database database(":memory:", SQLite::OPEN_READWRITE);
  migrate(database, std::span(two_steps).first(1));
  EXPECT_EQ(version_of(database), 1);
  migrate(database, two_steps);
  EXPECT_EQ(version_of(database), 2);
  EXPECT_EQ(database.execAndGet("SELECT note FROM run WHERE id = 1").getString(), "none");
}

TEST(Schema, AStepIsNotTakenTwice) {
  SQLite::Database database(":memory:", SQLite::OPEN_READWRITE);
  migrate(database, two_steps);
  migrate(database, two_steps);
  EXPECT_EQ(database.execAndGet("SELECT count(*) FROM run").getInt(), 1);
}

TEST(Schema, AStepThatFailsLeavesTheVersionBeforeIt) {
  constexpr std::array broken{two_steps[0], Migration{2, "CREATE TABLE note (x); nonsense"}};
  SQLite::Database database(":memory:", SQLite::OPEN_READWRITE);
  EXPECT_THROW(migrate(database, broken), SQLite::Exception);
  EXPECT_EQ(version_of(database), 1);
  EXPECT_FALSE(database.tableExists("note"));
}

TEST(Schema, VersionsCountFrom1WithoutGaps) {
  int32_t expected = 1;
  for (const auto& step : migrations()) EXPECT_EQ(step.version, expected++);
  EXPECT_EQ(newest_version(), expected - 1);
}

TEST(Schema, AStoreOfTheFirstVersionLearnsTheKindsThatCameLater) {
  SQLite::Database database(":memory:", SQLite::OPEN_READWRITE | SQLite::OPEN_CREATE);
  migrate(database, migrations().first(1));
  migrate(database, migrations());
  const auto id_of = [&](const std::string& table, const std::string& name) {
    return database.execAndGet("SELECT id FROM " + table + " WHERE name = '" + name + "'").getInt();
  };
  EXPECT_EQ(id_of("request_kind", "tokens"), static_cast<int>(RequestKind::Tokens));
  EXPECT_EQ(id_of("request_kind", "agreement"), static_cast<int>(RequestKind::Agreement));
  EXPECT_EQ(id_of("aggregation", "weighted_mean"), static_cast<int>(Aggregation::WeightedMean));
}

TEST(Schema, TheViewsOfReportsCanBeReadWithAnySqlTool) {
  const TemporaryFolder folder;
  auto store = Store::open(folder / "s.db");
  tests::complete_run(store, 4, tests::sample_description("key", "night"));
  auto& database = store.database();
  EXPECT_EQ(database
                .execAndGet("SELECT run_name || ' ' || model || ' ' || task || ' ' || value FROM "
                            "results WHERE metric = 'acc'")
                .getString(),
            "night tiny arc_easy 0.5");
  EXPECT_EQ(database.execAndGet("SELECT state || ' ' || tasks || ' ' || num_finished FROM run_list")
                .getString(),
            "complete arc_easy 4");
  EXPECT_EQ(database.execAndGet("SELECT count(*) FROM samples WHERE kind = 'score'").getInt(), 8);
  EXPECT_EQ(database.execAndGet("SELECT sum(value) FROM scores WHERE metric = 'acc'").getInt(), 2);
  EXPECT_EQ(database.execAndGet("PRAGMA application_id").getInt(), application_id);
}

}  // namespace
}  // namespace hylo::reports
