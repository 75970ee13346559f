// RULER in the strict mode with a tokenizer whose counts do not add up.
#include <gtest/gtest.h>

#include "tasks/ruler/strict.h"

namespace hylo::tests {
namespace {

using namespace tasks::ruler;

/// A token for every byte, and two more for what stands alone: as where a tokenizer merges across
/// pieces.
int64_t count_merging(std::string_view text) {
  constexpr size_t longest_alone = 24;
  return static_cast<int64_t>(text.size()) + (text.size() < longest_alone ? 2 : 0);
}

TEST(StrictFill, PiecesThatAreEstimatedTooHighStillFillTheLength) {
  const auto sources = read_sources({});
  const auto& spec = find_ruler_spec("cwe");
  const auto smallest =
      strict_length_needed({spec, 2 * first_length_to_fill, 10}, sources, count_merging);
  ASSERT_GE(smallest, first_length_to_fill);
  for (const int percent : {104, 106, 108, 110, 120}) {
    const auto length = smallest * percent / 100;
    build_strict({spec, length, 10}, sources, count_merging, [&](const Sample& sample) {
      const auto used = 1 + sample.num_tokens + spec.max_new_tokens;
      EXPECT_LE(used, length);
      EXPECT_GE(static_cast<double>(used), 0.97 * static_cast<double>(length));
    });
  }
}

}  // namespace
}  // namespace hylo::tests
