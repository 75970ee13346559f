// Samples of the strict mode for tests: generated texts and a rough tokenizer.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "tasks/ruler/strict.h"

namespace hylo::tests {

/// Nothing outside of hylo is needed.
inline const tasks::ruler::Sources& generated() {
  static const tasks::ruler::Sources sources = tasks::ruler::read_sources({});
  return sources;
}

/// A rough tokenizer: a token for every four bytes begun of each word.
inline int64_t count_rough(std::string_view text) {
  int64_t tokens = 0;
  int64_t letters = 0;
  for (const char c : text) {
    if (c == ' ' || c == '\n') {
      tokens += (letters + 3) / 4 + (c == '\n' ? 1 : 0);
      letters = 0;
    } else {
      ++letters;
    }
  }
  return tokens + (letters + 3) / 4;
}

struct Case {
  std::string task;
  int64_t length = 4096, num_samples = 10;
  uint64_t seed = 42;
  int num_threads = 1;
};

inline tasks::ruler::BuildRequest request_of(const Case& c) {
  return {tasks::ruler::find_ruler_spec(c.task), c.length, c.num_samples, c.seed};
}

inline std::vector<tasks::ruler::Sample> built(const Case& c) {
  std::vector<tasks::ruler::Sample> samples;
  tasks::ruler::build_strict(
      request_of(c), generated(), count_rough,
      [&](tasks::ruler::Sample sample) { samples.push_back(std::move(sample)); }, c.num_threads);
  return samples;
}

}  // namespace hylo::tests
