// A text as pieces at whose ends it may be cut, and a table of pieces with what they cost.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "tasks/ruler/sample.h"

namespace hylo::tasks::ruler {

/// The text with every run of white space replaced by one blank, none at its ends.
std::string with_single_blanks(std::string_view text);

/// A sentence as it is, or, where it has more than 64 words, in pieces of so many: a text without
/// sentences has places to cut too.
std::vector<std::string_view> pieces_of(std::string_view sentence);

/// Words, in order.
std::vector<std::string_view> words_of(std::string_view text);

/// Estimates tokens of runs of pieces. Every piece is counted once; one run is counted as a whole,
/// and what the pieces miss of it (tokens across their joints) scales all estimates.
class PieceTable {
 public:
  /// `joint` stands in front of every piece in a text. Throws Error where there is no piece.
  PieceTable(std::vector<std::string> pieces, std::string_view joint, const CountTokens& count);

  [[nodiscard]] size_t size() const { return pieces_.size(); }
  /// Beyond the last piece comes the first one again.
  [[nodiscard]] std::string_view piece(size_t i) const { return pieces_[i % pieces_.size()]; }
  [[nodiscard]] double tokens(size_t first, size_t num_pieces) const;
  /// The most pieces from `first` on that are estimated at `max_tokens` or fewer.
  [[nodiscard]] size_t num_fitting(size_t first, double max_tokens) const;

 private:
  [[nodiscard]] double tokens_before(size_t i) const;
  std::vector<std::string> pieces_;
  std::vector<double> before_;  // tokens of all pieces before the i-th; one more than pieces
};

}  // namespace hylo::tasks::ruler
