// hylo upcycle, hylo distill and hylo train, with the story model as teacher.
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>

#include "harness/base/files.h"
#include "harness/base/json.h"
#include "harness/base/version.h"
#include "harness/training/folder_lock.h"
#include "reports/store/store.h"
#include "reports/store/training_history.h"
#include "tests/harness/cli/program.h"
#include "tests/harness/cli/small_recipe.h"

namespace hylo {
namespace {

namespace fs = std::filesystem;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;
using tests::error_of_hylo;
using tests::fixture;
using tests::json_of_hylo;
using tests::placement;
using tests::run_hylo;
using tests::small_recipe;
using tests::TemporaryFolder;

const std::string model = fixture("stories260k").string();

class TrainingVerbs : public testing::Test {
 protected:
  /// Writes the recipe and gives the words of `hylo distill` on it.
  std::vector<std::string> distill(const OrderedJson& recipe) {
    write_json_file(folder_ / "recipe.json", recipe);
    return {"distill",       "--recipe", folder_ / "recipe.json", "--base",    model, "--out",
            folder_ / "run", "--store",  folder_ / "hylo.db",     "--threads", "1"};
  }
  TemporaryFolder folder_;
};

TEST_F(TrainingVerbs, UpcycleSaysWhatTheStudentIsAndWritesIt) {
  const auto out = (folder_ / "student").string();
  const auto facts =
      json_of_hylo({"upcycle", model, "--placement", placement, "--dry-run", "--json"});
  EXPECT_FALSE(fs::exists(out));
  EXPECT_LT(facts.at("student").at("cache_at_512").at("pages").get<int64_t>(),
            facts.at("student").at("cache_at_512").at("teacher").get<int64_t>() / 4);
  const auto written = run_hylo({"upcycle", model, "--placement", placement, "--out", out});
  EXPECT_EQ(written.exit_code, 0) << written.err;
  const auto inspected = json_of_hylo({"inspect", out, "--json"});
  EXPECT_EQ(inspected.at("network").at("parameters"), facts.at("student").at("parameters"));
  EXPECT_EQ(read_json_file(fs::path(out) / "config.json").at("provenance").at("commit"), commit());
  const auto text =
      run_hylo({"generate", "--model", out, "--prompt", "Once", "--max-new-tokens", "3"});
  EXPECT_EQ(text.exit_code, 0) << text.err;
  EXPECT_THAT(error_of_hylo({"upcycle", model, "--placement", placement, "--out", out}),
              HasSubstr("is there already and not an empty folder"));
}

TEST_F(TrainingVerbs, WhatAKilledUpcycleLeftIsNamedAndNotRemoved) {
  const auto left = folder_ / "student.part" / "model.safetensors";
  fs::create_directories(left.parent_path());
  write_text_file(left, "half");
  EXPECT_THAT(
      error_of_hylo({"upcycle", model, "--placement", placement, "--out", folder_ / "student"}),
      AllOf(HasSubstr("student.part"), HasSubstr("or remove it")));
  EXPECT_EQ(read_text_file(left), "half");
}

TEST_F(TrainingVerbs, DistillTrainsAndLeavesAStudentAndAReport) {
  const auto words = distill(small_recipe());
  const auto first = run_hylo(words);
  ASSERT_EQ(first.exit_code, 0) << first.err;
  EXPECT_THAT(first.out,
              AllOf(HasSubstr("held-out perplexity"), HasSubstr("ratio"), HasSubstr("student: ")));
  EXPECT_THAT(first.err, AllOf(HasSubstr("stage 1/2 'align' (align_layers): 3 steps"),
                               HasSubstr("the teacher's perplexity is")));
  const auto student = (folder_ / "run" / "student").string();
  EXPECT_EQ(json_of_hylo({"inspect", student, "--json"}).at("tokenizer").at("fits_the_model"),
            true);
  const auto spent = read_json_file(fs::path(student) / "training.json").at("spent");
  EXPECT_EQ(spent.at("tokens"), (3 + 4) * 128);
  EXPECT_GT(spent.at("flop"), 0);
  EXPECT_GT(spent.at("device_hours"), 0);
  const auto again = run_hylo(words);
  EXPECT_EQ(again.exit_code, 0) << again.err;
  EXPECT_THAT(again.err, HasSubstr("every stage is done"));
  const auto report = run_hylo({"report", "training", "latest", "--store", folder_ / "hylo.db"});
  EXPECT_EQ(report.exit_code, 0) << report.err;
  EXPECT_THAT(report.out, AllOf(HasSubstr("align"), HasSubstr("distil")));
}

std::vector<std::string> with(std::vector<std::string> words, const std::string& option,
                              const std::string& value) {
  *std::next(std::ranges::find(words, option)) = value;
  return words;
}

TEST_F(TrainingVerbs, RunsAreComparedOnTheHeldOutDocumentsThatTheyShare) {
  auto recipe = small_recipe();
  ASSERT_EQ(run_hylo(distill(recipe)).exit_code, 0);
  recipe["stages"][1]["peak_learning_rate"] = 1e-4;
  ASSERT_EQ(run_hylo(with(distill(recipe), "--out", folder_ / "second")).exit_code, 0);
  recipe["stages"][1]["context_length"] = 48;
  recipe["stages"][0]["context_length"] = 48;
  ASSERT_EQ(run_hylo(with(distill(recipe), "--out", folder_ / "shorter")).exit_code, 0);
  {
    const auto store = reports::Store::open(folder_ / "hylo.db", {.read_only = true});
    // Of 'distil' after 2 of 4 steps, and at the ends of both.
    for (const auto& row : reports::training_validations(store, 1)) {
      EXPECT_EQ(row.documents.empty(), row.place.stage == 1 && row.place.step == 2);
      EXPECT_GT(row.standard_error.value_or(0), 0);
    }
  }
  const auto report = [&](const std::string& one, const std::string& other) {
    return run_hylo({"report", "training", one, other, "--store", folder_ / "hylo.db"}).out;
  };
  EXPECT_THAT(report("1", "2"), HasSubstr("Differences on the same held-out documents"));
  EXPECT_THAT(report("1", "3"), AllOf(Not(HasSubstr("Differences on the same held-out")),
                                      HasSubstr("are read in another context")));
}

/// Kept logits are written once: what resumes or trains again reads them.
TEST_F(TrainingVerbs, DistillLearnsFromKeptLogitsAndThenFromPreferences) {
  std::string pairs;
  for (int i = 0; i < 12; ++i) {
    pairs += fmt::format(
        R"({{"prompt": "Once upon a time, cat {}", "chosen": " ran home.", "rejected": " x x"}})"
        "\n",
        i);
  }
  write_text_file(folder_ / "pairs.jsonl", pairs);
  auto recipe = small_recipe();
  recipe["data"].push_back(
      OrderedJson::parse(R"({"name": "pairs", "kind": "preferences", "files": ["pairs.jsonl"]})"));
  recipe["stages"][1]["teacher_logits"] = {{"top_k", 8}};
  recipe["stages"].push_back(OrderedJson::parse(
      R"({"name": "prefer", "kind": "prefer", "beta": 0.1, "max_prompt_tokens": 24, "steps": 3,
          "context_length": 64, "tokens_per_step": 256, "peak_learning_rate": 1e-4,
          "schedule": {"kind": "constant"}})"));
  auto words = distill(recipe);
  words.insert(words.end(), {"--data", folder_.path().string()});
  const auto run = run_hylo(words);
  ASSERT_EQ(run.exit_code, 0) << run.err;
  EXPECT_THAT(run.err, AllOf(HasSubstr("keeping the teacher's 8 likeliest tokens for"),
                             HasSubstr("held-out pairs"), HasSubstr("the right way round")));
  EXPECT_EQ(std::distance(fs::directory_iterator(folder_ / "run" / "teacher-logits"), {}), 1);
  EXPECT_THAT(run_hylo(words).err, Not(HasSubstr("keeping the teacher's")));
  const auto report = json_of_hylo(
      {"report", "training", "latest", "--store", folder_ / "hylo.db", "--format", "json"});
  EXPECT_TRUE(report.dump().find("\"preference_accuracy\":") != std::string::npos);
}

// A file that may not grow ends as a full disk does, and the training goes on when it may.
TEST_F(TrainingVerbs, AFullDiskUnderKeptLogitsIsToldAndTheSameCommandGoesOn) {
  auto recipe = small_recipe();
  recipe["stages"].erase(0);
  recipe["stages"][0]["teacher_logits"] = {{"top_k", 500}};
  const auto words = distill(recipe);
  const std::string command = fmt::format("{} {}", HYLO_PROGRAM, fmt::join(words, " "));
  const auto full = tests::run_child({"/bin/bash", "-c", "ulimit -f 600; exec " + command});
  EXPECT_EQ(full.exit_code, 2);
  EXPECT_THAT(full.err, AllOf(HasSubstr("teacher-logits/written-"),
                              HasSubstr("cannot be written: File too large; nothing was changed"),
                              HasSubstr("run the same command again")));
  EXPECT_TRUE(fs::is_empty(folder_ / "run" / "teacher-logits"));
  const auto again = run_hylo(words);
  EXPECT_EQ(again.exit_code, 0) << again.err;
}

// What a killed writer left has the name of a draft; it is written over.
TEST_F(TrainingVerbs, HalfOfTheKeptLogitsIsNeverRead) {
  auto recipe = small_recipe();
  recipe["stages"].erase(0);
  recipe["stages"][0]["teacher_logits"] = {{"top_k", 8}};
  const auto words = distill(recipe);
  ASSERT_EQ(run_hylo(words).exit_code, 0);
  const auto logits = *fs::directory_iterator(folder_ / "run" / "teacher-logits");
  const auto student = folder_ / "run" / "student" / "model.safetensors";
  const auto kept = read_text_file(logits), weights = read_text_file(student);
  fs::remove_all(folder_ / "run" / "student");
  fs::remove_all(folder_ / "run" / "checkpoints");
  fs::remove(logits);
  write_text_file(logits.path().string() + ".part", kept.substr(0, kept.size() / 2));
  const auto again = run_hylo(words);
  ASSERT_EQ(again.exit_code, 0) << again.err;
  EXPECT_TRUE(read_text_file(logits) == kept);
  EXPECT_TRUE(read_text_file(student) == weights);
  EXPECT_FALSE(fs::exists(logits.path().string() + ".part"));
}

TEST_F(TrainingVerbs, DamagedFilesOfATrainingSayWhatToDo) {
  auto recipe = small_recipe();
  recipe["stages"].erase(0);
  recipe["stages"][0]["teacher_logits"] = {{"top_k", 8}};
  recipe["stages"][0]["checkpoint_every"] = 2;
  const auto words = distill(recipe);
  ASSERT_EQ(run_hylo(words).exit_code, 0);
  const auto run = folder_ / "run";
  fs::remove_all(run / "student");
  fs::remove_all(run / "checkpoints" / "stage-0001-step-000000000000");  // The end of it.
  const auto cut = [&](const fs::path& file) {
    const auto whole = read_text_file(file);
    fs::resize_file(file, whole.size() / 2);
    const auto refused = run_hylo(words);
    EXPECT_EQ(refused.exit_code, 2);
    write_text_file(file, whole);
    return refused.err;
  };
  constexpr auto anew = "remove it, and the same command makes it anew";
  EXPECT_THAT(cut(*fs::directory_iterator(run / "teacher-logits")),
              AllOf(HasSubstr("the file has"), HasSubstr(anew)));
  EXPECT_THAT(cut(*fs::directory_iterator(run / "teacher-text")),
              AllOf(HasSubstr("the file has"), HasSubstr(anew)));
  EXPECT_THAT(cut(run / "teacher-held-out.json"), AllOf(HasSubstr("not JSON"), HasSubstr(anew)));
  const auto checkpoint = run / "checkpoints" / "stage-0000-step-000000000002";
  for (const auto* name : {"training.json", "optimizer.safetensors", "model.safetensors"}) {
    EXPECT_THAT(cut(checkpoint / name),
                AllOf(HasSubstr(name), HasSubstr("the same command then goes on")));
  }
  EXPECT_EQ(run_hylo(words).exit_code, 0);
}

TEST_F(TrainingVerbs, WhatIsWrongWithATrainingIsToldBeforeLogitsAreKept) {
  auto recipe = small_recipe();
  ASSERT_EQ(run_hylo(distill(recipe)).exit_code, 0);
  recipe["stages"][1]["teacher_logits"] = {{"top_k", 8}};
  const auto refused = run_hylo(distill(recipe));
  EXPECT_EQ(refused.exit_code, 2);
  EXPECT_THAT(refused.err, AllOf(HasSubstr("recipe.stages[1].teacher_logits"),
                                 Not(HasSubstr("keeping the teacher's"))));
  EXPECT_FALSE(fs::exists(folder_ / "run" / "teacher-logits"));
}

TEST_F(TrainingVerbs, DistillMakesMixturesOfExpertsAndNarrowerNetworks) {
  auto recipe = small_recipe();
  recipe["stages"].erase(0);
  recipe["student"] = {{"experts", {{"num_experts", 3}, {"experts_per_token", 1}}}};
  recipe["stages"][0]["router"] = {{"balance_weight", 0.01}};
  const auto of_experts = run_hylo(distill(recipe));
  ASSERT_EQ(of_experts.exit_code, 0) << of_experts.err;
  fs::remove_all(folder_ / "run");
  recipe["stages"][0].erase("router");
  recipe["student"] = OrderedJson::parse(
      R"({"narrow": {"width": 48, "feed_forward_width": 96, "num_layers": 4, "sequences": 4,
                     "tokens": 32}})");
  const auto narrower = run_hylo(distill(recipe));
  ASSERT_EQ(narrower.exit_code, 0) << narrower.err;
  const auto network =
      json_of_hylo({"inspect", (folder_ / "run" / "student").string(), "--json"}).at("network");
  EXPECT_EQ(network.at("width"), 48);
}

