#include "datasets/tables.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/test_data.h"

namespace hylo::datasets {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using tests::error_of;

Json only_row(std::string_view bytes) {
  const auto documents = parse_csv(bytes, "f");
  EXPECT_EQ(documents.size(), 1U);
  return documents.at(0).fields;
}

std::string csv_error(std::string_view bytes) {
  return error_of([&] { parse_csv(bytes, "f"); });
}

TEST(Csv, TheHeaderNamesTheFieldsAndEveryValueIsAText) {
  const Json expected = {{"question", "1+1"}, {"answer", "2"}};
  EXPECT_EQ(only_row("question,answer\n1+1,2\n"), expected);
  EXPECT_EQ(only_row("question,answer\r\n1+1,2"), expected);
}

TEST(Csv, AQuotedValueHoldsCommasQuotesAndLineFeeds) {
  EXPECT_EQ(only_row("a,b\n\"x, \"\"y\"\"\nz\",\"\"\n"), (Json{{"a", "x, \"y\"\nz"}, {"b", ""}}));
}

TEST(Csv, BlanksBelongToTheValue) {
  EXPECT_EQ(only_row("a,b\n x , y\n"), (Json{{"a", " x "}, {"b", " y"}}));
}

TEST(Csv, DocumentsAreNumberedByRecordNotByLine) {
  const auto documents = parse_csv("a\n\"1\n1\"\n2\n", "f");
  ASSERT_EQ(documents.size(), 2U);
  EXPECT_EQ(documents[1].index, 1);
  EXPECT_EQ(documents[1].fields["a"], "2");
}

TEST(Csv, ABrokenQuoteIsNamedByItsLine) {
  EXPECT_THAT(csv_error("a,b\n1,2\n\"3,4\n5,6\n"),
              AllOf(HasSubstr("f:3"), HasSubstr("not closed")));
  EXPECT_THAT(csv_error("a,b\n1,2\"\n"), AllOf(HasSubstr("f:2"), HasSubstr("not quoted")));
  EXPECT_THAT(csv_error("a,b\n\"1\" ,2\n"), AllOf(HasSubstr("f:2"), HasSubstr("found ' '")));
}

TEST(Csv, ARecordHasAsManyValuesAsTheHeader) {
  EXPECT_THAT(csv_error("a,b\n1,2\n\"3\n\",4,5\n"),
              AllOf(HasSubstr("f:3"), HasSubstr("expected 2 values"), HasSubstr("found 3")));
  EXPECT_THAT(csv_error("a,b\n1\n"), HasSubstr("found 1"));
  EXPECT_THAT(csv_error(""), HasSubstr("empty file"));
}

TEST(Csv, AByteOrderMarkIsNoPartOfTheFirstName) {
  EXPECT_EQ(only_row("\xef\xbb\xbf"
                     "a,b\n1,2\n"),
            (Json{{"a", "1"}, {"b", "2"}}));
}

TEST(Csv, AFieldIsNamedOnce) {
  EXPECT_THAT(csv_error("q,a,a\n1,2,3\n"), HasSubstr("names 'a' twice"));
}

constexpr const char* header = "ID\tQuestion Stem\tChoices\tComplete Question\tAnswer Key\n";

std::vector<Document> table_of(const std::string& line) {
  return parse_openbookqa(header + line, "f");
}

TEST(OpenbookqaTable, GetsTheFieldsOfThePublishedSet) {
  const auto documents =
      table_of("8-1\tFish live in\t(A) the \"sea\" (B) air (C) fire (D) ice\tx\tB\n");
  ASSERT_EQ(documents.size(), 1U);
  EXPECT_EQ(documents[0].fields, (Json{{"question_stem", "Fish live in"},
                                       {"choices", {"the \"sea\"", "air", "fire", "ice"}},
                                       {"gold", 1}}));
}

TEST(OpenbookqaTable, WhatIsMissingIsNamedByItsLine) {
  EXPECT_THAT(error_of([] { table_of("8-1\ts\t(A) a (B) b (D) d\tx\tB\n"); }),
              AllOf(HasSubstr("f:2"), HasSubstr("'(C) '")));
  EXPECT_THAT(error_of([] { table_of("8-1\ts\t(A) a (B) b (C) c (D) d\tx\tE\n"); }),
              AllOf(HasSubstr("f:2"), HasSubstr("found 'E'")));
  EXPECT_THAT(error_of([] { table_of("8-1\ts\n"); }), HasSubstr("found 2"));
}

}  // namespace
}  // namespace hylo::datasets
