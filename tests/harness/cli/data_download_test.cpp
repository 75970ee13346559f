// hylo data download: which data sets it asks Python for. The script is tested by
// tests/datasets/download_test.py.

#include "harness/cli/data_download.h"

#include "datasets/manifest.h"
#include "harness/base/files.h"
#include "tests/harness/cli/program.h"

namespace hylo::tests {
namespace {

using cli::datasets_behind;
using testing::AllOf;
using testing::ElementsAre;
using testing::EndsWith;
using testing::HasSubstr;

// Prints its arguments, as Python would get them.
const ChildOptions echo{.environment = {{"HYLO_PYTHON", "echo"}}};

TEST(DataDownload, ATaskBringsItsDataSetOnce) {
  EXPECT_THAT(datasets_behind({"arc_easy", "wikitext", "arc_easy"}),
              ElementsAre("arc_easy", "wikitext2"));
}

// What the Python layouts can make of it, tests/datasets/download_test.py asks.
TEST(DataDownload, TheHubHasAllThatTheCommonsenseSuitesNeed) {
  for (const auto& name : datasets_behind({"commonsense"})) {
    const auto manifest = datasets::find_manifest(name);
    EXPECT_TRUE(manifest.hub.has_value()) << name;
    for (const auto& file : manifest.files) {
      EXPECT_NE(file.hub_split.empty(), file.stands_in.empty()) << file.path;
    }
  }
}

TEST(DataDownload, ATaskOfOursNeedsNothing) {
  EXPECT_THAT(error_of([] { datasets_behind({"story_openings"}); }),
              HasSubstr("'story_openings' needs no data from outside"));
  EXPECT_THAT(error_of_hylo({"data", "download", "vt"}), HasSubstr("hylo data build ruler"));
}

TEST(DataDownload, AnUnknownNameBringsTheNearest) {
  EXPECT_THAT(error_of_hylo({"data", "download", "arc_eazy"}),
              AllOf(HasSubstr("'arc_eazy' is no data set, task or group"),
                    HasSubstr("did you mean 'arc_easy'?")));
}

TEST(DataDownload, PythonGetsTheScriptTheOptionsAndTheDataSets) {
  const auto result = run_hylo(
      {"data", "download", "wikitext", "--data", "./d", "--endpoint", "http://127.0.0.1:1"}, echo);
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_EQ(result.out, shipped_file("datasets/download.py").string() +
                            " --data ./d --endpoint http://127.0.0.1:1 wikitext2\n");
}

TEST(DataDownload, WithoutNamesTheScriptTakesEveryDataSet) {
  EXPECT_THAT(run_hylo({"data", "download", "--list"}, echo).out,
              EndsWith("datasets/download.py --list\n"));
}

TEST(DataDownload, WithoutPythonItSaysHowToNameOne) {
  const ChildOptions none{.environment = {{"HYLO_PYTHON", "/nowhere/python"}}};
  EXPECT_THAT(error_of_hylo({"data", "download"}, none),
              AllOf(HasSubstr("'/nowhere/python' cannot be started"), HasSubstr("HYLO_PYTHON")));
}

}  // namespace
}  // namespace hylo::tests
