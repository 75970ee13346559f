// The random streams of the reference generator.
#pragma once

#include <cstdint>
#include <utility>
#include <vector>

#include "harness/base/error.h"
#include "harness/base/random.h"

namespace hylo::tasks::ruler::compat {

/// Every draw of a build goes through these two, in the order of the reference.
struct Streams {
  explicit Streams(uint64_t seed_of_both)
      : seed(seed_of_both), python(seed_of_both), numpy(static_cast<uint32_t>(seed_of_both)) {
    require(seed <= UINT32_MAX, "seed {}: NumPy takes 0 to {}", seed, UINT32_MAX);
  }

  /// Shuffles with a new generator of the same seed, as the reference does: the same permutation
  /// for every list of the same length.
  template <class T>
  void shuffle_afresh(std::vector<T>& items) const {
    PythonRandom(seed).shuffle(items);
  }

  bool operator==(const Streams&) const = default;  ///< the same draws to come

  uint64_t seed;
  PythonRandom python;
  NumpyRandom numpy;
};

}  // namespace hylo::tasks::ruler::compat
