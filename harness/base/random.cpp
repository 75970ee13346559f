#include "harness/base/random.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <unordered_set>

namespace hylo {

MersenneTwister MersenneTwister::seeded_by_number(uint32_t seed) {
  MersenneTwister twister;
  auto& s = twister.state_;
  s[0] = seed;
  for (uint32_t i = 1; i < 624; ++i) s[i] = 1812433253U * (s[i - 1] ^ (s[i - 1] >> 30)) + i;
  return twister;
}

MersenneTwister MersenneTwister::seeded_by_words(const std::vector<uint32_t>& words) {
  constexpr uint32_t seed_of_seeds = 19650218U;
  auto twister = seeded_by_number(seed_of_seeds);
  auto& s = twister.state_;
  uint32_t i = 1;
  uint32_t j = 0;
  const auto advance = [&] {
    if (++i < 624) return;
    s[0] = s[623];
    i = 1;
  };
  for (size_t k = 0; k < std::max<size_t>(624, words.size()); ++k) {
    s[i] = (s[i] ^ ((s[i - 1] ^ (s[i - 1] >> 30)) * 1664525U)) + words[j] + j;
    advance();
    if (++j >= words.size()) j = 0;
  }
  for (int k = 0; k < 623; ++k) {
    s[i] = (s[i] ^ ((s[i - 1] ^ (s[i - 1] >> 30)) * 1566083941U)) - i;
    advance();
  }
  s[0] = 0x80000000U;
  return twister;
}

void MersenneTwister::renew() {
  auto& s = state_;
  for (size_t k = 0; k < 624; ++k) {
    const uint32_t y = (s[k] & 0x80000000U) | (s[(k + 1) % 624] & 0x7fffffffU);
    s[k] = s[(k + 397) % 624] ^ (y >> 1) ^ ((y & 1U) ? 0x9908b0dfU : 0U);
  }
  index_ = 0;
}

uint32_t MersenneTwister::next() {
  if (index_ >= 624) renew();
  uint32_t y = state_[index_++];
  y ^= y >> 11;
  y ^= (y << 7) & 0x9d2c5680U;
  y ^= (y << 15) & 0xefc60000U;
  return y ^ (y >> 18);
}

namespace {

/// The words of a seed, least significant first, as CPython's _randommodule.c cuts it.
std::vector<uint32_t> words_of(uint64_t seed) {
  std::vector<uint32_t> words{static_cast<uint32_t>(seed)};
  if (seed >> 32) words.push_back(static_cast<uint32_t>(seed >> 32));
  return words;
}

}  // namespace

PythonRandom::PythonRandom(uint64_t seed)
    : words_(MersenneTwister::seeded_by_words(words_of(seed))) {}

double PythonRandom::random() {
  const uint32_t high = words_.next() >> 5;
  const uint32_t low = words_.next() >> 6;
  return (high * 67108864.0 + low) / 9007199254740992.0;
}

uint64_t PythonRandom::getrandbits(int bits) {
  invariant(bits >= 1 && bits <= 64, "getrandbits: {} bits, expected 1 to 64", bits);
  if (bits <= 32) return words_.next() >> (32 - bits);
  const uint64_t low = words_.next();
  return low | (static_cast<uint64_t>(words_.next() >> (64 - bits)) << 32);
}

uint64_t PythonRandom::randbelow(uint64_t n) {
  invariant(n > 0, "randbelow: nothing lies below 0");
  const int bits = std::bit_width(n);
  uint64_t drawn = getrandbits(bits);
  while (drawn >= n) drawn = getrandbits(bits);
  return drawn;
}

int64_t PythonRandom::randint(int64_t a, int64_t b) {
  invariant(a <= b, "randint: the range {} to {} is empty", a, b);
  // Unsigned: the difference of two int64_t need not be one.
  const uint64_t width = static_cast<uint64_t>(b) - static_cast<uint64_t>(a);
  invariant(width != UINT64_MAX, "randint: a range of 2^64 numbers is too wide");
  return static_cast<int64_t>(static_cast<uint64_t>(a) + randbelow(width + 1));
}

std::vector<size_t> PythonRandom::sample(size_t population, size_t count) {
  require(count <= population, "cannot draw {} items from {} without repetition", count,
          population);
  std::vector<size_t> drawn;
  size_t set_size = 21;
  if (count > 5) {
    set_size += static_cast<size_t>(
        std::pow(4.0, std::ceil(std::log(static_cast<double>(count * 3)) / std::log(4.0))));
  }
  if (population <= set_size) {
    std::vector<size_t> pool(population);
    for (size_t i = 0; i < population; ++i) pool[i] = i;
    for (size_t i = 0; i < count; ++i) {
      const size_t j = randbelow(population - i);
      drawn.push_back(pool[j]);
      pool[j] = pool[population - i - 1];
    }
    return drawn;
  }
  std::unordered_set<size_t> chosen;
  while (drawn.size() < count) {
    const size_t j = randbelow(population);
    if (chosen.insert(j).second) drawn.push_back(j);
  }
  return drawn;
}

std::vector<size_t> PythonRandom::choices(size_t population, size_t count) {
  require(population > 0, "cannot choose from nothing");
  std::vector<size_t> drawn(count);
  for (auto& index : drawn) {
    index = static_cast<size_t>(random() * static_cast<double>(population));
  }
  return drawn;
}

/// As many bits as `largest` has, of one word or of two, the high one first.
uint64_t NumpyRandom::bits(uint64_t largest) {
  const uint64_t mask = UINT64_MAX >> std::countl_zero(largest);
  if (largest <= UINT32_MAX) return words_.next() & mask;
  const uint64_t high = words_.next();
  return (high << 32 | words_.next()) & mask;
}

int64_t NumpyRandom::randint(int64_t low, int64_t high) {
  invariant(low < high, "randint: the range {} to {} is empty", low, high);
  const uint64_t largest = static_cast<uint64_t>(high) - static_cast<uint64_t>(low) - 1;
  if (largest == 0) return low;
  uint64_t drawn = bits(largest);
  while (drawn > largest) drawn = bits(largest);
  return static_cast<int64_t>(static_cast<uint64_t>(low) + drawn);
}

uint64_t CounterRandom::next() {
  uint64_t z = key_ + 0x9e3779b97f4a7c15ULL * ++counter_;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
  return z ^ (z >> 31);
}

double CounterRandom::uniform() { return static_cast<double>(next() >> 11) * 0x1p-53; }

uint64_t CounterRandom::below(uint64_t n) {
  invariant(n > 0, "below: nothing lies below 0");
  // Rejection keeps the draw free of bias.
  const uint64_t limit = UINT64_MAX - UINT64_MAX % n;
  uint64_t drawn = next();
  while (drawn >= limit) drawn = next();
  return drawn % n;
}

}  // namespace hylo
