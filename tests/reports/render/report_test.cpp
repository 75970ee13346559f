#include <gmock/gmock.h>

#include <cmath>

#include "reports/render/draw.h"
#include "reports/render/run_report.h"
#include "reports/store/check.h"
#include "tests/reports/store/sample_run.h"
#include "tests/support/test_data.h"

namespace hylo::reports {
namespace {

using hylo::tests::error_of;
using hylo::tests::TemporaryFolder;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;
using ::testing::StartsWith;
using tests::choice_cell;
using tests::choice_document;
using tests::choice_documents;
using tests::sample_description;

OrderedJson report_on_complete_run() {
  const TemporaryFolder folder;
  auto store = Store::open(folder / "s.db");
  tests::complete_run(store, 4, sample_description("key", "night"));
  auto report = run_report(store, store.find_run("latest"));
  report["run"]["started"] = "2026-01-31T12:00:00.000Z";
  return report;
}

OrderedJson report_on_incomplete_run() {
  const TemporaryFolder folder;
  auto store = Store::open(folder / "s.db");
  const auto run = store.begin(sample_description(), std::vector{choice_cell(9)});
  store.save(run, choice_documents(0, 4));
  return run_report(store, store.find_run("latest"));
}

TEST(RunReport, ARowHoldsWhatThePublishedTableNeeds) {
  const auto report = report_on_complete_run();
  const auto& row = report["results"][0];
  EXPECT_EQ(row["task"], "arc_easy");
  EXPECT_EQ(row["version"], "1");
  EXPECT_EQ(row["metric"], "acc");
  EXPECT_EQ(row["filter"], "none");
  EXPECT_EQ(row["num_fewshot"], 0);
  EXPECT_EQ(row["value"], 0.5);
  // Two of four: s = sqrt(1 / 3), over sqrt(4).
  EXPECT_DOUBLE_EQ(row["standard_error"].get<double>(), std::sqrt(1.0 / 3) / 2);
  EXPECT_EQ(row["n"], 4);
  EXPECT_EQ(row["partial"], false);
  EXPECT_EQ(report["tasks"][0]["licence"], "CC-BY-SA-4.0");
}

TEST(RunReport, TheTerminalShowsATable) {
  const auto text = report_for_terminal(report_on_complete_run(), {.width = 80});
  EXPECT_THAT(text, StartsWith(R"(Run 1 "night": tiny
float32, numeric mode exact, seed 7; complete, 4 of 4 documents; begun
2026-01-31T12:00:00.000Z

Task      Version  Filter  n-shot  Metric        Value       ±  95 %         n
────────  ───────  ──────  ──────  ────────  ─  ──────  ──────  ───────────  ─
arc_easy        1  none         0  acc       ↑  0.5000  0.2887  0.150–0.850  4
arc_easy        1  none         0  acc_norm  ↑  0.5000  0.2887  0.150–0.850  4
)"));
  EXPECT_THAT(text, HasSubstr("± is the standard error of the mean over documents"));
  EXPECT_THAT(text, Not(HasSubstr("PARTIAL")));
}

TEST(RunReport, ANarrowTerminalGetsTheNumbersThatCount) {
  const auto text = report_for_terminal(report_on_complete_run(), {.width = 60});
  EXPECT_THAT(text, AllOf(HasSubstr("0.5000  0.2887"), HasSubstr("no room for: Version"),
                          Not(HasSubstr("0.150"))));
}

TEST(RunReport, AnIncompleteRunIsMarkedInEveryFormat) {
  const auto report = report_on_incomplete_run();
  EXPECT_THAT(report_for_terminal(report, {}), HasSubstr("  PARTIAL\n"));
  EXPECT_THAT(report_for_terminal(report, {.width = 40}), HasSubstr("  PARTIAL\n"));
  EXPECT_THAT(report_as_markdown(report), HasSubstr("| PARTIAL |"));
  EXPECT_THAT(report_as_markdown(report), HasSubstr("4 of 9 documents are there"));
  EXPECT_THAT(report_as_csv(report), HasSubstr(",true\r\n"));
  EXPECT_EQ(Json::parse(report_as_json(report))["results"][0]["partial"], true);
}

TEST(RunReport, MarkdownIsATableWithItsNotes) {
  const auto text = report_as_markdown(report_on_complete_run());
  EXPECT_THAT(text, StartsWith("## Run 1 \"night\": tiny\n"));
  EXPECT_THAT(text, HasSubstr("| arc_easy | 1 | none | 0 | acc | ↑ | 0.5000 | 0.2887 | "));
}

TEST(RunReport, CsvHoldsUnroundedValues) {
  const auto report = report_on_complete_run();
  const auto text = report_as_csv(report);
  EXPECT_THAT(text, StartsWith("run,name,model,task,version,filter,num_fewshot,metric,"
                               "higher_is_better,aggregation,value,standard_error,clustered_error,"
                               "interval_95_low,interval_95_high,n,num_clusters,num_failed,"
                               "num_truncated,partial\r\n"
                               "1,night,tiny,arc_easy,1,none,0,acc,true,mean,0.5,"));
  EXPECT_THAT(text, HasSubstr(report["results"][0]["standard_error"].dump()));
}

TEST(RunReport, CsvQuotesWhatNeedsIt) {
  auto report = report_on_complete_run();
  report["run"]["name"] = "a \"good\", long name";
  EXPECT_THAT(report_as_csv(report), HasSubstr("\r\n1,\"a \"\"good\"\", long name\",tiny,"));
}

TEST(RunReport, AbsentAndUndefinedValuesDiffer) {
  auto report = report_on_complete_run();
  report["results"][0]["value"] = nullptr;
  report["results"][1]["value"] = "NaN";
  const auto text = report_for_terminal(report, {});
  EXPECT_THAT(text, AllOf(HasSubstr("↑      –"), HasSubstr("↑    NaN")));
}

TEST(RunReport, FailedAndTruncatedAreShownWhereThereAreAny) {
  auto report = report_on_complete_run();
  report["results"][1]["num_failed"] = 3;
  const auto text = report_for_terminal(report, {});
  EXPECT_THAT(text, AllOf(HasSubstr("  n  Failed\n"), HasSubstr("4       0\n"),
                          HasSubstr("4       3\n"), Not(HasSubstr("Truncated"))));
}

/// Two cells of four documents; the first is right once more than the second.
OrderedJson report_on_groups() {
  const TemporaryFolder folder;
  auto store = Store::open(folder / "s.db");
  auto description = sample_description("key", "night");
  description.groups = {
      {.name = "inner", .mean = GroupMean::OfDocuments, .members = {{.cell = 0}, {.cell = 1}}},
      {.name = "outer", .members = {{.group = 0}, {.cell = 1, .metric = 1}}}};
  auto run = store.begin(description, std::vector{choice_cell(4), choice_cell(2)});
  auto documents = choice_documents(0, 4);
  documents.push_back(choice_document(0, 1));
  documents.push_back(choice_document(1, 1));
  for (auto& document : documents) document.cluster = document.ordinal < 2 ? "one" : "";
  store.save(run, documents);
  store.finish(run);
  EXPECT_THAT(store.group_results(run.id()), SizeIs(2));
  return run_report(store, store.find_run("night"));
}

TEST(RunReport, GroupsStandBelowTheirTasksInEveryFormat) {
  const auto report = report_on_groups();
  const auto& groups = report["groups"];
  // Right: 1, 0, 0, 1 and 1, 0; of the second task's acc_norm half as well.
  EXPECT_DOUBLE_EQ(groups[0]["value"].get<double>(), 3.0 / 6);
  EXPECT_EQ(groups[0]["metric"], "acc");
  EXPECT_DOUBLE_EQ(groups[1]["value"].get<double>(), 0.5);
  EXPECT_TRUE(groups[1]["metric"].is_null());
  const auto text = report_for_terminal(report, {.width = 120});
  EXPECT_THAT(text, HasSubstr("acc, mean of 6 documents"));
  EXPECT_THAT(text, HasSubstr("mean of 2 tasks"));
  EXPECT_THAT(text, HasSubstr("clust."));
  EXPECT_THAT(report_as_markdown(report), HasSubstr("| outer"));
  EXPECT_THAT(report_as_csv(report), HasSubstr("1,night,tiny,outer,,,"));
}

/// A mean of two tasks of two documents each, right and wrong.
OrderedJson report_on_clusters(const std::vector<std::string>& first,
                               const std::vector<std::string>& second) {
  const TemporaryFolder folder;
  auto store = Store::open(folder / "s.db");
  auto description = sample_description("key", "night");
  description.groups = {{.name = "both", .members = {{.cell = 0}, {.cell = 1}}}};
  std::vector cells{choice_cell(2), choice_cell(2)};
  cells[1].task = "arc_hard";
  auto run = store.begin(description, cells);
  for (const int64_t cell : {0, 1}) {
    for (const int64_t ordinal : {0, 1}) {
      auto document = choice_document(ordinal, cell);
      document.cluster = (cell == 0 ? first : second).at(static_cast<size_t>(ordinal));
      store.save(run, std::vector{document});
    }
  }
  store.finish(run);
  EXPECT_THAT(check(store), IsEmpty());
  return run_report(store, store.find_run("night"));
}

TEST(RunReport, ClustersThatReachOverTasksAreOneDrawInTheirMean) {
  const auto own = report_on_clusters({"a", "b"}, {"c", "d"})["groups"][0];
  EXPECT_DOUBLE_EQ(own["standard_error"].get<double>(), std::sqrt(0.125));
  EXPECT_TRUE(own["clustered_error"].is_null());
  // The same two passages in both tasks tell no more than in one: errors of 0.5 each.
  const auto shared = report_on_clusters({"a", "b"}, {"a", "b"})["groups"][0];
  EXPECT_DOUBLE_EQ(shared["standard_error"].get<double>(), std::sqrt(0.125));
  EXPECT_DOUBLE_EQ(shared["clustered_error"].get<double>(), 0.5);
}

TEST(RunReport, ATaskOfOneClusterIsNamedAndLeavesItsMeanWithoutAnError) {
  const auto report = report_on_clusters({"a", "b"}, {"c", "c"});
  EXPECT_EQ(report["groups"][0]["value"], 0.5);
  EXPECT_TRUE(report["groups"][0]["standard_error"].is_null());
  EXPECT_TRUE(report["groups"][0]["clustered_error"].is_null());
  EXPECT_THAT(report["notes"].dump(), HasSubstr("\"arc_hard: all documents go together"));
  EXPECT_THAT(report_on_clusters({"a", "b"}, {"c", "d"})["notes"].dump(),
              Not(HasSubstr("all documents go together")));
}

TEST(RunReport, AnUnknownKindIsRefused) {
  EXPECT_THAT(error_of([] {
                report_as_csv({{"report", "sweep"}});
              }),
              HasSubstr("report 'sweep': expected run, run_list, training"));
}

TEST(RunListReport, RunsAreListedNewestFirst) {
  const TemporaryFolder folder;
  auto store = Store::open(folder / "s.db");
  tests::complete_run(store, 4, sample_description("a", "first"));
  const auto run = store.begin(sample_description("b"), std::vector{choice_cell(9)});
  const auto report = run_list_report(store);
  EXPECT_EQ(report["runs"][0]["id"], 2);
  EXPECT_EQ(report["runs"][1]["tasks"][0], "arc_easy");
  const auto text = report_for_terminal(report, {});
  EXPECT_THAT(text, HasSubstr("  2  –      incomplete  tiny   arc_easy        0/9"));
  EXPECT_THAT(text, HasSubstr("  1  first  complete    tiny   arc_easy        4/4"));
}

TEST(RunListReport, AnEmptyStoreSaysWhatToDo) {
  const TemporaryFolder folder;
  const auto store = Store::open(folder / "s.db");
  EXPECT_THAT(report_for_terminal(run_list_report(store), {}), HasSubstr("`hylo eval` makes one"));
  EXPECT_THAT(report_as_csv(run_list_report(store)), IsEmpty());
}

/// A student beside its teacher, and a text of 5 tokens of which 3 were read.
OrderedJson report_on_signals() {
  const TemporaryFolder folder;
  auto store = Store::open(folder / "s.db");
  auto description = sample_description();
  description.model["teacher"] = {{"name", "big"}, {"not_compared", "no cosines"}};
  CellDescription cell{.task = "loss", .task_version = "1", .num_documents = 1};
  for (const auto* name : {"near", "far"}) {
    cell.metrics.push_back(
        {.name = name, .aggregation = Aggregation::WeightedMean, .higher_is_better = false});
  }
  auto run = store.begin(description, std::vector{cell});
  const RequestOutput output{.kind = RequestKind::Tokens,
                             .continuation = "abcde",
                             .token_ids = {1, 2, 3, 4, 5},
                             .log_likelihood = -6,
                             .num_tokens = 3,
                             .dropped_tokens = 2,
                             .window_log_likelihoods = {-6}};
  store.save(run,
             std::vector<DocumentOutput>{{.requests = {output},
                                          .scores = {{.metric = "near", .value = 6, .weight = 3},
                                                     {.metric = "far", .value = 0, .weight = 0}}}});
  store.finish(run);
  return run_report(store, store.find_run("latest"));
}

TEST(RunReport, AMetricThatNoDocumentReachesHasNoLineAndIsInTheJson) {
  const auto report = report_on_signals();
  EXPECT_EQ(report["results"][1]["metric"], "far");
  EXPECT_TRUE(report["results"][1]["value"].is_null());
  EXPECT_EQ(report["results"][1]["num_failed"], 0);
  const auto text = report_for_terminal(report, {});
  EXPECT_THAT(text, AllOf(HasSubstr("near"), HasSubstr("2.0000"), Not(HasSubstr("far")),
                          HasSubstr("no document reaches")));
}

TEST(RunReport, WhatATextHasBeyondTheLengthIsToldAndNotTruncated) {
  const auto report = report_on_signals();
  EXPECT_EQ(report["tasks"][0]["num_unread_tokens"], 2);
  EXPECT_EQ(report["tasks"][0]["num_truncated"], 0);
  const auto text = report_for_terminal(report, {});
  EXPECT_THAT(text, AllOf(HasSubstr("loss: 2 tokens stand beyond"), Not(HasSubstr("Truncated"))));
}

TEST(RunReport, ATeacherIsNamedAndWhatIsNotComparedIsTold) {
  const auto text = report_for_terminal(report_on_signals(), {});
  EXPECT_THAT(text, AllOf(StartsWith("Run 1: tiny, teacher big\n"), HasSubstr("no cosines")));
}

}  // namespace
}  // namespace hylo::reports
