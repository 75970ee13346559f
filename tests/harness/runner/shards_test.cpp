// Shards, merging and scoring again: the run is the same however it was cut.
#include <SQLiteCpp/Database.h>
#include <gmock/gmock.h>

#include <sstream>

#include "harness/runner/groups.h"
#include "harness/runner/rescore.h"
#include "harness/runner/run_record.h"
#include "harness/runner/runner.h"
#include "harness/system/decoder_system.h"
#include "harness/system/scripted_system.h"
#include "reports/render/run_report.h"
#include "reports/store/check.h"
#include "reports/store/export.h"
#include "reports/store/merge.h"
#include "tests/support/test_data.h"

namespace hylo::harness {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using tests::error_of;
using tests::TemporaryFolder;

PlanOptions stories() { return {.tasks = {"story_openings", "story_perplexity"}}; }

std::string exported(const reports::Store& store, int64_t run) {
  std::ostringstream out;
  reports::export_samples(store, run, {.text = true, .ids = true}, out);
  return out.str();
}

/// The results of a run without what differs from run to run: ids, times.
std::string results_of(const reports::Store& store, int64_t run) {
  return reports::run_report(store, store.find_run(std::to_string(run)))["results"].dump();
}

class Shards : public testing::Test {
 protected:
  /// Runs a part, or all without a number; returns the run's id.
  int64_t run(reports::Store& store, SystemUnderTest& system,
              std::optional<ShardNumber> shard = {}) {
    auto plan = make_plan(tasks_, system);
    if (shard) plan = shard_of(plan, tasks_, *shard);
    const auto cells = describe_cells(tasks_, shard ? &plan : nullptr);
    auto handle =
        store.begin(describe_run(cells, system, {.name = {}, .argv = {}, .shard = shard}), cells);
    run_plan(tasks_, plan, system, store, handle);
    return handle.id();
  }

  std::filesystem::path file(const std::string& name) { return folder_ / name; }
  reports::Store open(const std::string& name) { return reports::Store::open(file(name)); }

  /// Shards in stores of their own, merged; the merged run's store and id.
  std::pair<reports::Store, int64_t> merged(SystemUnderTest& system, int64_t count) {
    std::vector<std::filesystem::path> files;
    for (int64_t number = 1; number <= count; ++number) {
      files.push_back(file(fmt::format("shard{}.db", number)));
      auto store = reports::Store::open(files.back());
      run(store, system, ShardNumber{number, count});
    }
    const auto runs = reports::merge_shards(files, file("merged.db"), "");
    EXPECT_EQ(runs.size(), 1);
    return {open("merged.db"), runs.front().id};
  }

