// Stored answers scored again: what is made anew, and what is refused.
#include "harness/runner/rescore.h"

#include <SQLiteCpp/Database.h>
#include <gmock/gmock.h>

#include "harness/base/files.h"
#include "harness/base/unicode.h"
#include "harness/runner/run_record.h"
#include "harness/runner/runner.h"
#include "harness/system/scripted_system.h"
#include "reports/store/check.h"
#include "tests/support/test_data.h"

namespace hylo::harness {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::IsEmpty;
using tests::error_of;
using tests::TemporaryFolder;

constexpr auto task_file = R"({
  "name": "capitals",
  "version": "1.0",
  "kind": "choice",
  "data": {"file": "capitals.jsonl"},
  "fewshot": {"count": 2, "file": "pool.jsonl"},
  "prompt": {
    "description": "Capitals.\n\n",
    "question": "What is the capital of {country}?",
    "choices": ["cities.*"],
    "answer": "capital",
    "cluster": "continent",
    "metrics": ["acc"]
  }
})";

constexpr auto documents =
    R"({"country": "France", "cities": ["Lyon", "Paris"], "capital": 1, "continent": "Europe"}
{"country": "Italy", "cities": ["Rome", "Milan"], "capital": 0, "continent": "Europe"}
{"country": "Peru", "cities": ["Lima", "Cusco"], "capital": 0, "continent": "America"}
)";

constexpr auto pool =
    R"({"country": "Japan", "cities": ["Osaka", "Kyoto", "Tokyo"], "capital": 2, "continent": "Asia"}
{"country": "Nepal", "cities": ["Kathmandu", "Patan"], "capital": 0, "continent": "Asia"}
{"country": "Kenya", "cities": ["Nairobi", "Mombasa"], "capital": 0, "continent": "Africa"}
)";

/// A store with one run of a task file that shows two worked examples of a file of its own.
class Rescore : public testing::Test {
 protected:
  Rescore() {
    write_text_file(folder_ / "capitals.json", task_file);
    write_text_file(folder_ / "capitals.jsonl", documents);
    write_text_file(folder_ / "pool.jsonl", pool);
  }

  void run(const tasks::PromptOptions& prompts = {}) {
    CrcSystem system;
    const auto tasks = plan_tasks({.tasks = {folder_ / "capitals.json"}, .prompts = prompts});
    const auto plan = make_plan(tasks, system);
    const auto cells = describe_cells(tasks);
    auto handle = store_.begin(describe_run(cells, system, {}), cells);
    run_plan(tasks, plan, system, store_, handle);
  }

  Rescored again(bool write = true) {
    return rescore(store_, store_.find_run("latest"), {}, write);
  }

  void replace(const std::string& name, std::string_view old, std::string_view text) {
    write_text_file(folder_ / name, replace_all(read_text_file(folder_ / name), old, text));
  }

  std::string column(const std::string& query) {
    return store_.database().execAndGet(query).getString();
  }

  TemporaryFolder folder_;
  reports::Store store_ = reports::Store::open(folder_ / "hylo.db");
};

TEST_F(Rescore, WorkedExamplesAreThoseThatWereShown) {
  run({.fewshot_seed = 7});
  const auto result = again();
  EXPECT_EQ(result.num_documents, 3);
  EXPECT_EQ(result.num_changed, 0);
  EXPECT_EQ(result.num_regrouped, 0);
}

TEST_F(Rescore, ChatsAreAskedAgainInTheirForm) {
  for (const bool as_turns : {false, true}) {
    run({.form = {.chat = tasks::ChatTemplate::Llama31,
                  .system_instruction = "Be brief.",
                  .fewshot_as_multiturn = as_turns}});
    EXPECT_EQ(again().num_changed, 0);
  }
}

TEST_F(Rescore, ADescriptionThatChangedIsRefusedInEveryForm) {
  for (const auto& prompts :
       std::vector<tasks::PromptOptions>{{},
                                         {.num_fewshot = 0},
                                         {.form = {.chat = tasks::ChatTemplate::Qwen}},
                                         {.form = {.system_instruction = "Be brief."}}}) {
    run(prompts);
    EXPECT_EQ(again(false).num_documents, 3);
    replace("capitals.json", "Capitals.", "Cities.");
    EXPECT_THAT(error_of([&] { again(); }),
                HasSubstr("capitals: document 0 is asked otherwise now than in the run"));
    replace("capitals.json", "Cities.", "Capitals.");
  }
}

TEST_F(Rescore, OtherWorkedExamplesAreRefused) {
  run();
  replace("pool.jsonl", "Kenya", "Egypt");
  EXPECT_THAT(error_of([&] { again(); }),
              AllOf(HasSubstr("capitals: the run's worked examples"), HasSubstr("sha256")));
  replace("pool.jsonl", "Egypt", "Kenya");
  store_.database().exec("UPDATE document SET fewshot_ids = '[1, 9]' WHERE ordinal = 1");
  EXPECT_THAT(error_of([&] { again(); }), HasSubstr("worked example 9 of the run is not in"));
  store_.database().exec("UPDATE document SET fewshot_ids = '[1]' WHERE ordinal = 1");
  EXPECT_THAT(error_of([&] { again(); }), HasSubstr("document 1 is asked otherwise"));
}

TEST_F(Rescore, AChatTemplateThatIsNotKnownIsNamed) {
  run({.form = {.chat = tasks::ChatTemplate::Qwen}});
  store_.database().exec("UPDATE cell SET variant = json_set(variant, '$.chat_template', 'gpt')");
  EXPECT_THAT(error_of([&] { again(); }), HasSubstr("chat template 'gpt'"));
}

TEST_F(Rescore, ClustersThatAnOlderStoreDoesNotHaveAreAdded) {
  run();
  const std::string clusters_query =
      "SELECT group_concat(cluster) FROM (SELECT cluster FROM document ORDER BY ordinal)";
  const auto clusters = column(clusters_query);
  const auto error = column("SELECT clustered_error FROM aggregate");
  // A store of the first version has neither when it is brought to the newest.
  store_.database().exec("UPDATE document SET cluster = NULL");
  store_.database().exec("UPDATE aggregate SET clustered_error = NULL, num_clusters = NULL");
  const auto dry = again(false);
  EXPECT_EQ(dry.num_regrouped, 3);
  EXPECT_EQ(column("SELECT count(cluster) FROM document"), "0");
  const auto result = again();
  EXPECT_EQ(result.num_changed, 0);
  EXPECT_EQ(result.num_regrouped, 3);
  EXPECT_EQ(column("SELECT count(DISTINCT cluster) FROM document"), "2");
  EXPECT_EQ(column(clusters_query), clusters);
  EXPECT_EQ(column("SELECT num_clusters FROM aggregate"), "2");
  EXPECT_EQ(column("SELECT clustered_error FROM aggregate"), error);
  EXPECT_EQ(again().num_regrouped, 0);
  EXPECT_THAT(reports::check(store_), IsEmpty());
}

TEST_F(Rescore, TagsThatTheTaskDoesNotGiveAreTakenAway) {
  run();
  store_.database().exec("UPDATE document SET tags = '{\"depth\":5}' WHERE ordinal = 2");
  EXPECT_EQ(again().num_regrouped, 1);
  EXPECT_EQ(column("SELECT count(tags) FROM document"), "0");
}

}  // namespace
}  // namespace hylo::harness
