// RULER's tables over stored scores, worked by hand.
#include "harness/runner/ruler_report.h"

#include <gmock/gmock.h>

#include <cmath>

#include "reports/render/draw.h"
#include "tasks/ruler/ruler_spec.h"
#include "tests/support/test_data.h"

namespace hylo::harness {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

struct CellScores {
  std::string task;  ///< "vt@4096"
  std::vector<double> scores;
  std::vector<double> nulls;
  int64_t num_documents = 2;
  std::vector<std::string> clusters = {};  ///< none: every sample stands for itself
};

reports::CellDescription cell_of(const CellScores& scores, const std::string& mode,
                                 const OrderedJson& sources) {
  return {.task = scores.task,
          .task_version = "1",
          .variant = {{"mode", mode}, {"sources", sources}},
          .dataset = "",
          .dataset_sha256 = "ab",
          .licence = "",
          .num_documents = scores.num_documents,
          .metrics = {{.name = "score"}, {.name = "null", .higher_is_better = false}}};
}

/// The report of a run with these scores; incomplete where documents are missing.
OrderedJson report_on(const std::vector<CellScores>& all, const std::string& mode = "strict",
                      const OrderedJson& sources = {{"words", "generated-1"}}) {
  const tests::TemporaryFolder folder;
  auto store = reports::Store::open(folder / "s.db");
  std::vector<reports::CellDescription> cells;
  for (const auto& scores : all) cells.push_back(cell_of(scores, mode, sources));
  auto run = store.begin({.key = "key", .dtype = "float32"}, cells);
  for (size_t c = 0; c < all.size(); ++c) {
    for (size_t d = 0; d < all[c].scores.size(); ++d) {
      reports::DocumentOutput document{.cell = static_cast<int64_t>(c),
                                       .ordinal = static_cast<int64_t>(d),
                                       .index = static_cast<int64_t>(d)};
      document.scores = {{.metric = "score", .value = all[c].scores[d]},
                         {.metric = "null", .value = all[c].nulls[d]}};
      if (!all[c].clusters.empty()) document.cluster = all[c].clusters[d];
      document.tags = {{"depth", 9 * static_cast<int64_t>(d)}};
      store.save(run, std::vector{document});
    }
  }
  store.stop(run);
  return run_report_with_ruler(store, store.find_run("latest"));
}

std::vector<CellScores> two_tasks_at_two_lengths() {
  return {{"niah_single_1@4096", {1, 1}, {0, 0}},
          {"niah_single_1@8192", {1, 0}, {0, 1}},
          {"vt@4096", {0.2, 0.6}, {0, 0}},
          {"vt@8192", {0.2, 0}, {0, 0}}};
}

TEST(RulerReport, TasksStandByLengthWithTheirEmptyPredictionsAndMeans) {
  const auto report = report_on(two_tasks_at_two_lengths());
  const auto& table = report["tables"][0];
  EXPECT_EQ(table["columns"], OrderedJson({"Task", "4096", "8192", "mean"}));
  // Errors of the means over lengths: sqrt(0 + 0.5^2) / 2, sqrt(0.2^2 + 0.1^2) / 2, of all four
  // sqrt(0.25 + 0.05) / 4.
  EXPECT_EQ(table["rows"][0],
            OrderedJson({"niah_single_1", "100.00", "50.00 (1 empty)", "75.00 \u00b1 25.00"}));
  EXPECT_EQ(table["rows"][1], OrderedJson({"vt", "40.00", "10.00", "25.00 \u00b1 11.18"}));
  EXPECT_EQ(table["rows"][2],
            OrderedJson({"mean of 2 tasks", "70.00", "30.00", "50.00 \u00b1 13.69"}));
  // (70 + 2 x 30) / 3 and (2 x 70 + 30) / 3; their errors sqrt(0.04 + 4 x 0.26) / 6 and
  // sqrt(4 x 0.04 + 0.26) / 6.
  EXPECT_THAT(report["notes"].dump(),
              HasSubstr("mean 50.00 \u00b1 13.69, wAvg. (inc) 43.33 \u00b1 17.32, wAvg. (dec) "
                        "56.67 \u00b1 10.80"));
  const auto& both = report["means_over_lengths"][2];
  EXPECT_DOUBLE_EQ(both["increasing"]["value"].get<double>(), 1.3 / 3);
  EXPECT_DOUBLE_EQ(both["decreasing"]["standard_error"].get<double>(), std::sqrt(0.42) / 6);
}

TEST(RulerReport, TheSameQuestionsAtTwoLengthsAreNoFurtherDraws) {
  const std::vector<std::string> articles{"Apollo", "Zeus"};
  const auto report = report_on(
      {{"qa_1@4096", {1, 0}, {0, 0}, 2, articles}, {"qa_1@8192", {1, 0}, {0, 0}, 2, articles}});
  EXPECT_EQ(report["tables"][0]["rows"][0][3], "50.00 \u00b1 50.00");
  const auto& mean = report["means_over_lengths"][0];
  EXPECT_EQ(mean["tasks"], OrderedJson({"qa_1"}));
  EXPECT_EQ(mean["lengths"], OrderedJson({4096, 8192}));
  EXPECT_EQ(mean["value"], 0.5);
  EXPECT_DOUBLE_EQ(mean["clustered_error"].get<double>(), 0.5);
  EXPECT_DOUBLE_EQ(mean["standard_error"].get<double>(), std::sqrt(0.125));
  EXPECT_EQ(mean["n"], 4);
  EXPECT_EQ(mean["num_clusters"], 2);
}

TEST(RulerReport, SamplesThatAllScoreTheSameHaveNoError) {
  const auto report = report_on({{"vt@4096", {1, 1}, {0, 0}}, {"vt@8192", {0.2, 0.2}, {0, 0}}});
  EXPECT_EQ(report["tables"][0]["rows"][0].back(), "60.00");
  EXPECT_THAT(report["notes"].dump(),
              HasSubstr("mean 60.00, wAvg. (inc) 46.67, wAvg. (dec) 73.33."));
}

TEST(RulerReport, ClustersAreToldOfOnlyWhereThereAreAny) {
  constexpr auto told = "samples that go together are one draw";
  EXPECT_THAT(report_on(two_tasks_at_two_lengths())["notes"].dump(), Not(HasSubstr(told)));
  const std::vector<std::string> articles{"Apollo", "Zeus"};
  EXPECT_THAT(report_on({{"qa_1@4096", {1, 0}, {0, 0}, 2, articles},
                         {"qa_1@8192", {1, 0}, {0, 0}, 2, articles}})["notes"]
                  .dump(),
              HasSubstr(told));
}

TEST(RulerReport, ACellOfOneClusterLeavesItsMeanWithoutAnErrorAndIsNamed) {
  const auto report = report_on({{"qa_1@4096", {1, 0}, {0, 0}, 2, {"Apollo", "Apollo"}},
                                 {"qa_1@8192", {1, 0}, {0, 0}, 2, {"Apollo", "Zeus"}}});
  EXPECT_EQ(report["tables"][0]["rows"][0].back(), "50.00");
  EXPECT_TRUE(report["means_over_lengths"][0]["standard_error"].is_null());
  EXPECT_THAT(report["notes"].dump(), HasSubstr("\"qa_1@4096: all documents go together"));
}

TEST(RulerReport, ATaskThatIsNotAtEveryLengthHasItsMeanInTheJsonAlone) {
  auto scores = two_tasks_at_two_lengths();
  scores.push_back({"vt@16384", {0, 0}, {0, 0}});
  const auto report = report_on(scores);
  const auto& rows = report["tables"][0]["rows"];
  EXPECT_EQ(rows[0].back(), "\u2013");
  // sqrt(0.2^2 + 0.1^2 + 0) / 3.
  EXPECT_EQ(rows[1].back(), "16.67 \u00b1 7.45");
  EXPECT_EQ(rows[2].back(), "\u2013");
  EXPECT_EQ(report["means_over_lengths"][0]["lengths"], OrderedJson({4096, 8192}));
}

TEST(RulerReport, ScoresByDepthAreThoseOfTheTenths) {
  const auto report = report_on({{"niah_single_1@4096", {1, 0}, {0, 0}}});
  const auto& row = report["tables"][1]["rows"][0];
  EXPECT_EQ(row[0], "niah_single_1@4096");
  EXPECT_EQ(row[1], "100.00");
  EXPECT_EQ(row[10], "0.00");
}

TEST(RulerReport, WhatIsPartialIsMarkedAndInNoMean) {
  auto scores = two_tasks_at_two_lengths();
  scores[3].num_documents = 5;
  const auto report = report_on(scores);
  const auto& rows = report["tables"][0]["rows"];
  EXPECT_EQ(rows[1][2], "10.00 PARTIAL");
  EXPECT_EQ(rows[1][3], "\u2013");
  EXPECT_EQ(rows[2], OrderedJson({"mean of 2 tasks", "70.00", "\u2013", "\u2013"}));
  EXPECT_THAT(report["notes"].dump(), Not(HasSubstr("wAvg")));
}

std::vector<CellScores> all_tasks() {
  std::vector<CellScores> all;
  for (const auto& spec : tasks::ruler::ruler_specs()) {
    all.push_back({fmt::format("{}@4096", spec.name), {1, 1}, {0, 0}});
  }
  return all;
}

TEST(RulerReport, AnEffectiveLengthIsToldOnlyOfTheReferencesSamplesAndAllTasks) {
  const OrderedJson given{{"words", std::string(64, 'a')}};
  EXPECT_THAT(report_on(all_tasks(), "compat", given)["notes"].dump(), HasSubstr("4K): 4096."));
  EXPECT_THAT(report_on(all_tasks(), "strict", given)["notes"].dump(),
              Not(HasSubstr("Effective length")));
  EXPECT_THAT(
      report_on(all_tasks(), "compat")["notes"].dump(),
      testing::AllOf(Not(HasSubstr("Effective length")), HasSubstr("generated by hylo: words")));
  auto most = all_tasks();
  most.pop_back();
  EXPECT_THAT(report_on(most, "compat", given)["notes"].dump(), Not(HasSubstr("Effective length")));
}

TEST(RulerReport, ARunWithoutRulerHasNoTables) {
  EXPECT_FALSE(report_on({{"arc_easy", {1, 0}, {0, 0}}}).contains("tables"));
}

TEST(RulerReport, TheTablesAreDrawn) {
  const auto report = report_on(two_tasks_at_two_lengths());
  EXPECT_THAT(reports::report_for_terminal(report, {.width = 120}), HasSubstr("50.00 (1 empty)"));
  EXPECT_THAT(reports::report_as_markdown(report), HasSubstr("### RULER"));
}

}  // namespace
}  // namespace hylo::harness
