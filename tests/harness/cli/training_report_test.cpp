// hylo report training, on a store of training runs whose steps follow from their numbers.

#include "harness/base/files.h"
#include "tests/harness/cli/program.h"
#include "tests/reports/store/sample_training.h"

namespace hylo::tests {
namespace {

using reports::tests::complete_training;
using testing::AllOf;
using testing::HasSubstr;

/// A folder with a store of two complete training runs, "first" and "second".
class TrainingReportCli : public testing::Test {
 protected:
  TrainingReportCli() {
    auto store = reports::Store::open(folder_ / "hylo.db");
    complete_training(store, "first");
    complete_training(store, "second", 1.2);
  }
  [[nodiscard]] ChildOptions here() const { return {.folder = folder_.path()}; }
  TemporaryFolder folder_;
};

TEST_F(TrainingReportCli, WithoutARunTheyAreListed) {
  const auto runs = json_of_hylo({"report", "training", "--format", "json"}, here())["runs"];
  ASSERT_EQ(runs.size(), 2);
  EXPECT_EQ(runs[0]["name"], "second");
}

TEST_F(TrainingReportCli, ARunIsShownByNameIdOrLatest) {
  for (const auto* run : {"second", "2", "latest"}) {
    const auto result = run_hylo({"report", "training", run}, here());
    EXPECT_EQ(result.exit_code, 0) << result.err;
    EXPECT_THAT(result.out, AllOf(HasSubstr("Training run 2 \"second\""), HasSubstr("1.221"),
                                  HasSubstr("Loss of distil")));
  }
}

TEST_F(TrainingReportCli, SeveralAreComparedInEveryFormat) {
  const auto call = [&](const char* format) {
    return run_hylo({"report", "training", "first", "second", "--format", format}, here()).out;
  };
  EXPECT_THAT(call("table"), AllOf(HasSubstr("1.105"), HasSubstr("1.221")));
  EXPECT_THAT(call("markdown"), HasSubstr("### Last validations"));
  EXPECT_THAT(call("csv"), HasSubstr("\r\n2,second,1,distil"));
  EXPECT_THAT(call("html"), HasSubstr("<polyline"));
  EXPECT_EQ(parse_json(call("json"), "stdout")["runs"].size(), 2);
}

TEST_F(TrainingReportCli, OutWritesAPage) {
  const auto result =
      run_hylo({"report", "training", "first", "--format", "html", "--out", "first.html"}, here());
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_EQ(result.out, "");
  EXPECT_THAT(read_text_file(folder_ / "first.html"), testing::StartsWith("<!DOCTYPE html>"));
}

TEST_F(TrainingReportCli, AMisspeltRunSuggestsTheNearOne) {
  EXPECT_THAT(error_of_hylo({"report", "training", "frist"}, here()),
              HasSubstr("did you mean 'first'?"));
}

TEST_F(TrainingReportCli, AStoreWithoutTrainingRunsSaysSo) {
  { auto store = reports::Store::open(folder_ / "empty.db"); }
  EXPECT_THAT(error_of_hylo({"report", "training", "latest", "--store", "empty.db"}, here()),
              HasSubstr("empty.db: there are no training runs"));
  EXPECT_THAT(run_hylo({"report", "training", "--store", "empty.db"}, here()).out,
              HasSubstr("There are no training runs yet"));
}

TEST_F(TrainingReportCli, TheStoreMayBeNamedBeforeTheVerbButNotTheRun) {
  const auto file = (folder_ / "hylo.db").string();
  EXPECT_THAT(run_hylo({"report", "--store", file, "training", "first"}).out,
              HasSubstr("Training run 1 \"first\""));
  EXPECT_THAT(error_of_hylo({"report", "first", "training"}, here()),
              HasSubstr("`hylo report training first`"));
}

TEST_F(TrainingReportCli, WhatToReportOnMustBeSaid) {
  EXPECT_THAT(error_of_hylo({"report"}, here()), HasSubstr("expected a run"));
}

}  // namespace
}  // namespace hylo::tests
