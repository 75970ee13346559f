#include "harness/cli/numbers.h"

#include <gtest/gtest.h>

namespace hylo::cli {
namespace {

/// What is wrong with `text`; empty when nothing is.
std::string fault(const CLI::Validator& validator, std::string text) { return validator(text); }

TEST(WholeNumber, InItsRangeIsTaken) {
  EXPECT_EQ(fault(whole_number(1), "1"), "");
  EXPECT_EQ(fault(whole_number(0), "9223372036854775807"), "");
  EXPECT_EQ(fault(whole_number(1, 8), "8"), "");
}

TEST(WholeNumber, OutsideItsRangeIsRefusedWithTheRange) {
  EXPECT_EQ(fault(whole_number(1), "0"), "expected a whole number from 1, found '0'");
  EXPECT_EQ(fault(whole_number(0), "-1"), "expected a whole number from 0, found '-1'");
  EXPECT_EQ(fault(whole_number(1, 8), "9"), "expected a whole number from 1 to 8, found '9'");
}

TEST(WholeNumber, WhatIsNoWholeNumberIsRefused) {
  for (const auto* text : {"", "ten", "1.5", "1 ", "0x10", "9223372036854775808"}) {
    EXPECT_NE(fault(whole_number(0), text), "") << text;
  }
}

}  // namespace
}  // namespace hylo::cli
