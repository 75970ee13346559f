#include "tasks/ruler/word_pairs.h"

#include <algorithm>
#include <iterator>

#include "harness/base/error.h"

namespace hylo::tasks::ruler {
namespace {

std::vector<std::string> sorted_set(std::vector<std::string> words) {
  std::ranges::sort(words);
  const auto repeated = std::ranges::unique(words);
  words.erase(repeated.begin(), repeated.end());
  return words;
}

}  // namespace

WordPairs::WordPairs(const Words& words) : nouns_(sorted_set(words.nouns)) {
  require(!words.nouns.empty() && !words.adjectives.empty(),
          "word lists: expected nouns and adjectives, found {} and {}", words.nouns.size(),
          words.adjectives.size());
  std::vector<std::string> heads;  // With the hyphen: it takes part in the order.
  for (const auto& adjective : words.adjectives) heads.push_back(adjective + "-");
  heads = sorted_set(std::move(heads));
  for (size_t first = 0; first < heads.size();) {
    size_t end = first + 1;
    while (end < heads.size() && heads[end].starts_with(heads[first])) ++end;
    std::vector<std::string> merged;
    for (size_t i = first; end > first + 1 && i < end; ++i) {
      for (const auto& noun : nouns_) merged.push_back(heads[i] + noun);
    }
    add_group(heads[first], sorted_set(std::move(merged)));
    first = end;
  }
}

void WordPairs::add_group(const std::string& adjective, std::vector<std::string> merged) {
  ends_.push_back(size() + (merged.empty() ? nouns_.size() : merged.size()));
  groups_.push_back({.adjective = adjective, .merged = std::move(merged)});
}

std::string WordPairs::at(size_t index) const {
  invariant(index < size(), "word pairs: {} of {}", index, size());
  const auto end = std::ranges::upper_bound(ends_, index);
  const auto place = static_cast<size_t>(std::distance(ends_.begin(), end));
  const auto& [adjective, merged] = groups_[place];
  const size_t within = index - (place == 0 ? 0 : ends_[place - 1]);
  return merged.empty() ? adjective + nouns_[within] : merged[within];
}

std::vector<std::string> all_words(const Words& words) {
  auto all = words.nouns;
  all.insert(all.end(), words.adjectives.begin(), words.adjectives.end());
  all.insert(all.end(), words.verbs.begin(), words.verbs.end());
  return sorted_set(std::move(all));
}

}  // namespace hylo::tasks::ruler
