// Cutting a text into the pieces that are encoded one by one.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace hylo::models {

/// What becomes of the matches of a Split: pieces of their own, nothing, part of a neighbour, or
/// one piece for adjoining ones.
enum class SplitBehavior { Isolated, Removed, MergedWithPrevious, MergedWithNext, Contiguous };

struct Split {
  std::string pattern;
  bool is_literal = false;
  SplitBehavior behavior = SplitBehavior::Isolated;
  bool invert = false;  ///< the pattern describes what lies between the matches
};
/// GPT-2's: the bytes of a piece, not its characters, are symbols. Always the last step.
struct ByteLevel {
  bool add_prefix_space = false;
  bool use_regex = true;  ///< cuts by GPT-2's pattern
};
/// SentencePiece's: blanks become a mark, one is put in front of a text.
struct Metaspace {
  enum class Prepend { Always, First, Never };
  std::string mark;
  Prepend prepend = Prepend::Always;
  bool split = true;  ///< each mark begins a piece
};
using PreTokenizerStep = std::variant<Split, ByteLevel, Metaspace>;

struct PreTokenizerOptions {
  bool use_scanners = true;  ///< known patterns without PCRE2; the pieces are the same
};

class PreTokenizer {
 public:
  using OnPiece = std::function<void(std::string_view)>;

  /// Throws Error on a pattern that does not compile.
  explicit PreTokenizer(const std::vector<PreTokenizerStep>& steps,
                        PreTokenizerOptions options = {});
  ~PreTokenizer();

  /// Calls `on_piece` for each piece, none empty, in order. `text` is valid UTF-8; `is_first` says
  /// that it begins where the whole text begins. A piece is valid only during the call.
  void split(std::string_view text, bool is_first, const OnPiece& on_piece) const;

 private:
  struct Stage;
  void split_from(size_t stage, std::string_view text, bool is_first,
                  const OnPiece& on_piece) const;
  std::vector<std::unique_ptr<const Stage>> stages_;
};

}  // namespace hylo::models
