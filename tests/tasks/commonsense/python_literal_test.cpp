#include "tasks/commonsense/python_literal.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/test_data.h"

namespace hylo::tasks {
namespace {

using testing::HasSubstr;
using tests::error_of;

TEST(PythonLiteral, ListsDictionariesAndTexts) {
  const Json expected = {{{"a", "x"}, {"b", {1, -2, true, nullptr}}}, Json::array()};
  EXPECT_EQ(parse_python_literal("[{'a': 'x', \"b\": (1, -2, True, None,)}, []]"), expected);
}

TEST(PythonLiteral, EitherQuoteHoldsTheOther) {
  EXPECT_EQ(parse_python_literal("[\"it's\", 'say \"no\"', 'it\\'s']"),
            (Json{"it's", "say \"no\"", "it's"}));
}

TEST(PythonLiteral, EscapesAreThoseOfPython) {
  EXPECT_EQ(parse_python_literal(R"(['a\nb\\c', '\xe9', '\u2019', '\U0001f600', '\d', ''])"),
            (Json{"a\nb\\c", "\u00e9", "\u2019", "\U0001f600", "\\d", ""}));
  EXPECT_EQ(parse_python_literal("'a' 'b'"), "ab");
}

TEST(PythonLiteral, AnOctalEscapeHasUpToThreeDigits) {
  EXPECT_EQ(parse_python_literal(R"(['\0121', '\12x', '\78', '\351', '\777', '\8'])"),
            (Json{"\n1", "\nx", "\a8", "\u00e9", "\u01ff", "\\8"}));
  EXPECT_EQ(parse_python_literal(R"('\0')"), std::string(1, '\0'));
}

TEST(PythonLiteral, ListsInsideEachOtherHaveALimit) {
  const auto nested = [](size_t depth) {
    return std::string(depth, '[') + std::string(depth, ']');
  };
  EXPECT_EQ(parse_python_literal(nested(100)).size(), 1U);
  EXPECT_THAT(error_of([&] { parse_python_literal(nested(101)); }), HasSubstr("at offset 100"));
  EXPECT_THAT(error_of([] { parse_python_literal(std::string(400'000, '[')); }),
              HasSubstr("at offset 100"));
  EXPECT_THAT(error_of([] {
                std::string text;
                for (int i = 0; i < 100'000; ++i) text += "{'a':";
                parse_python_literal(text);
              }),
              HasSubstr("at offset 500"));
}

TEST(PythonLiteral, WhatIsBrokenIsNamedByItsOffset) {
  EXPECT_THAT(error_of([] { parse_python_literal("['a', 'b"); }), HasSubstr("end of a text"));
  EXPECT_THAT(error_of([] { parse_python_literal("['a' : 1]"); }), HasSubstr("offset 5"));
  EXPECT_THAT(error_of([] { parse_python_literal("{1: 2}"); }), HasSubstr("a key in quotes"));
  EXPECT_THAT(error_of([] { parse_python_literal("[] x"); }), HasSubstr("expected the end"));
  EXPECT_THAT(error_of([] { parse_python_literal("open('f')"); }), HasSubstr("a value"));
  EXPECT_THAT(error_of([] { parse_python_literal("'\\x4'"); }), HasSubstr("hexadecimal"));
  EXPECT_THAT(error_of([] { parse_python_literal("'a\\N{BULLET}'"); }), HasSubstr("offset 3"));
}

}  // namespace
}  // namespace hylo::tasks
