#include "models/weights/tensor_writer.h"

#include <ATen/ops/arange.h>
#include <ATen/ops/cat.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "models/weights/safetensors.h"
#include "tests/support/test_data.h"

namespace hylo::models {
namespace {

using hylo::tests::error_of;
using hylo::tests::TemporaryFolder;

at::Tensor rows(int64_t count) {
  return at::arange(count * 6, at::TensorOptions().dtype(at::kInt)).view({count, 2, 3});
}

TEST(TensorWriter, WritesRowsAsTheyComeIntoOneTensor) {
  const TemporaryFolder folder;
  TensorWriter writer(folder / "t.safetensors", "likeliest", {5, 2, 3});
  writer.append(rows(4));
  EXPECT_FALSE(std::filesystem::exists(folder / "t.safetensors"));
  writer.append(rows(1));
  writer.finish();
  const auto read = SafetensorsFile(folder / "t.safetensors").tensor("likeliest");
  EXPECT_TRUE(read.equal(at::cat({rows(4), rows(1)})));
}

TEST(TensorWriter, ThatIsNotFinishedLeavesNothing) {
  const TemporaryFolder folder;
  {
    TensorWriter writer(folder / "t.safetensors", "likeliest", {5, 2, 3});
    writer.append(rows(4));
    EXPECT_THROW(writer.finish(), std::logic_error);
  }
  EXPECT_TRUE(std::filesystem::is_empty(folder.path()));
}

TEST(TensorWriter, SaysWhereItCannotWrite) {
  const TemporaryFolder folder;
  EXPECT_THAT(error_of([&] {
                TensorWriter(folder / "no" / "t", "x", {1, 1});
              }),
              ::testing::HasSubstr("no/t: cannot be written: No such file or directory"));
}

}  // namespace
}  // namespace hylo::models
