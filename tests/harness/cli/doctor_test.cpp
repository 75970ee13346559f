// hylo doctor. Speeds are only asked to be there: a test has no clock.

#include "tests/harness/cli/program.h"

namespace hylo::tests {
namespace {

using testing::AllOf;
using testing::HasSubstr;

TEST(Doctor, PackagesCarryTheirVersions) {
  const auto packages = json_of_hylo({"doctor", "--quick", "--json"})["packages"];
  for (const auto* name : {"hylo", "LibTorch", "sentencepiece", "SQLite", "PCRE2", "utf8proc",
                           "Highway", "fmt", "nlohmann_json", "CLI11", "simdjson", "OpenSSL"}) {
    EXPECT_THAT(packages[name].get<std::string>(), testing::ContainsRegex("^[0-9]+\\.[0-9]+"))
        << name;
  }
}

TEST(Doctor, LibTorchSaysWhatMultipliesFloat32Matrices) {
  const auto products =
      json_of_hylo({"doctor", "--quick", "--json"})["packages"]["float32_products"];
  EXPECT_THAT(products["library"].get<std::string>(), testing::Not(testing::IsEmpty()));
  EXPECT_THAT(run_hylo({"doctor", "--quick"}).out,
              HasSubstr(products["library"].get<std::string>()));
  if (products["library"] == "mkl") {
    EXPECT_THAT(products["version"].get<std::string>(), HasSubstr("Math Kernel Library"));
  }
}

TEST(Doctor, KernelsRunOnTheThreadsThatAreSet) {
  const auto threads =
      json_of_hylo({"doctor", "--quick", "--json"},
                   {.environment = {{"OMP_NUM_THREADS", "2"}}})["machine"]["threads"];
  EXPECT_EQ(threads["expected"], 2);
  EXPECT_EQ(threads["working"], 2);
}

TEST(Doctor, QuickMeasuresNothing) {
  EXPECT_FALSE(json_of_hylo({"doctor", "--quick", "--json"}).contains("measured_speed"));
}

TEST(Doctor, PeopleReadTheSameAsText) {
  const auto result = run_hylo({"doctor", "--quick"});
  EXPECT_EQ(result.exit_code, 0);
  EXPECT_THAT(result.out, AllOf(HasSubstr("LibTorch"), HasSubstr("processor"),
                                HasSubstr("HYLO_DATA"), HasSubstr("none in this build")));
}

TEST(Doctor, FoldersThatAreNamedAndNotThereAreProblemsAndNoFailure) {
  const ChildOptions lost{
      .environment = {{"HYLO_DATA", "/nowhere/data"}, {"HYLO_TEST_DATA", "/nowhere/goldens"}}};
  const auto found = json_of_hylo({"doctor", "--quick", "--json"}, lost);
  EXPECT_THAT(found["problems"].get<std::vector<std::string>>(),
              testing::IsSupersetOf({HasSubstr("/nowhere/data"), HasSubstr("/nowhere/goldens")}));
  EXPECT_THAT(run_hylo({"doctor", "--quick"}, lost).out, HasSubstr("PROBLEM: /nowhere/data"));
}

TEST(Doctor, TheStoreNeedNotBeThereButItsFolderMustBeWritable) {
  const TemporaryFolder folder;
  const auto store =
      json_of_hylo({"doctor", "--quick", "--json", "--store", folder / "new" / "hylo.db"})["store"];
  EXPECT_EQ(store["folder_is_writable"], true);
  EXPECT_GT(store["disk_free_bytes"].get<int64_t>(), 0);
}

TEST(DoctorSlow, SpeedIsMeasuredWithQuartiles) {
  const auto speed = json_of_hylo({"doctor", "--json"})["measured_speed"];
  for (const auto* figure : {"read_bandwidth", "product_peak_float32", "product_peak_bfloat16"}) {
    EXPECT_GT(speed[figure]["lower_quartile"], 0) << figure;
    EXPECT_GE(speed[figure]["median"], speed[figure]["lower_quartile"]) << figure;
    EXPECT_GE(speed[figure]["upper_quartile"], speed[figure]["median"]) << figure;
  }
}

}  // namespace
}  // namespace hylo::tests