TEST_F(TrainingVerbs, ADryRunWritesNothing) {
  auto words = distill(small_recipe());
  words.emplace_back("--dry-run");
  const auto planned = run_hylo(words);
  EXPECT_EQ(planned.exit_code, 0) << planned.err;
  EXPECT_THAT(planned.out,
              AllOf(HasSubstr("cache at 512"), HasSubstr("align_layers"),
                    HasSubstr("384: 3 steps of 128, context 64"), HasSubstr("at its largest")));
  EXPECT_FALSE(fs::exists(folder_ / "run"));
  EXPECT_FALSE(fs::exists(folder_ / "hylo.db"));
}

TEST_F(TrainingVerbs, TheTeachersLossIsMeasuredOnceAndKept) {
  const auto words = distill(small_recipe());
  ASSERT_EQ(run_hylo(words).exit_code, 0);
  const auto file = folder_ / "run" / "teacher-held-out.json";
  auto kept = read_json_file(file);
  kept["cross_entropy"] = 0.0;
  write_json_file(file, kept);
  fs::remove_all(folder_ / "run" / "checkpoints");
  EXPECT_THAT(run_hylo(words).err, HasSubstr("the teacher's perplexity is 1 over"));
  kept["measured_of"] = "something else";
  write_json_file(file, kept);
  fs::remove_all(folder_ / "run" / "checkpoints");
  EXPECT_THAT(run_hylo(words).err, testing::Not(HasSubstr("the teacher's perplexity is 1 over")));
}

