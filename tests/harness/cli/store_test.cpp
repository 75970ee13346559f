// hylo report and hylo store, on a store that holds runs whose answers follow from their numbers.

#include "reports/store/store.h"

#include <SQLiteCpp/Database.h>

#include <filesystem>

#include "harness/base/files.h"
#include "reports/store/schema.h"
#include "tests/harness/cli/program.h"
#include "tests/reports/store/sample_run.h"

namespace hylo::tests {
namespace {

namespace fs = std::filesystem;
using reports::tests::complete_run;
using reports::tests::sample_description;
using testing::AllOf;
using testing::HasSubstr;

/// A folder with a store of one complete run, "first", of six documents.
class StoreVerbs : public testing::Test {
 protected:
  StoreVerbs() {
    auto store = reports::Store::open(file());
    complete_run(store, 6, sample_description("key", "first"));
  }
  [[nodiscard]] std::string file() const { return folder_ / "hylo.db"; }
  [[nodiscard]] ChildOptions here() const { return {.folder = folder_.path()}; }
  TemporaryFolder folder_;
};

using StoreCli = StoreVerbs;
using ReportCli = StoreVerbs;

// Documents 0 and 3 of 6 are right.
TEST_F(ReportCli, ARunIsATableByNameIdOrLatest) {
  for (const auto* run : {"first", "1", "latest"}) {
    const auto result = run_hylo({"report", run}, here());
    EXPECT_EQ(result.exit_code, 0) << result.err;
    EXPECT_THAT(result.out, AllOf(HasSubstr("arc_easy"), HasSubstr("0.3333"), HasSubstr("0.6667")));
  }
}

TEST_F(ReportCli, FormatsAreMarkdownCsvAndJson) {
  EXPECT_THAT(run_hylo({"report", "first", "--format", "markdown"}, here()).out,
              HasSubstr("| arc_easy |"));
  EXPECT_THAT(
      run_hylo({"report", "first", "--format", "csv"}, here()).out,
      AllOf(testing::StartsWith("run,name,model,"), HasSubstr("\r\n1,first,tiny,arc_easy")));
  const auto json = json_of_hylo({"report", "first", "--format", "json"}, here());
  EXPECT_EQ(json["run"]["name"], "first");
  EXPECT_EQ(json["results"].size(), 2);
}

TEST_F(ReportCli, OutWritesAFileAndPrintsNothing) {
  const auto to_terminal = run_hylo({"report", "first", "--format", "markdown"}, here());
  const auto result =
      run_hylo({"report", "first", "--format", "markdown", "--out", "report.md"}, here());
  EXPECT_EQ(result.exit_code, 0);
  EXPECT_EQ(result.out, "");
  EXPECT_EQ(read_text_file(folder_ / "report.md"), to_terminal.out);
}

TEST_F(ReportCli, AMisspeltRunSuggestsTheNearOne) {
  EXPECT_THAT(error_of_hylo({"report", "frist"}, here()), HasSubstr("first"));
}

TEST_F(StoreCli, TheStoreIsNamedByFlagThenVariableThenTheCurrentFolder) {
  const TemporaryFolder elsewhere;
  EXPECT_THAT(run_hylo({"store", "runs"}, here()).out, HasSubstr("first"));
  const ChildOptions by_variable{.folder = elsewhere.path(),
                                 .environment = {{"HYLO_STORE", file()}}};
  EXPECT_THAT(run_hylo({"store", "runs"}, by_variable).out, HasSubstr("first"));
  const ChildOptions wrong_variable{.folder = elsewhere.path(),
                                    .environment = {{"HYLO_STORE", "/nowhere/hylo.db"}}};
  EXPECT_THAT(run_hylo({"store", "runs", "--store", file()}, wrong_variable).out,
              HasSubstr("first"));
  EXPECT_THAT(error_of_hylo({"store", "runs"}, wrong_variable), HasSubstr("/nowhere/hylo.db"));
}

TEST_F(StoreCli, ReadingVerbsMakeNoStore) {
  const TemporaryFolder empty;
  const ChildOptions there{.folder = empty.path()};
  EXPECT_THAT(error_of_hylo({"store", "runs"}, there), HasSubstr("hylo.db"));
  EXPECT_THAT(error_of_hylo({"report", "latest"}, there), HasSubstr("hylo.db"));
  EXPECT_TRUE(fs::is_empty(empty.path()));
}

TEST_F(StoreCli, RunsAreListedNewestFirst) {
  {
    auto store = reports::Store::open(file());
    complete_run(store, 3, sample_description("other key", "second"));
  }
  const auto runs = json_of_hylo({"store", "runs", "--json"}, here())["runs"];
  ASSERT_EQ(runs.size(), 2);
  EXPECT_EQ(runs[0]["name"], "second");
  EXPECT_EQ(runs[1]["name"], "first");
}

TEST_F(StoreCli, ASoundStoreIsSaidToBeSound) {
  const auto result = run_hylo({"store", "check"}, here());
  EXPECT_EQ(result.exit_code, 0);
  EXPECT_THAT(result.out, HasSubstr("sound"));
  EXPECT_EQ(json_of_hylo({"store", "check", "--json"}, here())["findings"], Json::array());
}

TEST_F(StoreCli, AStoreWhoseAggregatesDoNotFollowFromItsScoresIsNot) {
  {
    const auto store = reports::Store::open(file());
    store.database().exec("UPDATE score SET value = 1 - value");
  }
  const auto result = run_hylo({"store", "check"}, here());
  EXPECT_EQ(result.exit_code, 2);
  EXPECT_THAT(result.out, HasSubstr("PROBLEM"));
  EXPECT_THAT(result.err, HasSubstr("problems"));
}

TEST_F(StoreCli, AnOlderStoreIsRefusedByReadersUntilItIsMigrated) {
  const auto old = (folder_ / "old.db").string();
  {
    SQLite::Database older(old, SQLite::OPEN_READWRITE | SQLite::OPEN_CREATE);
    reports::migrate(older, reports::migrations().first(1));
  }
  const auto bytes = read_text_file(old);
  for (const auto& words : std::vector<std::vector<std::string>>{
           {"report", "latest"}, {"store", "runs"}, {"store", "check"}}) {
    auto reading = words;
    reading.insert(reading.end(), {"--store", old});
    EXPECT_THAT(error_of_hylo(reading, here()),
                AllOf(HasSubstr("schema version 1"), HasSubstr("hylo store migrate")));
  }
  EXPECT_EQ(read_text_file(old), bytes);
  const auto migrated = run_hylo({"store", "migrate", "--store", old}, here());
  EXPECT_EQ(migrated.exit_code, 0) << migrated.err;
  EXPECT_THAT(migrated.out, HasSubstr("from schema version 1 to"));
  EXPECT_EQ(json_of_hylo({"store", "runs", "--json", "--store", old}, here())["runs"],
            Json::array());
  const auto again = json_of_hylo({"store", "migrate", "--json", "--store", old}, here());
  EXPECT_EQ(again["version_before"], again["version"]);
  EXPECT_THAT(error_of_hylo({"store", "migrate", "--store", "none.db"}, here()),
              HasSubstr("none.db"));
}

TEST_F(StoreCli, AFileThatIsNoStoreIsTold) {
  write_text_file(folder_ / "notes.txt", "not a data base at all, only some words of text\n");
  EXPECT_THAT(error_of_hylo({"store", "check", "--store", "notes.txt"}, here()),
              HasSubstr("notes.txt"));
}

TEST_F(StoreCli, SamplesAreExportedAsJsonLines) {
  const auto result = run_hylo({"store", "export", "latest", "--samples"}, here());
  EXPECT_EQ(result.exit_code, 0) << result.err;
  const auto lines = lines_of(result.out);
  ASSERT_EQ(lines.size(), 12);  // six documents of two requests
  const auto last = parse_json(lines[3], "line 4");
  EXPECT_EQ(last["task"], "arc_easy");
  EXPECT_EQ(last["index"], 10);
  EXPECT_EQ(last["request"], 1);
  EXPECT_EQ(last["log_likelihood"], -0.2);
  EXPECT_EQ(last["metrics"]["acc"], 0.0);
  EXPECT_FALSE(last.contains("context"));
  EXPECT_FALSE(last.contains("token_ids"));
}

TEST_F(StoreCli, TextAndIdsAreExportedOnDemandAndToAFile) {
  const auto result = run_hylo(
      {"store", "export", "first", "--samples", "--text", "--ids", "--out", "samples.jsonl"},
      here());
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_EQ(result.out, "");
  const auto text = read_text_file(folder_ / "samples.jsonl");
  const auto first = parse_json(lines_of(text)[0], "line 1");
  EXPECT_EQ(first["context"], "Question 0");
  EXPECT_EQ(first["continuation"], " yes");
  EXPECT_EQ(first["token_ids"], Json::array({5}));
  EXPECT_FALSE(fs::exists(folder_ / "samples.jsonl.part"));
}

TEST_F(StoreCli, AnExportThatCannotBeWrittenIsTold) {
  EXPECT_THAT(
      error_of_hylo({"store", "export", "first", "--samples", "--out", "no/such/x"}, here()),
      HasSubstr("no/such/x"));
  const auto full = run_hylo({"store", "export", "first", "--samples"},
                             {.folder = folder_.path(), .out = "/dev/full"});
  EXPECT_EQ(full.exit_code, 2);
  EXPECT_THAT(full.err, HasSubstr("standard output: cannot be written"));
}

TEST_F(StoreCli, AnExportThatFailsLeavesNothingBehind) {
  const auto name = folder_ / "samples";
  fs::create_directory(name);
  EXPECT_THAT(error_of_hylo({"store", "export", "first", "--samples", "--out", name}, here()),
              HasSubstr("is a folder"));
  {
    auto store = reports::Store::open(file());
    complete_run(store, 400, sample_description("other key", "long"));
  }
  // Room for what SQLite keeps beside the store, and for half of the export.
  const auto full = run_child(
      {"/bin/bash", "-c",
       "ulimit -f 64; exec " + std::string(HYLO_PROGRAM) + " store export long --samples --out x"},
      here());
  EXPECT_EQ(full.exit_code, 2);
  EXPECT_THAT(full.err, HasSubstr("check the disk"));
  EXPECT_FALSE(fs::exists(folder_ / "x"));
  EXPECT_FALSE(fs::exists(folder_ / "x.part"));
}

TEST_F(StoreCli, WhatToExportMustBeSaid) {
  EXPECT_THAT(error_of_hylo({"store", "export", "first"}, here()), HasSubstr("--samples"));
}

}  // namespace
}  // namespace hylo::tests
