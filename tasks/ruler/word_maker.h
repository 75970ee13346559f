// Pronounceable words that were not there before.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

#include "harness/base/random.h"

namespace hylo::tasks::ruler {

/// Never gives a word twice; the same words in the same order for the same key.
class WordMaker {
 public:
  explicit WordMaker(uint64_t key) : random_(key) {}

  /// So many syllables and an ending.
  std::string word(int num_syllables, std::string_view ending = "");
  /// The same with a capital.
  std::string name(int num_syllables, std::string_view ending = "");
  std::vector<std::string> words(size_t count, int num_syllables);

 private:
  CounterRandom random_;
  std::unordered_set<std::string> made_;
};

}  // namespace hylo::tasks::ruler