TEST_F(TrainingVerbs, TwoTrainingsDoNotShareAFolder) {
  const harness::FolderLock other(folder_ / "run");
  EXPECT_THAT(
      error_of_hylo(distill(small_recipe())),
      AllOf(HasSubstr("run: another training writes into this folder"), HasSubstr("--out")));
}

TEST_F(TrainingVerbs, ADryRunCountsTheBaseAsLongAsItIsThere) {
  auto words = distill(small_recipe());
  words.insert(words.end(), {"--teacher", model, "--dry-run", "--json"});
  const auto plan = json_of_hylo(words);
  const auto teachers = [&](const char* stage) {
    return plan.at(stage).at("memory").at("teachers").get<int64_t>();
  };
  EXPECT_GT(teachers("stage_distil"), 0);
  EXPECT_EQ(teachers("stage_align"), 2 * teachers("stage_distil"));
}

TEST_F(TrainingVerbs, ADryRunTellsHoursOnANamedDevice) {
  auto words = distill(small_recipe());
  words.insert(words.end(), {"--dry-run", "--json", "--device", "mi300x"});
  const auto plan = json_of_hylo(words);
  const auto& stage = plan.at("stage_distil");
  EXPECT_EQ(stage.at("tokens"), 4 * 128);
  const auto& flop = stage.at("flop");
  EXPECT_EQ(flop.at("backward"), 2 * flop.at("forward").get<double>());
  EXPECT_GT(flop.at("teacher"), 0);
  // 163.4 TFLOP/s in float32, 40 % of it sustained.
  EXPECT_NEAR(stage.at("device_hours").get<double>(),
              flop.at("total").get<double>() / (163.4e12 * 0.4) / 3600, 1e-15);
  EXPECT_GT(stage.at("memory").at("peak_bytes"), stage.at("memory").at("optimizer"));
  EXPECT_EQ(plan.at("device").at("utilisation"), 0.4);
  words.back() = "abacus";
  EXPECT_THAT(error_of_hylo(words), AllOf(HasSubstr("--device abacus"), HasSubstr("h100-sxm")));
}

