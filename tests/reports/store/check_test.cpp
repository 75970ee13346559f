#include "reports/store/check.h"

#include <SQLiteCpp/Database.h>
#include <gmock/gmock.h>

#include "tests/reports/store/sample_run.h"
#include "tests/support/test_data.h"

namespace hylo::reports {
namespace {

using hylo::tests::TemporaryFolder;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

// The findings on a sound store of one run after somebody changed it by hand.
std::vector<std::string> findings_after(const std::string& sql) {
  const TemporaryFolder folder;
  auto store = Store::open(folder / "s.db");
  tests::complete_run(store, 4);
  store.database().exec("PRAGMA foreign_keys = OFF; " + sql);
  std::vector<std::string> texts;
  for (const auto& finding : check(store)) {
    EXPECT_EQ(finding.severity, Severity::Problem);
    texts.push_back(finding.where + ": " + finding.text);
  }
  return texts;
}

TEST(Check, ASoundStoreHasNoFindings) { EXPECT_THAT(findings_after("SELECT 1"), IsEmpty()); }

TEST(Check, ACompleteRunWithoutAllItsDocumentsIsFound) {
  EXPECT_THAT(
      findings_after("DELETE FROM output WHERE document = 2; DELETE FROM score WHERE document = "
                     "2; DELETE FROM document WHERE id = 2; DELETE FROM aggregate"),
      ElementsAre("run 1, arc_easy: is marked complete but has 3 of 4 documents",
                  "run 1: is marked complete but aggregates are missing"));
}

TEST(Check, AnAggregateThatIsNotThatOfItsScoresIsFound) {
  EXPECT_THAT(
      findings_after("UPDATE score SET value = 1 WHERE document = 2 AND metric = 1"),
      ElementsAre("run 1, acc (none): the stored aggregate 0.5 (n = 4) is not that of its scores, "
                  "0.75 (n = 4)"));
}

TEST(Check, AReferenceToNothingIsFound) {
  EXPECT_THAT(findings_after("UPDATE output SET prompt = 999 WHERE id = 3"),
              ElementsAre("table output: row 3 refers to a row of prompt that is not there"));
}

TEST(Check, AChangedPromptIsFound) {
  EXPECT_THAT(findings_after("UPDATE prompt SET text = 'other' WHERE id = 2"),
              ElementsAre(HasSubstr("prompt 2: text or token ids do not have the hash")));
}

TEST(Check, AMissingRequestIsFound) {
  EXPECT_THAT(findings_after("DELETE FROM output WHERE document = 1 AND request = 0"),
              ElementsAre("run 1, arc_easy: document 0 has 1 of 2 requests"));
}

TEST(Check, AnIncompleteRunIsANote) {
  const TemporaryFolder folder;
  auto store = Store::open(folder / "s.db");
  const auto run = store.begin(tests::sample_description(), std::vector{tests::choice_cell(4)});
  const auto findings = check(store);
  ASSERT_EQ(findings.size(), 1U);
  EXPECT_EQ(findings[0].severity, Severity::Note);
  EXPECT_EQ(findings[0].text, "is incomplete: 0 of 4 documents; the same command goes on");
}

}  // namespace
}  // namespace hylo::reports
