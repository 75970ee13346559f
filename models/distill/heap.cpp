#include "models/distill/heap.h"

#include <malloc.h>

#include "harness/base/error.h"

namespace hylo::models {

void give_large_blocks_back() {
  constexpr int smallest_large_block = 1 << 20;
  invariant(mallopt(M_MMAP_THRESHOLD, smallest_large_block) == 1, "glibc refuses its own setting");
}

}  // namespace hylo::models
