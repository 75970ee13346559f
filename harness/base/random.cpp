#include "harness/base/random.h"

#include <bit>
#include <cmath>
#include <set>

namespace hylo {

// Matsumoto and Nishimura 1998, seeded by key words as CPython does (_randommodule.c).
PythonRandom::PythonRandom(uint64_t seed) {
  std::vector<uint32_t> key{static_cast<uint32_t>(seed)};
  if (seed >> 32) key.push_back(static_cast<uint32_t>(seed >> 32));
  auto& s = state_;
  s[0] = 19650218U;
  for (uint32_t i = 1; i < 624; ++i) s[i] = 1812433253U * (s[i - 1] ^ (s[i - 1] >> 30)) + i;
  uint32_t i = 1;
  uint32_t j = 0;
  for (int k = 0; k < 624; ++k) {
    s[i] = (s[i] ^ ((s[i - 1] ^ (s[i - 1] >> 30)) * 1664525U)) + key[j] + j;
    if (++i >= 624) {
      s[0] = s[623];
      i = 1;
    }
    if (++j >= key.size()) j = 0;
  }
  for (int k = 0; k < 623; ++k) {
    s[i] = (s[i] ^ ((s[i - 1] ^ (s[i - 1] >> 30)) * 1566083941U)) - i;
    if (++i >= 624) {
      s[0] = s[623];
      i = 1;
    }
  }
  s[0] = 0x80000000U;
}

uint32_t PythonRandom::next_word() {
  auto& s = state_;
  if (index_ >= 624) {
    for (size_t k = 0; k < 624; ++k) {
      const uint32_t y = (s[k] & 0x80000000U) | (s[(k + 1) % 624] & 0x7fffffffU);
      s[k] = s[(k + 397) % 624] ^ (y >> 1) ^ ((y & 1U) ? 0x9908b0dfU : 0U);
    }
    index_ = 0;
  }
  uint32_t y = s[index_++];
  y ^= y >> 11;
  y ^= (y << 7) & 0x9d2c5680U;
  y ^= (y << 15) & 0xefc60000U;
  return y ^ (y >> 18);
}

double PythonRandom::random() {
  const uint32_t high = next_word() >> 5;
  const uint32_t low = next_word() >> 6;
  return (high * 67108864.0 + low) / 9007199254740992.0;
}

uint64_t PythonRandom::getrandbits(int bits) {
  invariant(bits >= 1 && bits <= 64, "getrandbits: {} bits, expected 1 to 64", bits);
  if (bits <= 32) return next_word() >> (32 - bits);
  const uint64_t low = next_word();
  return low | (static_cast<uint64_t>(next_word() >> (64 - bits)) << 32);
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
  std::set<size_t> chosen;
  while (drawn.size() < count) {
    const size_t j = randbelow(population);
    if (chosen.insert(j).second) drawn.push_back(j);
  }
  return drawn;
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
