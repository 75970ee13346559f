#include "tasks/ruler/text_pieces.h"

#include <algorithm>

#include "harness/base/error.h"
#include "harness/base/unicode.h"

namespace hylo::tasks::ruler {
namespace {

constexpr size_t max_words_of_a_piece = 64;

/// As much of the pieces as shows how they join; more would only take time.
constexpr size_t calibration_bytes = 200'000;

std::string_view from_to(std::string_view first, std::string_view last) {
  return {first.data(), static_cast<size_t>(last.data() + last.size() - first.data())};
}

}  // namespace

std::vector<std::string_view> words_of(std::string_view text) {
  std::vector<std::string_view> words;
  size_t begin = 0;
  for (size_t i = 0; i < text.size();) {
    const auto point = code_point_at(text, i);
    if (is_python_space(point.value)) {
      if (i > begin) words.push_back(text.substr(begin, i - begin));
      begin = i + point.num_bytes;
    }
    i += point.num_bytes;
  }
  if (begin < text.size()) words.push_back(text.substr(begin));
  return words;
}

std::string with_single_blanks(std::string_view text) {
  std::string joined;
  joined.reserve(text.size());
  for (const auto word : words_of(text)) {
    if (!joined.empty()) joined += ' ';
    joined += word;
  }
  return joined;
}

std::vector<std::string_view> pieces_of(std::string_view sentence) {
  const auto words = words_of(sentence);
  std::vector<std::string_view> pieces;
  for (size_t first = 0; first < words.size(); first += max_words_of_a_piece) {
    const size_t last = std::min(first + max_words_of_a_piece, words.size()) - 1;
    pieces.push_back(from_to(words[first], words[last]));
  }
  return pieces;
}

PieceTable::PieceTable(std::vector<std::string> pieces, std::string_view joint,
                       const CountTokens& count)
    : pieces_(std::move(pieces)) {
  require(!pieces_.empty(), "a text without a single word cannot fill a prompt");
  before_.reserve(pieces_.size() + 1);
  before_.push_back(0);
  for (const auto& text : pieces_) {
    const auto piece_tokens = static_cast<double>(count(std::string(joint) + text));
    before_.push_back(before_.back() + piece_tokens);
  }
  std::string run;
  size_t num_pieces = 0;
  while (run.size() < calibration_bytes && num_pieces < std::max<size_t>(pieces_.size(), 64)) {
    run += joint;
    run += piece(num_pieces++);
  }
  const double estimated = tokens(0, num_pieces);
  require(estimated > 0, "the tokenizer has no tokens for '{}'", run.substr(0, 64));
  const double scale = static_cast<double>(count(run)) / estimated;
  for (double& total : before_) total *= scale;
}

double PieceTable::tokens_before(size_t i) const {
  const size_t rounds = i / pieces_.size();
  return static_cast<double>(rounds) * before_.back() + before_[i % pieces_.size()];
}

double PieceTable::tokens(size_t first, size_t num_pieces) const {
  return tokens_before(first + num_pieces) - tokens_before(first);
}

size_t PieceTable::num_fitting(size_t first, double max_tokens) const {
  if (max_tokens <= 0) return 0;
  size_t low = 0;
  size_t high = 1;
  while (tokens(first, high) <= max_tokens) high *= 2;
  while (high - low > 1) {
    const size_t middle = low + (high - low) / 2;
    (tokens(first, middle) <= max_tokens ? low : high) = middle;
  }
  return low;
}

}  // namespace hylo::tasks::ruler
