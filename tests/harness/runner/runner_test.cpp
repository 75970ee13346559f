// The plan of a run and the loop over it, with a system that answers by rule.
#include "harness/runner/runner.h"

#include <gmock/gmock.h>

#include <set>
#include <sstream>

#include "harness/base/files.h"
#include "harness/runner/rescore.h"
#include "harness/runner/run_record.h"
#include "harness/system/decoder_system.h"
#include "harness/system/scripted_system.h"
#include "reports/store/check.h"
#include "reports/store/export.h"
#include "tests/support/test_data.h"

namespace hylo::harness {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using tests::error_of;
using tests::TemporaryFolder;

/// Costs as many rows as a request has letters, keeps what it was asked, and fails on demand.
class LetterCounter : public SystemUnderTest {
 public:
  [[nodiscard]] const SystemInfo& info() const override { return info_; }
  [[nodiscard]] std::vector<RequestCost> plan(
      std::span<const tasks::Request> requests) const override {
    std::vector<RequestCost> costs;
    for (const auto& request : requests) {
      const auto letters = static_cast<int64_t>(text_of(request).size());
      costs.push_back({.rows = letters * rows_of_a_letter, .rows_unshared = letters});
    }
    return costs;
  }
  [[nodiscard]] std::optional<double> expected_seconds(const RequestCost&) override { return {}; }
  void answer(std::span<const tasks::Request> requests,
              const std::function<void(size_t, tasks::Response)>& on_response) override {
    for (size_t i = requests.size(); i-- > 0;) {  // any order is allowed
      asked.push_back(text_of(requests[i]));
      if (asked.back() == fails_on) {
        on_response(i, tasks::Failed{"told to fail"});
      } else {
        on_response(i, tasks::TextScore{.log_likelihood = -1,
                                        .num_tokens = 1,
                                        .window_log_likelihoods = {},
                                        .context_ids = {},
                                        .token_ids = {}});
      }
    }
  }
  static std::string text_of(const tasks::Request& request) {
    if (const auto* score = std::get_if<tasks::ScoreText>(&request)) {
      return score->context + score->continuation;
    }
    return std::get<tasks::ScoreRolling>(request).text;
  }

