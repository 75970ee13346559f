// The sorted set of all "adjective-noun" pairs, as if it were a list: 6 million of them are not
// kept.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "tasks/ruler/sources.h"

namespace hylo::tasks::ruler {

class WordPairs {
 public:
  explicit WordPairs(const Words& words);

  [[nodiscard]] size_t size() const { return ends_.empty() ? 0 : ends_.back(); }
  /// The pair at a place of the list that is sorted by code point and has no pair twice.
  [[nodiscard]] std::string at(size_t index) const;

 private:
  /// Pairs that stand together in the list: those of one adjective, or of one and those that begin
  /// with it and a hyphen ("well", "well-groomed"), whose pairs interleave.
  struct Group {
    std::string adjective;
    std::vector<std::string> merged;  ///< the pairs themselves where several adjectives interleave
  };
  void add_group(const std::string& adjective, std::vector<std::string> merged);

  std::vector<std::string> nouns_;
  std::vector<Group> groups_;
  std::vector<size_t> ends_;  ///< of each group, one past its last pair
};

/// Nouns, adjectives and verbs as one list, sorted by code point, no word twice.
std::vector<std::string> all_words(const Words& words);

}  // namespace hylo::tasks::ruler