TEST_F(TrainingVerbs, AChangedRecipeIsRefusedWithWhatChanged) {
  auto recipe = small_recipe();
  ASSERT_EQ(run_hylo(distill(recipe)).exit_code, 0);
  recipe["stages"][1]["steps"] = 9;
  const auto refused = run_hylo(distill(recipe));
  EXPECT_EQ(refused.exit_code, 2);
  EXPECT_THAT(refused.err, HasSubstr("recipe.stages[1].steps: 9, was 4"));
}

TEST_F(TrainingVerbs, WhatIsMissingOrMisspeltIsNamed) {
  auto recipe = small_recipe();
  recipe["stages"][0]["layer_wieght"] = 2;
  EXPECT_THAT(error_of_hylo(distill(recipe)), HasSubstr("stages[0].layer_wieght"));
  write_text_file(folder_ / "cut.json", "{\"name\": \"small\",\n \"stages\": [{\"steps\"");
  EXPECT_THAT(
      error_of_hylo({"distill", "--recipe", folder_ / "cut.json", "--out", folder_ / "run"}),
      AllOf(HasSubstr("cut.json: not JSON: it ends at line 2, column 21"),
            HasSubstr("is it cut off?"), Not(HasSubstr("exception"))));
  EXPECT_THAT(error_of_hylo({"distill", "--recipe", "storys", "--out", folder_ / "run"}),
              AllOf(HasSubstr("--recipe storys"), HasSubstr("stories")));
  EXPECT_THAT(error_of_hylo({"distill", "--recipe", "stories", "--out", folder_ / "run"}),
              HasSubstr("--base"));
  EXPECT_THAT(error_of_hylo(
                  {"train", "--recipe", "stories", "--tokenizer", model, "--out", folder_ / "run"}),
              HasSubstr("`hylo distill` carries it out"));
  EXPECT_THAT(error_of_hylo({"upcycle", model, "--out", folder_ / "run"}),
              HasSubstr("either --placement"));
}

