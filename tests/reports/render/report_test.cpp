#include <gmock/gmock.h>

#include <cmath>

#include "reports/render/draw.h"
#include "reports/render/run_report.h"
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
using ::testing::StartsWith;
using tests::choice_cell;
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

TEST(RunReport, AnUnknownKindIsRefused) {
  EXPECT_THAT(error_of([] {
                report_as_csv({{"report", "sweep"}});
              }),
              HasSubstr("report 'sweep': expected run or run_list"));
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

}  // namespace
}  // namespace hylo::reports
