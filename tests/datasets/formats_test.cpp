#include "datasets/formats.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/test_data.h"

namespace hylo::datasets {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using tests::error_of;

std::vector<Document> parse(Format format, std::string_view bytes) {
  return parse_documents(format, bytes, "f");
}

TEST(JsonLines, EachLineIsADocumentWithItsNumber) {
  const auto documents = parse(Format::JsonLines, "{\"a\": 1}\n{\"a\": 2}\n");
  ASSERT_EQ(documents.size(), 2U);
  EXPECT_EQ(documents[1].index, 1);
  EXPECT_EQ(documents[1].fields["a"], 2);
}

TEST(Documents, KnowTheirFileAndFirstLine) {
  EXPECT_EQ(parse(Format::JsonLines, "{}\n{}\n").at(1).where, "f:2");
  EXPECT_EQ(parse(Format::Csv, "a\n\"x\ny\"\nz\n").at(1).where, "f:4");
  EXPECT_EQ(parse(Format::HellaswagText, "A: b\n0\nw\nx\ny\nz\nA: b\n0\nw\nx\ny\nz\n").at(1).where,
            "f:7");
  EXPECT_EQ(parse(Format::WholeText, "a\nb\n").at(0).where, "f");
}

TEST(JsonLines, TheLastLineNeedsNoLineFeed) {
  EXPECT_EQ(parse(Format::JsonLines, "{}\n{}").size(), 2U);
}

TEST(JsonLines, ALineThatIsCutOffIsNamed) {
  EXPECT_THAT(error_of([] { parse(Format::JsonLines, "{\"a\": 1}\n{\"a\": \"hal"); }),
              AllOf(HasSubstr("f:2"), HasSubstr("not JSON")));
}

TEST(JsonLines, AnEmptyLineAndALineThatIsNoObjectAreErrors) {
  EXPECT_THAT(error_of([] { parse(Format::JsonLines, "{}\n\n{}\n"); }), HasSubstr("f:2: expected"));
  EXPECT_THAT(error_of([] { parse(Format::JsonLines, "[1]\n"); }), HasSubstr("f:1: expected"));
}

TEST(JsonLines, BytesThatAreNotUtf8AreNamedByLine) {
  EXPECT_THAT(error_of([] { parse(Format::JsonLines, "{}\n{\"a\": \"\xff\"}\n"); }),
              AllOf(HasSubstr("f:2"), HasSubstr("0xff")));
}

constexpr const char* item = "Skiing: A man: he skis\n3\nw\nx\ny\nz\n";

TEST(HellaswagText, IsCutAtTheFirstColonAndBlank) {
  const auto documents = parse(Format::HellaswagText, item);
  ASSERT_EQ(documents.size(), 1U);
  const Json expected = {{"activity_label", "Skiing"},
                         {"ctx_a", "A man: he skis"},
                         {"ctx_b", ""},
                         {"endings", {"w", "x", "y", "z"}},
                         {"label", 3}};
  EXPECT_EQ(documents[0].fields, expected);
}

TEST(HellaswagText, AnItemThatIsCutOffIsAnError) {
  EXPECT_THAT(error_of([] { parse(Format::HellaswagText, std::string(item) + "A: b\n0\nw\n"); }),
              AllOf(HasSubstr("6 lines an item"), HasSubstr("found 9 lines")));
}

TEST(HellaswagText, TheGoldIndexIsOneOfFour) {
  EXPECT_THAT(error_of([] { parse(Format::HellaswagText, "A: b\n4\nw\nx\ny\nz\n"); }),
              AllOf(HasSubstr("f:2"), HasSubstr("found '4'")));
}

TEST(WikitextPages, BeginAtLevelOneHeadingsOnly) {
  const auto pages = parse(Format::WikitextPages,
                           " \n = One = \n text \n = = Part = = \n more \n = Two = \n end \n");
  ASSERT_EQ(pages.size(), 2U);
  EXPECT_EQ(pages[0].fields["page"], " = One = \n text \n = = Part = = \n more ");
  EXPECT_EQ(pages[1].fields["page"], " = Two = \n end \n");
  EXPECT_EQ(pages[1].index, 1);
}

TEST(WikitextPages, APageOfWhiteSpaceIsDropped) {
  EXPECT_TRUE(parse(Format::WikitextPages, " \n\n \n").empty());
}

TEST(WholeText, IsOneDocumentAsItStands) {
  const auto documents = parse(Format::WholeText, "One.\r\n\nTwo. ");
  ASSERT_EQ(documents.size(), 1U);
  EXPECT_EQ(documents[0].fields, (Json{{"text", "One.\r\n\nTwo. "}}));
}

TEST(WholeText, WithoutAWordIsAnError) {
  for (const auto* text : {"", " \n"}) {
    EXPECT_THAT(error_of([&] { parse(Format::WholeText, text); }), HasSubstr("expected a text"));
  }
}

}  // namespace
}  // namespace hylo::datasets
