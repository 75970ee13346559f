// hylo list: tasks, models, data sets.

#include <algorithm>
#include <filesystem>

#include "harness/base/files.h"
#include "tests/harness/cli/program.h"

namespace hylo::tests {
namespace {

using testing::AllOf;
using testing::HasSubstr;

Json named(const Json& rows, const std::string& name) {
  for (const auto& row : rows) {
    if (row["name"] == name) return row;
  }
  ADD_FAILURE() << "no row of the name " << name;
  return Json::object();
}

TEST(List, ATaskShowsWhatItMeasuresAndWhereItComesFrom) {
  const auto tasks = json_of_hylo({"list", "tasks", "--json"})["tasks"];
  const auto arc = named(tasks, "arc_easy");
  EXPECT_EQ(arc["metrics"][0]["metric"], "acc");
  EXPECT_EQ(arc["num_fewshot"], 0);
  EXPECT_NE(arc["source"], "");
  EXPECT_NE(arc["licence"], "");
  EXPECT_EQ(named(tasks, "gsm8k")["num_fewshot"], 5);
}

TEST(List, AGroupShowsItsMembersWithTheirMetrics) {
  const auto groups = json_of_hylo({"list", "groups", "--json"})["groups"];
  const auto zebra = named(groups, "zebra8");
  EXPECT_EQ(zebra["members"].size(), 8);
  EXPECT_EQ(zebra["tasks"].size(), 7 + 57);
  EXPECT_EQ(named(groups, "mmlu")["means"][0], "of documents");
  EXPECT_EQ(named(zebra["members"], "winogrande")["metric"], "acc");
}

TEST(List, WithoutADataFolderTasksSayHowToNameOne) {
  const auto result = run_hylo({"list", "tasks"});
  EXPECT_EQ(result.exit_code, 0);
  EXPECT_THAT(result.out, AllOf(HasSubstr("arc_easy"), HasSubstr("no data folder named"),
                                HasSubstr("--data or HYLO_DATA")));
}

TEST(List, ATaskThatNeedsNoOutsideDataCanAlwaysRun) {
  const auto tasks = json_of_hylo({"list", "tasks", "--json"})["tasks"];
  const auto is_ready = [](const Json& task) {
    return task["data"] == "generated" || task["data"] == "found";
  };
  EXPECT_TRUE(std::ranges::any_of(tasks, is_ready));
}

TEST(List, InAnEmptyDataFolderDataIsMissing) {
  const TemporaryFolder empty;
  const auto by_flag = json_of_hylo({"list", "tasks", "--data", empty.path(), "--json"})["tasks"];
  EXPECT_EQ(named(by_flag, "arc_easy")["data"], "missing");
  const auto by_variable =
      json_of_hylo({"list", "tasks", "--json"}, {.environment = {{"HYLO_DATA", empty.path()}}});
  EXPECT_EQ(by_variable["tasks"], by_flag);
}

TEST(List, AFileOfAnotherSizeIsNotTakenForTheDataSet) {
  const TemporaryFolder folder;
  const auto arc = named(json_of_hylo({"list", "datasets", "--json"})["datasets"], "arc_easy");
  const std::filesystem::path file = folder.path() / arc["files"][0]["path"].get<std::string>();
  std::filesystem::create_directories(file.parent_path());
  write_text_file(file, "{}\n");
  const auto found = json_of_hylo({"list", "datasets", "--data", folder.path(), "--json"});
  EXPECT_EQ(named(found["datasets"], "arc_easy")["files"][0]["state"], "other size");
}

/// A data folder with these files of the published forms.
class PublishedForms : public TemporaryFolder {
 public:
  void add(const std::string& suite, const std::string& split) const {
    std::filesystem::create_directories(path() / suite);
    std::filesystem::copy_file(fixture("published-forms/" + suite + ".jsonl"),
                               path() / suite / (split + ".jsonl"));
  }
  [[nodiscard]] Json listed(const std::string& task) const {
    return named(json_of_hylo({"list", "tasks", "--data", path(), "--json"})["tasks"], task);
  }
};

TEST(List, ATaskWithoutItsPoolSaysWhatIsThereAndWhatIsNot) {
  const PublishedForms data;
  data.add("commonsense_qa", "validation");
  data.add("hellaswag", "validation");
  EXPECT_EQ(data.listed("commonsense_qa")["data"], "found; few-shot pool missing");
  EXPECT_EQ(data.listed("hellaswag")["data"],
            "found; few-shot pool missing, validation in its place");
  data.add("commonsense_qa", "train");
  EXPECT_EQ(data.listed("commonsense_qa")["data"], "found");
}

TEST(List, TextThatStandsInForThePublishedFileIsToldFromIt) {
  const PublishedForms data;
  data.add("hellaswag", "train");
  const auto text = data.path() / "hellaswag/hellaswag_val_full.txt";
  constexpr int published_bytes = 7770677;
  write_text_file(text, std::string(published_bytes, 'a'));
  const auto task = data.listed("hellaswag");
  EXPECT_EQ(task["data"], "stand-in found, published file missing");
  EXPECT_EQ(task["stand_in"]["file"], "hellaswag/hellaswag_val_full.txt");
  EXPECT_THAT(task["stand_in"]["difference"].get<std::string>(), HasSubstr("capital letters"));
  data.add("hellaswag", "validation");
  EXPECT_EQ(data.listed("hellaswag")["data"], "found");
  EXPECT_EQ(data.listed("hellaswag")["stand_in"], nullptr);
}

TEST(List, ATaskShowsItsPool) {
  const PublishedForms data;
  data.add("hellaswag", "validation");
  Json expected{
      {"dataset", "hellaswag"}, {"split", "train"}, {"data", "missing"}, {"used", "validation"}};
  EXPECT_EQ(data.listed("hellaswag")["fewshot_pool"], expected);
  data.add("hellaswag", "train");
  expected["data"] = "found";
  expected["used"] = "train";
  EXPECT_EQ(data.listed("hellaswag")["fewshot_pool"], expected);
  EXPECT_EQ(data.listed("gsm8k_cot")["fewshot_pool"]["split"], "fixed");
  EXPECT_EQ(data.listed("story_openings")["fewshot_pool"], nullptr);
  EXPECT_EQ(data.listed("sciq")["fewshot_pool"]["used"], nullptr);
}

TEST(List, ADataFolderThatIsNotThereIsTold) {
  EXPECT_THAT(error_of_hylo({"list", "tasks", "--data", "/nowhere/at-all"}),
              AllOf(HasSubstr("--data"), HasSubstr("/nowhere/at-all")));
  EXPECT_THAT(error_of_hylo({"list", "datasets"}, {.environment = {{"HYLO_DATA", "/nowhere"}}}),
              HasSubstr("HYLO_DATA"));
}

TEST(List, WhatShipsIsFoundWithoutADataFolder) {
  const auto datasets = json_of_hylo({"list", "datasets", "--json"})["datasets"];
  EXPECT_EQ(named(datasets, "stories")["is_complete"], true);
  EXPECT_EQ(named(datasets, "arc_easy")["is_complete"], false);
}

TEST(List, ModelsHaveExactParameters) {
  const auto result = run_hylo({"list", "models"});
  EXPECT_EQ(result.exit_code, 0);
  EXPECT_THAT(result.out, AllOf(HasSubstr("llama-3.2-1b"), HasSubstr("1,235,814,400")));
  const auto models = json_of_hylo({"list", "models", "--json"})["models"];
  EXPECT_EQ(named(models, "qwen3-8b")["parameters"], 8'190'735'360);
}

TEST(ListGoldens, TheDataFolderHasTheFilesOfTheManifests) {
  const auto folder = data(".");
  if (!folder) GTEST_SKIP() << skip_reason("HYLO_DATA", "the data sets");
  const auto found = json_of_hylo({"list", "datasets", "--data", *folder, "--json"});
  const auto is_complete = [](const Json& dataset) { return dataset["is_complete"].get<bool>(); };
  if (std::ranges::count_if(found["datasets"], is_complete) < 2) {
    GTEST_SKIP() << "HYLO_DATA holds none of the data sets";
  }
  for (const auto& task : json_of_hylo({"list", "tasks", "--data", *folder, "--json"})["tasks"]) {
    const auto& name = task["dataset"];
    if (name.is_null() || !is_complete(named(found["datasets"], name))) continue;
    EXPECT_EQ(task["data"], "found") << task["name"];
  }
}

}  // namespace
}  // namespace hylo::tests
