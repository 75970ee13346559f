#include "harness/base/error.h"

#include <gtest/gtest.h>

#include "tests/support/test_data.h"

namespace hylo::tests {
namespace {

TEST(Errors, RequireThrowsTheFormattedTextOnlyWhereTheConditionFails) {
  EXPECT_NO_THROW(require(true, "not {}", "seen"));
  EXPECT_EQ(error_of([] { require(false, "layer {}: found {}", 3, "x"); }), "layer 3: found x");
  EXPECT_EQ(error_of([] { fail("no such task"); }), "no such task");
}

TEST(Errors, AFaultOfOursIsNoErrorOfTheUser) {
  try {
    invariant(false, "page {} was freed twice", 7);
    FAIL() << "nothing was thrown";
  } catch (const std::logic_error& fault) {
    EXPECT_STREQ(fault.what(), "page 7 was freed twice");
  }
  EXPECT_NO_THROW(invariant(true, "fine"));
}

}  // namespace
}  // namespace hylo::tests
