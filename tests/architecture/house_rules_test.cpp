#include "tests/architecture/house_rules.h"

#include <gmock/gmock.h>

#include "harness/base/files.h"
#include "tests/support/test_data.h"

namespace hylo::tests {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

TEST(House, KeepsItsRules) {
  const auto root = shipped_file("tests/architecture").parent_path().parent_path();
  EXPECT_GT(count_sources(root), 20U);  // a walk that finds nothing would find no offence
  EXPECT_THAT(offences_in(root, rules_of_hylo()), IsEmpty());
}

/// A small tree of sources to offend with.
class Tree {
 public:
  Tree& with(const std::string& name, const std::string& text) {
    std::filesystem::create_directories((folder_ / name).parent_path());
    write_text_file(folder_ / name, text);
    return *this;
  }
  [[nodiscard]] std::vector<std::string> offences(const HouseRules& rules = rules_of_hylo()) const {
    return offences_in(folder_.path(), rules);
  }

 private:
  TemporaryFolder folder_;
};

std::string header(const std::string& text = "") { return "#pragma once\n" + text; }

TEST(HouseRules, AnIncludeThatPointsUpOrSidewaysIsAnOffence) {
  Tree tree;
  tree.with("kernels/a.h", header()).with("models/b.h", header()).with("tasks/c.h", header());
  tree.with("harness/base/d.h", header()).with("harness/e.h", header("#include \"models/b.h\"\n"));
  tree.with("models/f.h", header("#include \"kernels/a.h\"\n#include \"harness/base/d.h\"\n"));
  EXPECT_THAT(tree.offences(), IsEmpty());
  tree.with("harness/base/d.h", header("  #  include \"harness/e.h\"\n"));
  tree.with("harness/e.h", header("\n#include \"kernels/a.h\"\n"));
  tree.with("models/b.h", header("#include \"tasks/c.h\"\n"));
  EXPECT_THAT(
      tree.offences(),
      ElementsAre("harness/base/d.h:2: harness/base may not include harness, found harness/e.h",
                  "harness/e.h:3: harness may not include kernels, found kernels/a.h",
                  "models/b.h:2: models may not include tasks, found tasks/c.h"));
}

TEST(HouseRules, NobodyIncludesTests) {
  Tree tree;
  tree.with("tests/a.h", header()).with("reports/b.h", header("#include \"tests/a.h\"\n"));
  EXPECT_THAT(tree.offences(),
              ElementsAre("reports/b.h:2: reports may not include tests, found tests/a.h"));
}

TEST(HouseRules, AnIncludeByAShortPathOrOfNothingIsAnOffence) {
  Tree tree;
  tree.with("tasks/a.h", header())
      .with("tasks/b.h", header("#include \"a.h\"\n#include \"tasks/c.h\"\n"));
  EXPECT_THAT(tree.offences(),
              ElementsAre("tasks/b.h:2: \"a.h\" is no file of ours by its full path",
                          "tasks/b.h:3: \"tasks/c.h\" is no file of ours by its full path"));
}

TEST(HouseRules, LibTorchStaysOutOfTheRoomsThatKnowNoTensors) {
  Tree tree;
  tree.with("tasks/a.h", header("#include <c10/core/Device.h>\n"));
  tree.with("harness/base/b.h", header("#include <ATen/core/Tensor.h>\n"));
  tree.with("models/c.h", header("#include <ATen/core/Tensor.h>\n#include <torchlight.h>\n"));
  EXPECT_THAT(
      tree.offences(),
      ElementsAre("harness/base/b.h:2: harness/base includes no LibTorch, found ATen/core/Tensor.h",
                  "tasks/a.h:2: tasks includes no LibTorch, found c10/core/Device.h"));
}

TEST(HouseRules, TheWholeOfTorchIsForThoseWhoAreNamed) {
  Tree tree;
  tree.with("models/a.h", header("#include <torch/torch.h>\n"));
  EXPECT_THAT(tree.offences(),
              ElementsAre(testing::StartsWith("models/a.h:2: torch/torch.h costs")));
  HouseRules rules = rules_of_hylo();
  rules.includers_of_torch_h = {{"models/a.h", "optimisers"}};
  EXPECT_THAT(tree.offences(rules), IsEmpty());
}

TEST(HouseRules, ARoomThatBuildsSomethingNeedsAReadme) {
  Tree tree;
  tree.with("tasks/a.cpp", "");
  EXPECT_THAT(tree.offences(), ElementsAre("tasks: a room needs a README.md"));
  EXPECT_THAT(tree.with("tasks/README.md", "# tasks\n").offences(), IsEmpty());
}

TEST(HouseRules, ALongSourceNeedsAReason) {
  Tree tree;
  std::string text = header();
  while (lines_of(text).size() < 400) text += "// line\n";
  EXPECT_THAT(tree.with("tasks/a.h", text).offences(), IsEmpty());
  tree.with("tasks/a.h", text + "// one more\n");
  EXPECT_THAT(tree.offences(), ElementsAre("tasks/a.h: 401 lines, at most 400 without a reason"));
  HouseRules rules = rules_of_hylo();
  rules.long_files = {{"tasks/a.h", "a table"}};
  EXPECT_THAT(tree.offences(rules), IsEmpty());
}

TEST(HouseRules, AnExceptionWithoutNeedOrReasonIsAnOffence) {
  const Tree tree;
  HouseRules rules = rules_of_hylo();
  rules.long_files = {{"tasks/gone.h", ""}};
  EXPECT_THAT(tree.offences(rules),
              ElementsAre("tasks/gone.h: an exception needs a reason",
                          "tasks/gone.h: is excepted and does not need to be"));
}

TEST(HouseRules, NamesThatSayNothingAreOffences) {
  Tree tree;
  tree.with("tasks/string_utils.h", header()).with("tasks/misc/a.h", header());
  tree.with("tasks/commonsense/b.h", header());
  EXPECT_THAT(tree.offences(),
              ElementsAre("tasks/misc/a.h: 'misc' says nothing about what is inside",
                          "tasks/string_utils.h: 'utils' says nothing about what is inside"));
}

TEST(HouseRules, AHeaderNeedsItsGuard) {
  Tree tree;
  tree.with("tasks/a.h", "// #pragma once is missing\n");
  EXPECT_THAT(tree.offences(), ElementsAre("tasks/a.h: a header needs #pragma once"));
}

TEST(HouseRules, FixturesAreNotLookedAt) {
  Tree tree;
  tree.with("tests/fixtures/misc/a.h", "#include \"nothing.h\"\n");
  EXPECT_THAT(tree.offences(), IsEmpty());
}

}  // namespace
}  // namespace hylo::tests