TEST_F(TrainingVerbs, TrainBeginsWithRandomWeights) {
  write_text_file(folder_ / "text.jsonl",
                  "{\"text\": \"Once upon a time there was a cat.\"}\n"
                  "{\"text\": \"Once upon a time there was a dog.\"}\n");
  auto recipe = small_recipe();
  recipe.erase("student");
  recipe.erase("held_out");
  recipe["model"] = OrderedJson::parse(
      R"({"width": 16, "num_layers": 2, "num_heads": 2, "feed_forward_width": 24, "max_positions": 64})");
  recipe["data"] =
      OrderedJson::parse(R"([{"name": "cats", "kind": "json_lines", "files": ["text.jsonl"]}])");
  recipe["stages"].erase(0);
  recipe["stages"][0]["kind"] = "next_token";
  write_json_file(folder_ / "recipe.json", recipe);
  const std::vector<std::string> words{
      "train",         "--recipe", folder_ / "recipe.json", "--tokenizer",
      model,           "--data",   folder_.path(),          "--out",
      folder_ / "run", "--store",  folder_ / "hylo.db"};
  const auto trained = run_hylo(words);
  ASSERT_EQ(trained.exit_code, 0) << trained.err;
  const auto student = (folder_ / "run" / "student").string();
  EXPECT_EQ(json_of_hylo({"inspect", student, "--json"}).at("network").at("num_layers"), 2);
  write_text_file(folder_ / "text.jsonl", "{\"text\": \"Once\"}\n{\"text\": \n");
  fs::remove_all(folder_ / "run");
  EXPECT_THAT(error_of_hylo(words), HasSubstr("text.jsonl:2"));
}

}  // namespace
}  // namespace hylo
