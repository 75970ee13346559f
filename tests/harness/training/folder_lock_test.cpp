// One training at a time writes into a folder.
#include "harness/training/folder_lock.h"

#include <gmock/gmock.h>

#include <optional>

#include "tests/support/test_data.h"

namespace hylo::harness {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using tests::error_of;

TEST(FolderLock, ASecondHolderIsRefusedUntilTheFirstIsGone) {
  const tests::TemporaryFolder folder;
  const auto out = folder / "run" / "deep";
  std::optional<FolderLock> first(std::in_place, out);
  EXPECT_THAT(error_of([&] { const FolderLock second(out); }),
              AllOf(HasSubstr(out.string()), HasSubstr("another training writes")));
  first.reset();
  const FolderLock second(out);
}

TEST(FolderLock, AFolderThatCannotBeMadeIsTold) {
  EXPECT_THAT(error_of([] { const FolderLock lock("/proc/no/such"); }),
              HasSubstr("/proc/no/such: cannot be made"));
}

}  // namespace
}  // namespace hylo::harness