  std::vector<std::string> asked;
  std::string fails_on;
  int64_t rows_of_a_letter = 1;
  SystemInfo info_{.name = "letters",
                   .identity = {{"system", "letters"}},
                   .description = OrderedJson::object(),
                   .numeric_mode = "exact",
                   .dtype = "none"};
};

PlanOptions stories(std::vector<std::string> tasks = {"story_openings", "story_perplexity"}) {
  return {.tasks = std::move(tasks), .data_root = {}, .prompts = {}, .document_ids = {}};
}

std::vector<std::vector<std::pair<size_t, size_t>>> numbers_of(const Plan& plan) {
  std::vector<std::vector<std::pair<size_t, size_t>>> all;
  for (const auto& batch : plan.batches) {
    all.emplace_back();
    for (const auto& document : batch) all.back().emplace_back(document.task, document.document);
  }
  return all;
}

TEST(Plan, TheLongestDocumentsComeFirstAndEachComesOnce) {
  const auto tasks = plan_tasks(stories());
  const auto plan = make_plan(tasks, LetterCounter());
  std::set<std::pair<size_t, size_t>> seen;
  int64_t before = plan.batches.front().front().cost.rows;
  for (const auto& batch : plan.batches) {
    for (const auto& document : batch) {
      EXPECT_LE(document.cost.rows, before);
      before = document.cost.rows;
      EXPECT_TRUE(seen.emplace(document.task, document.document).second);
    }
  }
  EXPECT_EQ(plan.num_documents, 292);
  EXPECT_EQ(seen.size(), 292);
}

TEST(Plan, TheSameTasksAndSystemGiveTheSamePlan) {
  const auto once = make_plan(plan_tasks(stories()), LetterCounter());
  const auto again = make_plan(plan_tasks(stories()), LetterCounter());
  EXPECT_EQ(numbers_of(once), numbers_of(again));
}

TEST(Plan, ABatchHasAtMost64DocumentsAnd8192Rows) {
  const auto tasks = plan_tasks(stories());
  LetterCounter system;
  for (const int64_t rows_of_a_letter : {1, 40}) {
    system.rows_of_a_letter = rows_of_a_letter;
    for (const auto& batch : make_plan(tasks, system).batches) {
      int64_t rows = 0;
      for (const auto& document : batch) rows += document.cost.rows;
      EXPECT_LE(batch.size(), 64);
      EXPECT_TRUE(rows <= 8192 || batch.size() == 1) << rows;
    }
  }
}

/// Asks every document with a beginning that `family_of` gives it.
std::vector<PlannedTask> with_beginnings(const std::function<std::string(size_t)>& family_of) {
  auto tasks = plan_tasks(stories({"story_openings"}));
  for (size_t d = 0; d < tasks[0].documents.size(); ++d) {
    for (auto& request : tasks[0].documents[d].requests) {
      auto& text = std::get<tasks::ScoreText>(request).context;
      text = family_of(d) + text;
    }
  }
  return tasks;
}

TEST(Plan, DocumentsThatBeginAlikeAreNeighbours) {
  const auto beginning = [](size_t d) { return std::string(200, static_cast<char>('A' + d % 5)); };
  const auto tasks = with_beginnings(beginning);
  std::vector<char> families;
  for (const auto& batch : make_plan(tasks, LetterCounter()).batches) {
    for (const auto& document : batch) {
      const char own = static_cast<char>('A' + document.document % 5);
      if (families.empty() || families.back() != own) families.push_back(own);
    }
  }
  EXPECT_EQ(families.size(), 5);
}

TEST(Plan, WhatABeginningSavesIsPaidAgainWhereABatchOpens) {
  const auto tasks = with_beginnings([](size_t) {
    return "Once upon a time there was a little girl named Lily who loved to play outside with her "
           "dog and all of her friends from the village near the sea. ";
  });
  const DecoderSystem system({.folder = tests::fixture("stories260k")});
  const auto plan = make_plan(tasks, system);
  ASSERT_GT(plan.batches.size(), 1);
  int64_t rows = 0;
  for (const auto& batch : plan.batches) {
    int64_t planned = 0;
    for (const auto& document : batch) planned += document.cost.rows;
    int64_t computed = 0;
    for (const auto& cost : system.plan(requests_of(tasks, batch))) computed += cost.rows;
    // A branch that the cut parts may be worth a node on one side only.
    EXPECT_NEAR(planned, computed, 0.01 * static_cast<double>(computed));
    rows += planned;
  }
  EXPECT_EQ(plan.total.rows, rows);
  EXPECT_LT(3 * rows, plan.total.rows_unshared);
}

TEST(Plan, ATaskThatIsUnknownOrRepeatedIsAnError) {
  EXPECT_THAT(error_of([] { plan_tasks(stories({"story_opening"})); }),
              HasSubstr("did you mean story_openings"));
  EXPECT_THAT(error_of([] {
                plan_tasks(stories({"story_openings", "story_openings"}));
              }),
              HasSubstr("named twice"));
  EXPECT_THAT(error_of([] { plan_tasks(stories({})); }), HasSubstr("no task"));
}

TEST(Plan, DocumentNumbersOfATaskThatIsNotRunAreAnError) {
  auto options = stories({"story_openings"});
  options.document_ids["story_perplexity"] = {0};
  EXPECT_THAT(error_of([&] { plan_tasks(options); }), HasSubstr("not among --tasks"));
}

/// A store, the story tasks and their plan.
class RunPlan : public testing::Test {
 protected:
  reports::RunHandle begin() {
    const auto cells = describe_cells(tasks_);
    return store_.begin(describe_run(cells, system_, {.name = "a", .argv = {}}), cells);
  }
  RunEnd run(const RunnerHooks& hooks = {}) {
    auto handle = begin();
    return run_plan(tasks_, plan_, system_, store_, handle, hooks);
  }
  std::string samples() const {
    std::ostringstream out;
    reports::export_samples(store_, 1, {.text = true}, out);
    return out.str();
  }

