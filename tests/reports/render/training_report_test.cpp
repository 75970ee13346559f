#include "reports/render/training_report.h"

#include <gmock/gmock.h>

#include <cmath>

#include "reports/render/draw.h"
#include "reports/store/training_history.h"
#include "tests/reports/store/sample_run.h"
#include "tests/reports/store/sample_training.h"
#include "tests/support/test_data.h"

namespace hylo::reports {
namespace {

using hylo::tests::error_of;
using hylo::tests::TemporaryFolder;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::SizeIs;
using ::testing::StartsWith;
using tests::add_steps;
using tests::complete_training;
using tests::sample_host;
using tests::sample_step;
using tests::sample_training;
using tests::sample_validation;

class TrainingReport : public testing::Test {
 protected:
  [[nodiscard]] OrderedJson latest() const {
    auto report = training_report(store_, find_training(store_, "latest"));
    report["training"]["started"] = "2026-01-31T12:00:00.000Z";
    report["training"]["last_saved"] = "2026-01-31T12:01:00.000Z";
    return report;
  }
  TemporaryFolder folder_;
  Store store_ = Store::open(folder_ / "s.db");
};

TEST_F(TrainingReport, EvaluationsStandInATableAndOverTheStepsOfAllStages) {
  const auto early = tests::complete_run(store_, 6, tests::sample_description("a", "night/step-4"));
  const auto late = tests::complete_run(store_, 9, tests::sample_description("b", "night/step-14"));
  auto log = TrainingLog::begin(store_, sample_training("night"), sample_host());
  add_steps(log, 0, 0, 4);
  log.add_evaluation({{0, 4}, early});
  add_steps(log, 1, 0, 10);
  log.add_evaluation({{1, 10}, late});
  log.finish();
  const auto report = latest();
  ASSERT_THAT(report["evaluations"], SizeIs(2));
  const auto& row = report["evaluations"][1];
  EXPECT_EQ(row["total_step"], 14);
  EXPECT_EQ(row["step"], 10);
  EXPECT_EQ(row["task"], "arc_easy");
  EXPECT_EQ(row["metric"], "acc");
  EXPECT_EQ(row["run"], late);
  EXPECT_DOUBLE_EQ(row["value"].get<double>(), 1.0 / 3);  // The first of every three.
  // Deviation of a third, sqrt(1/3 * 2/3 * 9/8), over sqrt(9).
  EXPECT_NEAR(row["standard_error"].get<double>(), 0.5 / 3, 1e-12);
  EXPECT_EQ(row["n"], 9);
  EXPECT_THAT(report_for_terminal(report, {.width = 120}),
              AllOf(HasSubstr("Evaluations"), HasSubstr("arc_easy"), HasSubstr("0.333"),
                    HasSubstr("Evaluations: acc"), Not(HasSubstr("incomplete"))));
}

TEST_F(TrainingReport, AnEvaluationThatIsNotAtItsEndSaysSo) {
  auto run = store_.begin(tests::sample_description("a", "night/step-4"),
                          std::vector{tests::choice_cell(9)});
  store_.save(run, tests::choice_documents(0, 3));
  auto log = TrainingLog::begin(store_, sample_training("night"), sample_host());
  log.add_evaluation({{0, 4}, run.id()});
  const auto report = latest();
  EXPECT_EQ(report["evaluations"][0]["n"], 3);
  EXPECT_THAT(report_for_terminal(report, {.width = 120}), HasSubstr("incomplete"));
}

TEST_F(TrainingReport, TrainingsOfPreferencesAloneAreNotSaidToHaveOtherTexts) {
  for (const auto* name : {"one", "other"}) {
    auto log = TrainingLog::begin(store_, sample_training(name), sample_host());
    add_steps(log, 0, 0, 4);
    log.add_validation({.place = {0, 4},
                        .data = "held-out pairs",
                        .num_tokens = 9,
                        .preference_loss = 0.5,
                        .margin = 1,
                        .preference_accuracy = 0.75});
    log.finish();
  }
  const std::vector<TrainingSummary> runs{find_training(store_, "one"),
                                          find_training(store_, "other")};
  const auto notes = training_comparison_report(store_, runs)["notes"].dump();
  EXPECT_THAT(notes, AllOf(HasSubstr("preferences no document is kept"),
                           Not(HasSubstr("held against the first one's"))));
}

using TrainingList = TrainingReport;
using TrainingComparison = TrainingReport;

TEST_F(TrainingReport, AStageSaysWhatItCostAndWhatItBrought) {
  complete_training(store_, "night");
  const auto report = latest();
  ASSERT_THAT(report["stages"], SizeIs(2));
  const auto& stage = report["stages"][1];
  EXPECT_EQ(stage["name"], "distil");
  EXPECT_EQ(stage["num_steps_done"], 10);
  EXPECT_EQ(stage["num_tokens"], 1000);
  EXPECT_EQ(stage["seconds"], 5.0);
  EXPECT_EQ(stage["tokens_per_second"], 200.0);
  EXPECT_EQ(stage["first_loss"], 8.0);
  EXPECT_EQ(stage["last_loss"], 0.8);
  EXPECT_EQ(stage["peak_resident_bytes"], 1 << 20);
  EXPECT_EQ(stage["best_data"], "held_out");
  EXPECT_EQ(stage["best_step"], 10);
  EXPECT_DOUBLE_EQ(stage["best_ratio_to_teacher"].get<double>(), std::exp(1.1 - 1.0));
  EXPECT_TRUE(stage["seconds_left"].is_null());
}

// 4 steps of 100 tokens in the first stage, 10 in the second.
TEST_F(TrainingReport, AValidationKnowsTheTokensOfAllStagesBefore) {
  complete_training(store_);
  const auto report = latest();
  ASSERT_THAT(report["validations"], SizeIs(2));
  EXPECT_EQ(report["validations"][0]["tokens"], 400);
  EXPECT_EQ(report["validations"][1]["tokens"], 1400);
  EXPECT_EQ(report["checkpoints"][0]["bytes"], 4096);
}

TEST_F(TrainingReport, APointIsTheMeanOfItsSteps) {
  {
    auto log = TrainingLog::begin(store_, sample_training(), sample_host());
    add_steps(log, 1, 0, 1000);
    log.finish();
  }
  const auto report = latest();
  const auto& points = report["curves"][1]["points"];
  ASSERT_THAT(points, SizeIs(60));
  EXPECT_EQ(points[0]["loss"], 8.0);
  EXPECT_EQ(points[59]["tokens"], 100'000);
  // Steps 910 to 999, as log_bins(1000, 60) ends.
  double sum = 0;
  for (int64_t step = 910; step < 1000; ++step) sum += 8.0 / static_cast<double>(step + 1);
  EXPECT_EQ(points[59]["num_steps"], 90);
  EXPECT_NEAR(points[59]["loss"].get<double>(), sum / 90, 1e-12);
  EXPECT_EQ(report["curves"][0]["points"], OrderedJson::array());
  // Means of ten steps, a hundredth.
  EXPECT_NEAR(report["stages"][1]["last_loss"].get<double>(), 8.0 / 995.5, 1e-5);
}

TEST_F(TrainingReport, TheTerminalShowsStagesValidationsAndTheCourse) {
  complete_training(store_, "night");
  const auto text = report_for_terminal(latest(), {.width = 200});
  EXPECT_THAT(text, StartsWith(R"(Training run 1 "night": stories, teacher tiny
complete, float32, seed 7, 2 threads; begun 2026-01-31T12:00:00.000Z, last written 2026-01-31T12:01:00.000Z; into /somewhere/out

#  Stage   Kind           Context  Steps  Tokens   Time  Tokens/s    Memory  First loss  Last loss  Best perplexity  Ratio
─  ──────  ─────────────  ───────  ─────  ──────  ─────  ────────  ────────  ──────────  ─────────  ───────────────  ─────
0  align   align_layers        32    4/4     400  2.0 s       200  1.00 MiB      8.0000     2.0000           7.3891  2.718
1  distil  distil_logits       64  10/10   1,000  5.0 s       200  1.00 MiB      8.0000     0.8000           3.0042  1.105

Validations
)"));
  EXPECT_THAT(text, AllOf(HasSubstr("Loss of distil (distil_logits)"),
                          HasSubstr("Perplexity on held-out data"), HasSubstr("\u2022"),
                          Not(HasSubstr("Gradient norm")), Not(HasSubstr("Attempts"))));
}

TEST_F(TrainingReport, ResumesAndFailuresAreTold) {
  {
    auto log = TrainingLog::begin(store_, sample_training(), sample_host());
    add_steps(log, 0, 0, 3);
  }
  {
    auto log = TrainingLog::resume(store_, sample_training(), sample_host(), {0, 2});
    log.fail("the loss is not finite");
  }
  const auto report = latest();
  EXPECT_EQ(report["training"]["state"], "failed");
  EXPECT_EQ(report["attempts"][1]["num_dropped_steps"], 1);
  const auto text = report_for_terminal(report, {.width = 200});
  EXPECT_THAT(text, AllOf(HasSubstr("\nAttempts\n"), HasSubstr("interrupted"),
                          HasSubstr("FAILED: the loss is not finite")));
  EXPECT_THAT(report_as_markdown(report), HasSubstr("| failed | the loss is not finite |"));
}

TEST_F(TrainingReport, ARunThatGoesOnSaysWhatIsLeftOfItsStage) {
  auto log = TrainingLog::begin(store_, sample_training(), sample_host());
  add_steps(log, 1, 0, 4);
  log.add_checkpoint({.place = {1, 4}, .folder = "checkpoint"});
  const auto report = latest();
  EXPECT_EQ(report["stages"][1]["seconds_left"], 3.0);  // 6 steps of half a second
  EXPECT_TRUE(report["stages"][0]["first_loss"].is_null());
  EXPECT_THAT(report_for_terminal(report, {}),
              AllOf(HasSubstr("about 3.0 s left in distil"), HasSubstr("The run is going on.")));
}

TEST_F(TrainingReport, ARunThatWasBegunWithAnotherStoreSaysSo) {
  { auto log = TrainingLog::resume(store_, sample_training(), sample_host(), {1, 3}); }
  const auto text = report_for_terminal(latest(), {});
  EXPECT_THAT(text, AllOf(HasSubstr("steps before stage 1, step 3 are not in this store"),
                          HasSubstr("INTERRUPTED")));
}

TEST_F(TrainingReport, ALossThatIsNoNumberIsShownAsSuchAndNotDrawn) {
  {
    auto log = TrainingLog::begin(store_, sample_training(), sample_host());
    auto step = sample_step(0, 0);
    step.loss = std::nan("");
    log.add_step(step);
    log.fail("not finite");
  }
  const auto report = latest();
  EXPECT_EQ(report["stages"][0]["last_loss"], "NaN");
  EXPECT_THAT(report_for_terminal(report, {}), HasSubstr("(no finite values)"));
  EXPECT_THAT(report_as_html(report), HasSubstr("no finite values"));
}

TEST_F(TrainingReport, CsvHoldsThePointsOfTheCurves) {
  complete_training(store_, "night");
  const auto text = report_as_csv(latest());
  EXPECT_THAT(text, StartsWith("run,name,stage,stage_name,kind,tokens,num_steps,loss,divergence,"
                               "cross_entropy,layer_distance,mixer_distance,margin,"
                               "preference_accuracy,gradient_norm,learning_rate,"
                               "tokens_per_second\r\n"
                               "1,night,0,align,align_layers,100,1,8.0,,,,,,,0.5,0.001,200.0\r\n"));
}

TEST_F(TrainingReport, HtmlIsOnePageWithLinesAndItsData) {
  complete_training(store_, "a <b> & c");
  const auto report = latest();
  const auto page = report_as_html(report);
  EXPECT_THAT(page, AllOf(StartsWith("<!DOCTYPE html>"), HasSubstr("a &lt;b&gt; &amp; c"),
                          HasSubstr("<polyline"), HasSubstr("Gradient norm of distil"),
                          Not(HasSubstr("http")), Not(HasSubstr("src="))));
  const std::string opening = "id=\"report\">";
  const auto begin = page.find(opening) + opening.size();
  const auto data = page.substr(begin, page.find("</script>", begin) - begin);
  EXPECT_EQ(OrderedJson::parse(data), report);
}

TEST_F(TrainingReport, AnHtmlTextCannotEndTheElementThatHoldsTheData) {
  complete_training(store_, "</script><b>");
  EXPECT_THAT(report_as_html(latest()), Not(HasSubstr("</script><b>")));
}

TEST_F(TrainingList, RunsAreListedNewestFirst) {
  complete_training(store_, "first");
  { auto log = TrainingLog::begin(store_, sample_training("second"), sample_host()); }
  const auto report = training_list_report(store_);
  ASSERT_THAT(report["runs"], SizeIs(2));
  EXPECT_EQ(report["runs"][0]["name"], "second");
  EXPECT_EQ(report["runs"][1]["num_steps_done"], 14);
  EXPECT_EQ(report["runs"][1]["num_tokens"], 1400);
  EXPECT_THAT(report_for_terminal(report, {}),
              AllOf(HasSubstr("interrupted"), HasSubstr("14/14"), HasSubstr("7.0 s")));
  EXPECT_THAT(report_as_csv(report), StartsWith("id,name,recipe,teacher,state,"));
}

TEST_F(TrainingList, AStoreWithoutTrainingRunsSaysSo) {
  EXPECT_THAT(report_for_terminal(training_list_report(store_), {}),
              HasSubstr("There are no training runs yet"));
}

TEST_F(TrainingComparison, RunsStandSideBySideWithWhatDiffers) {
  complete_training(store_, "with", 1.1);
  auto other = sample_training("without");
  other.recipe["kl_weight"] = 0.5;
  {
    auto log = TrainingLog::begin(store_, other, sample_host());
    add_steps(log, 1, 0, 2);
    log.add_validation(sample_validation(1, 1, 1.4));
    log.add_validation(sample_validation(1, 2, 1.5));
    log.finish();
  }
  const std::vector runs{find_training(store_, "with"), find_training(store_, "without")};
  const auto report = training_comparison_report(store_, runs);
  EXPECT_EQ(report["runs"][1]["last_loss"], 4.0);
  EXPECT_EQ(report["runs"][1]["last_stage"], "distil");
  const auto& last = report["runs"][1]["last_validations"];
  ASSERT_THAT(last, SizeIs(1));
  EXPECT_EQ(last[0]["cross_entropy"], 1.5);
  EXPECT_DOUBLE_EQ(last[0]["best_perplexity"].get<double>(), std::exp(1.4));
  ASSERT_THAT(report["differences"], SizeIs(1));
  EXPECT_EQ(report["differences"][0],
            OrderedJson({{"setting", "recipe/kl_weight"}, {"values", {nullptr, 0.5}}}));
  EXPECT_THAT(report_for_terminal(report, {}),
              AllOf(HasSubstr("2 training runs of"), HasSubstr("recipe/kl_weight"),
                    HasSubstr("\u2022 with   o without"), HasSubstr("1.105"), HasSubstr("1.649")));
  EXPECT_THAT(report_as_csv(report), HasSubstr("\r\n2,without,1,distil,"));
  EXPECT_THAT(report_as_html(report), HasSubstr("<polyline"));
}

// Of 2 and 4 tokens, 1 and 5 nats more; the third run was held against others.
TEST_F(TrainingComparison, RunsAreHeldAgainstTheFirstOnTheDocumentsThatTheyShare) {
  const auto add = [&](const std::string& name, const std::string& sha256,
                       const std::vector<HeldOutDocument>& documents) {
    auto log = TrainingLog::begin(store_, sample_training(name), sample_host());
    auto row = sample_validation(1, 10, 1.1);
    row.documents_sha256 = sha256;
    row.documents = documents;
    log.add_validation(row);
    log.finish();
    return find_training(store_, name);
  };
  const std::vector runs{add("first", "ab", {{2, 2}, {4, 4}}),
                         add("second", "ab", {{2, 3}, {4, 9}}),
                         add("third", "cd", {{2, 3}, {4, 9}})};
  const auto report = training_comparison_report(store_, runs);
  ASSERT_THAT(report["paired"], SizeIs(1));
  const auto& row = report["paired"][0];
  EXPECT_EQ(row["name"], "second");
  EXPECT_EQ(row["first_name"], "first");
  EXPECT_EQ(row["num_documents"], 2);
  EXPECT_DOUBLE_EQ(row["difference"].get<double>(), 1);
  EXPECT_DOUBLE_EQ(row["standard_error"].get<double>(), 1.0 / 3);
  EXPECT_THAT(report_for_terminal(report, {}),
              AllOf(HasSubstr("Differences on the same held-out documents"), HasSubstr("+1.0000"),
                    HasSubstr("+0.3467 to +1.6533")));
}

TEST_F(TrainingReport, AKindThatIsNotKnownIsTold) {
  EXPECT_THAT(error_of([] {
                report_as_html({{"report", "weather"}});
              }),
              HasSubstr("report 'weather'"));
}

}  // namespace
}  // namespace hylo::reports
