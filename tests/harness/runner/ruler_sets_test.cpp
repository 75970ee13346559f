// Sample sets in a run: prompts are read when they are asked, and what comes out is the same.
#include "harness/runner/ruler_sets.h"

#include <gmock/gmock.h>

#include <sstream>
#include <tuple>

#include "harness/base/files.h"
#include "harness/base/unicode.h"
#include "harness/runner/run_record.h"
#include "harness/runner/runner.h"
#include "harness/system/system_under_test.h"
#include "reports/store/export.h"
#include "reports/store/store.h"
#include "tasks/ruler/sample_set.h"
#include "tests/support/test_data.h"

namespace hylo::harness {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using tests::error_of;

constexpr int64_t num_samples = 5;

std::string input_of(int64_t i) {
  return fmt::format("{} the word of sample {}.", std::string(80, 'a'), i);
}

std::filesystem::path written(const tests::TemporaryFolder& folder, const std::string& task) {
  tasks::ruler::SampleSetWriter writer(folder.path(), {.task = task,
                                                       .mode = tasks::ruler::Mode::Strict,
                                                       .length = 4096,
                                                       .seed = 42,
                                                       .num_samples = num_samples,
                                                       .tokenizer = {"small", "abc"},
                                                       .generator = "strict"});
  for (int64_t i = 0; i < num_samples; ++i) {
    writer.add({.input = input_of(i), .answer_prefix = " It is", .references = {"x"}});
  }
  return writer.finish();
}

/// Writes what it was asked; a row for every letter.
class Repeater : public SystemUnderTest {
 public:
  [[nodiscard]] const SystemInfo& info() const override { return info_; }
  [[nodiscard]] std::vector<RequestCost> plan(
      std::span<const tasks::Request> requests) const override {
    std::vector<RequestCost> costs;
    for (const auto& request : requests) {
      const auto& generation = std::get<tasks::GenerateText>(request);
      const auto letters = static_cast<int64_t>(generation.prompt.size());
      costs.push_back(
          {.rows = letters, .rows_unshared = letters, .new_tokens = generation.max_new_tokens});
    }
    return costs;
  }
  [[nodiscard]] std::optional<double> expected_seconds(const RequestCost&) override { return {}; }
  void answer(std::span<const tasks::Request> requests,
              const std::function<void(size_t, tasks::Response)>& on_response) override {
    for (size_t i = 0; i < requests.size(); ++i) {
      asked.push_back(std::get<tasks::GenerateText>(requests[i]).prompt);
      on_response(i, tasks::GeneratedText{.text = asked.back(),
                                          .finish_reason = tasks::FinishReason::Length,
                                          .num_tokens = 1,
                                          .context_ids = {},
                                          .token_ids = {}});
    }
  }
  std::vector<std::string> asked;

 private:
  SystemInfo info_{.name = "repeater",
                   .identity = {{"system", "repeater"}},
                   .description = OrderedJson::object(),
                   .numeric_mode = "exact",
                   .dtype = "none"};
};

class RulerSets : public testing::Test {
 protected:
  std::vector<PlannedTask> planned() const {
    PlanOptions options;
    options.tasks = {"vt", "fwe"};
    options.sets = {folder_.path()};
    return plan_tasks(options);
  }
  tests::TemporaryFolder folder_;
  std::filesystem::path vt_ = written(folder_, "vt"), fwe_ = written(folder_, "fwe");
};

TEST_F(RulerSets, PromptsAreHeldNowhereAndReadWhereTheyAreAsked) {
  for (const auto& task : planned()) {
    ASSERT_EQ(task.documents.size(), static_cast<size_t>(num_samples));
    for (const auto& document : task.documents) {
      EXPECT_EQ(std::get<tasks::GenerateText>(document.requests.at(0)).prompt, "");
      EXPECT_FALSE(document.document->fields.contains("prompt"));
      const auto requests = requests_of(task, document);
      EXPECT_EQ(std::get<tasks::GenerateText>(requests.at(0)).prompt,
                input_of(document.document->index) + " It is");
    }
  }
}

TEST_F(RulerSets, TheRunIsTheOneInWhichPromptsAreHeld) {
  auto held = planned();
  for (auto& task : held) {
    for (auto& document : task.documents) document.requests = requests_of(task, document);
    task.read_prompt = nullptr;
  }
  const auto read = planned();
  const Repeater system;
  EXPECT_EQ(describe_run(describe_cells(read), system, {}).key,
            describe_run(describe_cells(held), system, {}).key);
  const auto places = [&](const std::vector<PlannedTask>& tasks) {
    std::vector<std::tuple<size_t, size_t, int64_t>> all;
    for (const auto& batch : make_plan(tasks, system).batches) {
      for (const auto& document : batch) {
        all.emplace_back(document.task, document.document, document.cost.rows);
      }
    }
    return all;
  };
  EXPECT_EQ(places(read), places(held));
  EXPECT_EQ(std::get<2>(places(read).front()), std::ssize(input_of(0) + " It is"));
}

TEST_F(RulerSets, EverySampleIsAskedAndStoredWithItsPrompt) {
  const auto tasks = planned();
  Repeater system;
  auto store = reports::Store::open(folder_ / "a.db");
  const auto cells = describe_cells(tasks);
  auto run = store.begin(describe_run(cells, system, {}), cells);
  EXPECT_EQ(run_plan(tasks, make_plan(tasks, system), system, store, run), RunEnd::Complete);
  std::vector<std::string> expected;
  for (int64_t i = 0; i < num_samples; ++i) {
    expected.insert(expected.end(), 2, input_of(i) + " It is");
  }
  EXPECT_THAT(system.asked, testing::UnorderedElementsAreArray(expected));
  std::ostringstream out;
  reports::export_samples(store, run.id(), {.text = true}, out);
  EXPECT_THAT(out.str(), AllOf(HasSubstr(input_of(0) + " It is"), HasSubstr(input_of(4))));
}

TEST_F(RulerSets, ASetThatChangesBeneathARunIsTold) {
  const auto tasks = planned();
  write_text_file(vt_, replace_all(read_text_file(vt_), "of sample 3", "of Sample 3"));
  const auto& task = tasks.at(0);
  EXPECT_THAT(error_of([&] { (void)requests_of(task, task.documents.at(3)); }),
              AllOf(HasSubstr(vt_.string() + ":5: sample 3 was changed since the set was opened"),
                    HasSubstr("expected sha256"), HasSubstr(", found ")));
  EXPECT_EQ(requests_of(task, task.documents.at(2)).size(), 1U);
}

}  // namespace
}  // namespace hylo::harness