  TemporaryFolder folder_;
  std::vector<PlannedTask> tasks_ = plan_tasks(stories());
  LetterCounter system_;
  Plan plan_ = make_plan(tasks_, system_);
  reports::Store store_ = reports::Store::open(folder_ / "hylo.db");
};

TEST_F(RunPlan, AStoppedRunGoesOnAndAsksNothingTwice) {
  std::atomic<bool> stop = false;
  EXPECT_EQ(run({.on_progress = [&](const RunProgress&) { stop = true; }, .stop = &stop}),
            RunEnd::Stopped);
  const auto num_asked_first = system_.asked.size();
  EXPECT_GT(num_asked_first, 0);
  EXPECT_EQ(store_.find_run("a").state, reports::RunState::Incomplete);
  EXPECT_EQ(run(), RunEnd::Complete);
  EXPECT_EQ(static_cast<int64_t>(system_.asked.size()), plan_.num_requests);
  EXPECT_EQ(store_.find_run("a").num_attempts, 2);
  EXPECT_THAT(reports::check(store_), testing::IsEmpty());
}

TEST_F(RunPlan, ACompleteRunIsNotAskedAgain) {
  EXPECT_EQ(run(), RunEnd::Complete);
  system_.asked.clear();
  EXPECT_EQ(run(), RunEnd::Complete);
  EXPECT_THAT(system_.asked, testing::IsEmpty());
}

TEST_F(RunPlan, AFailedRequestIsStoredAndItsDocumentCountedApartFromWrongAnswers) {
  system_.fails_on = LetterCounter::text_of(tasks_[0].documents[5].requests[0]);
  EXPECT_EQ(run(), RunEnd::Complete);
  EXPECT_THAT(samples(), HasSubstr("\"error\":\"told to fail\""));
  EXPECT_EQ(store_.cells(1)[0].num_failed, 1);
  EXPECT_EQ(store_.cells(1)[1].num_failed, 0);
  const auto accuracy = store_.aggregates(1).front();
  EXPECT_EQ(accuracy.num_failed, 1);
  EXPECT_FALSE(accuracy.partial);
}

TEST_F(RunPlan, ProgressEndsWithEverythingDone) {
  RunProgress last;
  run({.on_progress = [&](const RunProgress& progress) { last = progress; }});
  EXPECT_EQ(last.num_finished, 292);
  EXPECT_EQ(last.num_answered, 292);
  EXPECT_EQ(last.rows_left, 0);
  EXPECT_EQ(last.rows_done, plan_.total.rows);
}

std::string key_of(const PlanOptions& options, const SystemUnderTest& system,
                   const RunLabels& labels = {}) {
  return describe_run(describe_cells(plan_tasks(options)), system, labels).key;
}

TEST(RunKey, DependsOnEverythingThatDeterminesTheNumbers) {
  LetterCounter system;
  auto shorter = stories();
  shorter.prompts.limit = 20;
  auto other_documents = stories();
  other_documents.document_ids["story_openings"] = {1, 2};
  LetterCounter other_mode;
  other_mode.info_.numeric_mode = "fast";
  const std::set<std::string> keys{key_of(stories(), system),
                                   key_of(stories({"story_openings"}), system),
                                   key_of(shorter, system),
                                   key_of(other_documents, system),
                                   key_of(stories(), CrcSystem()),
                                   key_of(stories(), other_mode),
                                   key_of(stories(), system, {.name = {}, .argv = {}, .seed = 1})};
  EXPECT_EQ(keys.size(), 7);
}

TEST(RunKey, ChangesWithTheTextsThatATaskReads) {
  const TemporaryFolder folder;
  write_text_file(folder / "a.txt", "Tom ran.");
  write_text_file(folder / "b.txt", "Tom sat.");
  auto a = stories({"loss_by_position"});
  a.texts = {folder / "a.txt"};
  auto b = a;
  b.texts = {folder / "b.txt"};
  EXPECT_NE(key_of(a, CrcSystem()), key_of(b, CrcSystem()));
  EXPECT_EQ(key_of(a, CrcSystem()), key_of(a, CrcSystem()));
  EXPECT_THAT(error_of([&] {
                auto none = stories();
                none.texts = a.texts;
                plan_tasks(none);
              }),
              HasSubstr("loss_by_position and teacher_agreement do"));
}

TEST(RunRecord, ATextScoredTokenByTokenIsKeptAsSumsThatFillTheBuckets) {
  const TemporaryFolder folder;
  write_text_file(folder / "a.txt", std::string(300, 'A'));  // each byte half a nat
  auto options = stories({"loss_by_position"});
  options.texts = {folder / "a.txt"};
  const auto tasks = plan_tasks(options);
  CrcSystem system;
  auto store = reports::Store::open(folder / "s.db");
  const auto cells = describe_cells(tasks);
  auto run = store.begin(describe_run(cells, system, {}), cells);
  EXPECT_EQ(run_plan(tasks, make_plan(tasks, system), system, store, run), RunEnd::Complete);
  std::ostringstream lines;
  export_samples(store, run.id(), {}, lines);
  EXPECT_THAT(lines.str(), HasSubstr(R"("spans":[-64.0,-64.0,-22.0])"));
  const auto numbers = store.aggregates(run.id());
  EXPECT_EQ(numbers[0].aggregate.value, 0.5);
  EXPECT_EQ(numbers[3].metric.name, "loss_256-512");
  EXPECT_EQ(numbers[3].aggregate.value, 0.5);
  EXPECT_EQ(numbers[4].aggregate.value, std::nullopt);
  EXPECT_EQ(numbers[4].num_failed, 0);
  const auto stored = store.find_run("latest");
  EXPECT_EQ(rescore(store, stored, options, false).num_changed, 0);
  EXPECT_THAT(error_of([&] { rescore(store, stored, stories(), false); }),
              AllOf(HasSubstr("with --text"), HasSubstr("a.txt")));
  EXPECT_THAT(reports::check(store), testing::IsEmpty());
}

TEST(RunKey, ChangesWithEveryPartOfAPrompt) {
  const auto key_after = [](const std::function<void(std::vector<PlannedTask>&)>& change) {
    auto tasks = plan_tasks(stories());
    change(tasks);
    return describe_run(describe_cells(tasks), LetterCounter(), {}).key;
  };
  const auto key = key_after([](auto&) {});
  EXPECT_NE(key, key_after([](auto& tasks) {
              std::get<tasks::ScoreText>(tasks[0].documents[3].requests[1]).context += " ";
            }));
  EXPECT_NE(key, key_after([](auto& tasks) {
              auto& request = std::get<tasks::ScoreText>(tasks[0].documents[3].requests[1]);
              request.continuation.insert(0, 1, request.context.back());
              request.context.pop_back();
            }));
  EXPECT_NE(key, key_after([](auto& tasks) {
              tasks[1].documents[0].requests[0] =
                  tasks::GenerateText{.prompt = "x", .stop = {}, .sampling = {}};
            }));
  EXPECT_EQ(key, key_after([](auto&) {}));
}

TEST(RunKey, DoesNotDependOnNamesAndCommandLines) {
  LetterCounter system, renamed;
  renamed.info_.name = "elsewhere";
  renamed.info_.description = {{"folder", "/elsewhere"}};
  const auto key = key_of(stories(), system);
  EXPECT_EQ(key, key_of(stories(), renamed));
  EXPECT_EQ(key, key_of(stories(), system, {.name = "b", .argv = {"hylo", "eval"}}));
}

}  // namespace
}  // namespace hylo::harness