  TemporaryFolder folder_;
  std::vector<PlannedTask> tasks_ = plan_tasks(stories());
};

TEST_F(Shards, MergedTheyAreTheWholeRun) {
  CrcSystem system;
  auto whole = open("whole.db");
  const auto id = run(whole, system);
  for (const int64_t count : {1, 3}) {
    auto [store, run] = merged(system, count);
    EXPECT_EQ(exported(store, run), exported(whole, id));
    EXPECT_EQ(results_of(store, run), results_of(whole, id));
    EXPECT_EQ(store.find_run("1").description.key, whole.find_run("1").description.key);
    EXPECT_THAT(reports::check(store), IsEmpty());
    std::filesystem::remove(file("merged.db"));
    for (int64_t n = 1; n <= count; ++n)
      std::filesystem::remove(file(fmt::format("shard{}.db", n)));
  }
}

TEST_F(Shards, InExactModeAModelGivesTheSameBitsInOnePieceAndInThree) {
  DecoderSystem system(
      {.folder = tests::fixture("stories260k"), .engine = {.mode = models::NumericMode::Exact}});
  auto whole = open("whole.db");
  const auto id = run(whole, system);
  auto [store, merged_id] = merged(system, 3);
  EXPECT_EQ(exported(store, merged_id), exported(whole, id));
}

TEST_F(Shards, AShardIsCompleteAndPartial) {
  CrcSystem system;
  auto store = open("hylo.db");
  const auto id = run(store, system, ShardNumber{2, 3});
  const auto summary = store.find_run(std::to_string(id));
  EXPECT_EQ(summary.state, reports::RunState::Complete);
  EXPECT_EQ(summary.num_finished, summary.num_documents);
  EXPECT_TRUE(store.aggregates(id).front().partial);
  EXPECT_THAT(reports::run_report(store, summary)["notes"].dump(), HasSubstr("shard 2 of 3"));
  EXPECT_THAT(reports::check(store), IsEmpty());
}

TEST_F(Shards, OneStoreMayHoldAllOfThemAndTheWhole) {
  CrcSystem system;
  auto store = open("hylo.db");
  run(store, system, ShardNumber{2, 2});
  run(store, system, ShardNumber{1, 2});
  const std::vector inputs{file("hylo.db")};
  const auto first = reports::merge_shards(inputs, file("hylo.db"), "").front();
  EXPECT_FALSE(first.was_there);
  EXPECT_EQ(first.num_documents, 292);
  const auto again = reports::merge_shards(inputs, file("hylo.db"), "").front();
  EXPECT_TRUE(again.was_there);
  EXPECT_EQ(again.id, first.id);
  EXPECT_THAT(reports::check(store), IsEmpty());
}

TEST_F(Shards, AMissingShardIsNamed) {
  CrcSystem system;
  auto store = open("hylo.db");
  run(store, system, ShardNumber{1, 3});
  run(store, system, ShardNumber{3, 3});
  EXPECT_THAT(
      error_of([&] { reports::merge_shards(std::vector{file("hylo.db")}, file("out.db"), ""); }),
      HasSubstr("shard 2 is missing"));
  EXPECT_FALSE(std::filesystem::exists(file("out.db")));
}

TEST_F(Shards, OneThatHasTwoOutcomesIsRefusedInWhateverOrderTheyAreNamed) {
  CrcSystem system;
  std::vector<std::filesystem::path> files{file("one.db"), file("two.db")};
  for (int64_t number = 1; number <= 2; ++number) {
    auto store = reports::Store::open(files[static_cast<size_t>(number) - 1]);
    run(store, system, ShardNumber{number, 2});
  }
  std::filesystem::copy_file(files[0], file("copy.db"));
  files.push_back(file("copy.db"));
  EXPECT_EQ(reports::merge_shards(files, file("same.db"), "").size(), 1);
  {
    auto changed = open("copy.db");
    changed.database().exec("UPDATE score SET value = 1 - value WHERE metric = 1");
  }
  for (int turn = 0; turn < 2; ++turn) {
    EXPECT_THAT(error_of([&] { reports::merge_shards(files, file("out.db"), ""); }),
                HasSubstr("shard 1 was run twice with two outcomes"));
    std::ranges::reverse(files);
  }
}

TEST_F(Shards, MoreShardsThanBatchesIsAnError) {
  CrcSystem system;
  const auto plan = make_plan(tasks_, system);
  EXPECT_THAT(error_of([&] { shard_of(plan, tasks_, {1000, 1000}); }), HasSubstr("at most"));
}

TEST_F(Shards, OfTwoCountsAreNotMixed) {
  CrcSystem system;
  auto store = open("hylo.db");
  run(store, system, ShardNumber{1, 2});
  run(store, system, ShardNumber{2, 3});
  EXPECT_THAT(
      error_of([&] { reports::merge_shards(std::vector{file("hylo.db")}, file("out.db"), ""); }),
      HasSubstr("is missing"));
}

TEST_F(Shards, StoredAnswersGiveTheStoredScoresAgain) {
  CrcSystem system;
  auto store = open("hylo.db");
  const auto id = run(store, system);
  const auto before = results_of(store, id);
  const auto result = rescore(store, store.find_run("latest"), {}, true);
  EXPECT_EQ(result.num_documents, 292);
  EXPECT_EQ(result.num_changed, 0);
  EXPECT_THAT(result.changed, IsEmpty());
  EXPECT_EQ(results_of(store, id), before);
}

TEST_F(Shards, ScoresThatWereWrongAreMendedAndItIsNoted) {
  CrcSystem system;
  auto store = open("hylo.db");
  const auto id = run(store, system);
  const auto before = results_of(store, id);
  store.database().exec("UPDATE score SET value = 1 - value WHERE metric = 1");
  const auto summary = store.find_run("latest");
  const auto dry = rescore(store, summary, {}, false);
  EXPECT_EQ(dry.num_changed, 280);
  EXPECT_NE(results_of(store, id), before);
  const auto result = rescore(store, summary, {}, true);
  EXPECT_EQ(result.num_changed, 280);
  ASSERT_EQ(result.changed.size(), 1);
  EXPECT_EQ(result.changed.front().metric, "acc");
  EXPECT_EQ(results_of(store, id), before);
  EXPECT_EQ(store.database().execAndGet("SELECT num_changed FROM rescore").getInt(), 280);
  EXPECT_THAT(reports::check(store), IsEmpty());
}

TEST_F(Shards, AnswersToOtherPromptsAreNotScored) {
  CrcSystem system;
  auto store = open("hylo.db");
  run(store, system);
  store.database().exec("UPDATE output SET continuation = 'x' WHERE id = 7");
  EXPECT_THAT(error_of([&] { rescore(store, store.find_run("latest"), {}, true); }),
              HasSubstr("is asked otherwise now"));
}

TEST_F(Shards, ARunOfOtherDataIsNotScoredWithThese) {
  CrcSystem system;
  auto store = open("hylo.db");
  run(store, system);
  store.database().exec("UPDATE dataset SET sha256 = 'another'");
  EXPECT_THAT(error_of([&] { rescore(store, store.find_run("latest"), {}, true); }),
              HasSubstr("sha256 another"));
}

TEST(Groups, ANameOfAGroupStandsForItsTasks) {
  const std::vector<std::string> names{"arc_easy", "commonsense", "mmlu_stem"};
  const auto named = expand_groups(names);
  EXPECT_EQ(named.tasks.front(), "arc_easy");
  EXPECT_EQ(named.tasks.size(), 7 + 19);  // arc_easy is one of the seven
  EXPECT_EQ(named.groups.size(), 2);
  EXPECT_THAT(error_of([] {
                expand_groups(std::vector<std::string>{"mmlu", "mmlu"});
              }),
              HasSubstr("named twice"));
}

std::vector<reports::CellDescription> cells_of(const NamedTasks& named) {
  std::vector<reports::CellDescription> cells;
  for (const auto& task : named.tasks) {
    cells.push_back({.task = task, .num_documents = 1, .metrics = {{"acc"}, {"acc_norm"}}});
  }
  return cells;
}

TEST(Groups, MmluPoolsTheSubjectsOfItsFields) {
  const auto named = expand_groups(std::vector<std::string>{"mmlu"});
  const auto rows = describe_groups(named.groups, cells_of(named));
  ASSERT_EQ(rows.size(), 10);  // four fields and the whole, by documents and by tasks
  EXPECT_EQ(rows.back().name, "mmlu");
  EXPECT_EQ(rows[8].mean, reports::GroupMean::OfDocuments);
  EXPECT_EQ(rows[8].members.size(), 57);
}

TEST(Groups, Zebra8TakesMmluAsOneOfItsEight) {
  const auto named = expand_groups(std::vector<std::string>{"zebra8"});
  const auto cells = cells_of(named);
  const auto rows = describe_groups(named.groups, cells);
  ASSERT_EQ(rows.back().members.size(), 8);
  int64_t num_groups = 0;
  for (const auto& member : rows.back().members) {
    if (!member.group) {
      const bool norm = member.metric == 1;
      const auto& task = cells[static_cast<size_t>(member.cell)].task;
      EXPECT_EQ(norm, task != "race" && task != "winogrande") << task;
      continue;
    }
    ++num_groups;
    EXPECT_EQ(rows[static_cast<size_t>(*member.group)].name, "mmlu");
    EXPECT_EQ(rows[static_cast<size_t>(*member.group)].mean, reports::GroupMean::OfDocuments);
  }
  EXPECT_EQ(num_groups, 1);
}

}  // namespace
}  // namespace hylo::harness
