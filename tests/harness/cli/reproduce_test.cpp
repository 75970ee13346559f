// hylo reproduce headline: the steps, and the whole of it with trainings of two steps.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <filesystem>
#include <set>
#include <string>
#include <thread>

#include "harness/base/files.h"
#include "harness/base/json.h"
#include "tests/harness/cli/program.h"

namespace hylo {
namespace {

namespace fs = std::filesystem;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;
using tests::error_of_hylo;
using tests::run_hylo;
using tests::TemporaryFolder;

constexpr const char* arms[] = {"teacher", "hybrid", "teacher-long"};

std::string recipe_name(const std::string& arm) { return "headline-small-" + arm + ".json"; }

/// The shipped recipes, cut to two short steps a stage on a few documents.
void write_short_recipes(const fs::path& folder) {
  for (const auto* arm : arms) {
    auto recipe = read_json_file(shipped_file("models/recipes") / recipe_name(arm));
    for (auto& source : recipe["data"]) source["documents"] = source["kind"] == "copies" ? 200 : 8;
    recipe["held_out"]["share"] = 0.1;
    for (auto& stage : recipe["stages"]) {
      stage["steps"] = 2;
      stage["tokens_per_step"] = stage["tokens_per_pass"] = stage["context_length"];
      stage["schedule"] = {{"kind", "constant"}};
      stage.erase("validate_every");
      stage.erase("checkpoint_every");
    }
    write_text_file(folder / recipe_name(arm), recipe.dump());
  }
}

TEST(ReproduceVerb, PrintsTheCommandsThatItWouldBe) {
  const TemporaryFolder folder;
  const auto result = run_hylo({"reproduce", "headline", "--small", "--dry-run", "--out",
                                folder / "it is", "--samples", "7"});
  ASSERT_EQ(result.exit_code, 0) << result.err;
  EXPECT_EQ(std::ranges::count(result.out, '\n'), 18) << "nine steps, each with its title";
  EXPECT_THAT(result.out, AllOf(HasSubstr("\nhylo train --recipe headline-small-teacher --out '"),
                                HasSubstr("it is/teacher-yarn' --yarn 32\n"),
                                HasSubstr("--lengths 256,512,1024,2048,4096,8192 --tasks "
                                          "niah_single_1,niah_single_2,niah_single_3 --samples 7 "),
                                HasSubstr("--name hybrid")));
  EXPECT_FALSE(fs::exists(folder / "it is"));
}

TEST(ReproduceVerb, SaysWhatTheBigOneWouldTake) {
  EXPECT_THAT(error_of_hylo({"reproduce", "headline"}),
              AllOf(HasSubstr("days of GPUs"), HasSubstr("hylo reproduce headline --small")));
}

TEST(ReproduceVerb, RefusesAFolderThatCannotBe) {
  const TemporaryFolder folder;
  write_text_file(folder / "file", "");
  EXPECT_THAT(error_of_hylo({"reproduce", "headline", "--small", "--out", folder / "file"}),
              AllOf(HasSubstr("--out"), HasSubstr("file: cannot be made: Not a directory")));
}

TEST(ReproduceVerb, EndsWithTheStepThatFailed) {
  const TemporaryFolder folder;
  const auto result = run_hylo(
      {"reproduce", "headline", "--small", "--recipes", folder / "none", "--out", folder / "out"});
  EXPECT_EQ(result.exit_code, 2);
  EXPECT_THAT(result.err, AllOf(HasSubstr("[1/9]"), HasSubstr("headline-small-teacher.json"),
                                Not(HasSubstr("[2/9]"))));
}

TEST(ReproduceVerb, EndsInOrderWhenItIsTerminated) {
  const TemporaryFolder folder;
  fs::create_directory(folder / "recipes");
  write_short_recipes(folder / "recipes");
  auto recipe = read_json_file(folder / "recipes" / recipe_name("teacher"));
  recipe["stages"][0]["steps"] = 1000000;
  recipe["stages"][0]["checkpoint_every"] = 10;
  write_text_file(folder / "recipes" / recipe_name("teacher"), recipe.dump());
  tests::Child program({HYLO_PROGRAM, "reproduce", "headline", "--small", "--recipes",
                        folder / "recipes", "--out", folder / "out"});
  const auto first = folder / "out/teacher/checkpoints/stage-0000-step-000000000010";
  while (!fs::exists(first) && !program.has_ended()) {
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  program.send(SIGTERM);
  const auto result = program.wait();
  EXPECT_EQ(result.exit_code, 128 + SIGTERM);
  EXPECT_THAT(result.err, AllOf(HasSubstr("hylo: interrupted; the same command goes on from"),
                                Not(HasSubstr("[2/9]"))));
}

TEST(ReproduceVerb, RefusesAFolderOfOtherSamples) {
  const TemporaryFolder folder;
  const auto with_samples = [&](const char* samples) -> std::vector<std::string> {
    return {"reproduce", "headline",      "--small", "--samples",   samples,
            "--recipes", folder / "none", "--out",   folder / "out"};
  };
  EXPECT_EQ(run_hylo(with_samples("2")).exit_code, 2) << "there are no recipes";
  EXPECT_THAT(error_of_hylo(with_samples("3")),
              AllOf(HasSubstr("was begun with"), HasSubstr("\"samples\":2"),
                    HasSubstr("name another folder")));
}

TEST(ReproduceVerb, TrainsMeasuresAndReports) {
  const TemporaryFolder folder;
  fs::create_directory(folder / "recipes");
  write_short_recipes(folder / "recipes");
  const std::vector<std::string> words{
      "reproduce", "headline", "--small", "--recipes", folder / "recipes", "--out", folder / "out",
      "--samples", "2",        "--up-to", "3",         "--threads",        "1"};
  const auto first = run_hylo(words);
  ASSERT_EQ(first.exit_code, 0) << first.err;
  EXPECT_THAT(first.out, AllOf(HasSubstr("teacher with YaRN"), HasSubstr("512 (2x)"),
                               HasSubstr("niah_single_3"), HasSubstr("16 and 32 times")));
  EXPECT_THAT(read_text_file(folder / "out/report.html"), HasSubstr("<svg"));

  const auto report = read_json_file(folder / "out/report.json");
  ASSERT_EQ(report["rows"].size(), 8) << "four models at two lengths";
  std::set<std::string> models;
  for (const auto& row : report["rows"]) {
    models.insert(row["arm"]);
    EXPECT_GT(row["seconds_a_prompt"], 0);
    const double sum = row["niah_single_1"].get<double>() + row["niah_single_2"].get<double>() +
                       row["niah_single_3"].get<double>();
    EXPECT_NEAR(row["score"].get<double>(), sum / 3, 1e-12);
    EXPECT_LE(row["score"], 1);
    const bool is_hybrid = row["arm"] == "hybrid";
    // Keys and values of two heads of 32 in four layers, in float32; of the hybrid one latent of 32
    // and a rotary key of 16 in one.
    const int64_t bytes_a_token = is_hybrid ? (32 + 16) * 4 : 4 * 2 * 2 * 32 * 4;
    EXPECT_EQ(row["cache_bytes"], row["length"].get<int64_t>() * bytes_a_token);
    EXPECT_EQ(row["state_bytes"] == 0, !is_hybrid);
    const double all = row["cache_bytes"].get<double>() + row["state_bytes"].get<double>();
    EXPECT_DOUBLE_EQ(row["share_of_teachers_cache"].get<double>(),
                     all / (row["length"].get<double>() * 4 * 2 * 2 * 32 * 4));
  }
  EXPECT_EQ(models.size(), 4);

  EXPECT_EQ(std::ranges::count(read_text_file(folder / "out/report.csv"), '\n'), 9);

  const auto again = run_hylo(words);
  ASSERT_EQ(again.exit_code, 0) << again.err;
}

TEST(ReproduceSlow, TheHybridFindsAt32TimesTheLengthOfItsTeacher) {
  const TemporaryFolder folder;
  const auto result = run_hylo({"reproduce", "headline", "--small", "--out", folder / "out"});
  ASSERT_EQ(result.exit_code, 0) << result.err;
  const auto report = read_json_file(folder / "out/report.json");
  const auto score = [&](const std::string& arm, int64_t times) {
    for (const auto& row : report["rows"]) {
      if (row["arm"] == arm && row["times"] == times) return row["score"].get<double>();
    }
    return -1.;
  };
  EXPECT_GE(score("hybrid", 16), 0.9) << result.out;
  EXPECT_GE(score("hybrid", 32), 0.7);
  EXPECT_LE(score("teacher", 32), 0.1);
  EXPECT_LE(score("teacher with YaRN", 32), score("hybrid", 32) - 0.1);
  for (const auto& row : report["rows"]) {
    if (row["arm"] == "hybrid" && row["times"] >= 16) {
      EXPECT_LE(row["share_of_teachers_cache"], 0.1);
    }
  }
}

}  // namespace
}  // namespace hylo
