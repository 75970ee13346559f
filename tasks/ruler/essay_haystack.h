// Essays as a haystack: their first words, cut into sentences.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "tasks/ruler/punkt.h"

namespace hylo::tasks::ruler {

/// Sentences one after another, with one space between them whatever stood there.
struct JoinedSentences {
  std::string text;
  std::vector<Span> sentences;

  /// Sentences [first, last) with the spaces between them; empty for none.
  [[nodiscard]] std::string_view group(size_t first, size_t last) const;
};

/// Every run of white space (Python's) as one space.
std::string with_single_spaces(std::string_view text);

class EssayHaystack {
 public:
  EssayHaystack(std::string_view essay, Punkt punkt);

  [[nodiscard]] int64_t num_words() const { return static_cast<int64_t>(word_ends_.size()); }

  /// The first words of the essay, from its beginning again where it ends, without white space
  /// around them.
  [[nodiscard]] std::string first_words(int64_t num_words) const;

  /// Their sentences. The last few sizes asked for are kept; the reference is good until the next
  /// call.
  const JoinedSentences& sentences_of(int64_t num_words);

 private:
  std::string text_;               ///< with single spaces
  std::vector<size_t> word_ends_;  ///< white space at either end leaves an empty word there
  Punkt punkt_;
  std::map<int64_t, JoinedSentences> kept_;
};

}  // namespace hylo::tasks::ruler
