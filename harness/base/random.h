// Random numbers with a fixed meaning: Python's Mersenne Twister, on which published prompts
// depend, NumPy's legacy generator, and a counter-based generator for what is ours.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "harness/base/error.h"

namespace hylo {

/// The 32-bit words of MT19937 (Matsumoto and Nishimura 1998).
class MersenneTwister {
 public:
  static MersenneTwister seeded_by_number(uint32_t seed);                      ///< init_genrand
  static MersenneTwister seeded_by_words(const std::vector<uint32_t>& words);  ///< init_by_array
  uint32_t next();
  bool operator==(const MersenneTwister&) const = default;  ///< the same words to come

 private:
  MersenneTwister() = default;
  void renew();
  std::array<uint32_t, 624> state_{};
  size_t index_ = 624;
};

/// Python's random.Random(seed) for a non-negative seed; same numbers as CPython 3.11.
class PythonRandom {
 public:
  explicit PythonRandom(uint64_t seed);

  double random();                        ///< in [0, 1), 53 bits
  uint64_t getrandbits(int bits);         ///< 1 to 64 bits
  uint64_t randbelow(uint64_t n);         ///< in [0, n), n > 0
  int64_t randint(int64_t a, int64_t b);  ///< in [a, b]

  /// The indices that random.sample(range(population), count) yields. Throws Error when the
  /// population is too small.
  std::vector<size_t> sample(size_t population, size_t count);

  /// The indices that random.choices(range(population), k=count) yields: repetitions occur.
  std::vector<size_t> choices(size_t population, size_t count);

  template <class T>
  void shuffle(std::vector<T>& items) {
    for (size_t i = items.size(); i-- > 1;) std::swap(items[i], items[randbelow(i + 1)]);
  }

  bool operator==(const PythonRandom&) const = default;  ///< the same draws to come

 private:
  MersenneTwister words_;
};

/// NumPy's legacy generator after np.random.seed(seed); the one draw that is needed of it.
class NumpyRandom {
 public:
  explicit NumpyRandom(uint32_t seed) : words_(MersenneTwister::seeded_by_number(seed)) {}

  /// np.random.randint(low, high): in [low, high), high above low.
  int64_t randint(int64_t low, int64_t high);

  bool operator==(const NumpyRandom&) const = default;  ///< the same draws to come

 private:
  uint64_t bits(uint64_t largest);
  MersenneTwister words_;
};

/// SplitMix64 (Steele, Lea, Flood 2014) over a key and a counter: draw i of a key is the same
/// whatever was drawn before.
class CounterRandom {
 public:
  explicit CounterRandom(uint64_t key, uint64_t counter = 0) : key_(key), counter_(counter) {}
  uint64_t next();
  double uniform();  ///< in [0, 1), 53 bits
  uint64_t below(uint64_t n);

 private:
  uint64_t key_;
  uint64_t counter_;
};

}  // namespace hylo
