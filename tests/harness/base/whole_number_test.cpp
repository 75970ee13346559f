#include "harness/base/whole_number.h"

#include <gtest/gtest.h>

namespace hylo {
namespace {

TEST(WholeNumberInText, IsAllOfTheText) {
  EXPECT_EQ(parse_whole_number("0"), 0);
  EXPECT_EQ(parse_whole_number("-12"), -12);
  EXPECT_EQ(parse_whole_number("007"), 7);
  EXPECT_EQ(parse_whole_number("9223372036854775807"), INT64_MAX);
}

TEST(WholeNumberInText, AnythingElseIsNone) {
  for (const auto* text :
       {"", "-", "+1", " 1", "1 ", "1.0", "1e3", "0x10", "ten", "1,000", "9223372036854775808"}) {
    EXPECT_EQ(parse_whole_number(text), std::nullopt) << text;
  }
}

}  // namespace
}  // namespace hylo
