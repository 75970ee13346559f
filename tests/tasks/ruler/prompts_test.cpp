#include "tasks/ruler/prompts.h"

#include <gmock/gmock.h>

#include "harness/base/files.h"
#include "tests/support/test_data.h"

namespace hylo::tasks::ruler {
namespace {

using hylo::tests::error_of;
using hylo::tests::TemporaryFolder;
using testing::AllOf;
using testing::EndsWith;
using testing::HasSubstr;
using testing::StartsWith;

TEST(RulerPrompts, EveryAnswerPrefixBeginsWithOneSpaceAndThatOfVtEndsWithOne) {
  const auto prompts = read_ruler_prompts();
  for (const auto& prompt : {prompts.niah, prompts.vt, prompts.cwe, prompts.fwe, prompts.qa}) {
    EXPECT_THAT(prompt.answer_prefix, AllOf(StartsWith(" "), testing::Not(StartsWith("  "))));
  }
  EXPECT_THAT(prompts.vt.answer_prefix, EndsWith("they are: "));
  EXPECT_THAT(prompts.licence, HasSubstr("Apache-2.0"));
}

TEST(RulerPrompts, TheSingularIsFourReplacementsInOrder) {
  const auto niah = in_the_singular(read_ruler_prompts().niah);
  EXPECT_EQ(niah.task,
            "A special magic {type_needle_v} is hidden within the following text. Make sure to "
            "memorize it. I will quiz you about the {type_needle_v} afterwards.\n{context}\nWhat "
            "is the special magic {type_needle_v} for {query} mentioned in the provided text?");
  EXPECT_EQ(niah.answer_prefix,
            " The special magic {type_needle_v} for {query} mentioned in the provided text is");
}

TEST(RulerPrompts, ATextThatIsPutInIsNotSearchedForPlaces) {
  EXPECT_EQ(fill("{a}-{b}", {{"a", "{b}"}, {"b", "x"}}), "{b}-x");
  EXPECT_THAT(error_of([] { (void)fill("{c}", {{"a", "1"}}); }), HasSubstr("the place {c}"));
}

TEST(RulerPrompts, SeveralKeysAreAListWithACommaBeforeAnd) {
  EXPECT_EQ(query_list({"a"}), "a");
  EXPECT_EQ(query_list({"a", "b"}), "a, and b");
  EXPECT_EQ(query_list({"a", "b", "c", "d"}), "a, b, c, and d");
}

TEST(RulerPrompts, AMisspeltKeyIsNamedWithItsPath) {
  const TemporaryFolder folder;
  auto text = read_text_file(shipped_file("tasks/ruler/ruler.json"));
  text.replace(text.find("\"needle\""), 8, "\"nedle\"");
  write_text_file(folder / "ruler.json", text);
  EXPECT_THAT(error_of([&] { (void)read_ruler_prompts(folder / "ruler.json"); }),
              HasSubstr("ruler.json.niah.needle: missing"));
}

}  // namespace
}  // namespace hylo::tasks::ruler
