// The pre-tokenizer patterns that most checkpoints use, without a regular expression engine.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

namespace hylo::models {

/// Patterns known by their exact text. GPT-NeoX uses that of GPT-2.
enum class KnownPattern { Gpt2, Llama3, Qwen2 };

/// The pattern as tokenizer files write it.
std::string_view text_of(KnownPattern pattern);
std::optional<KnownPattern> known_pattern(std::string_view text);

/// Cuts valid UTF-8 where the pattern's matches end. Each of the known patterns has a match at
/// every place, so the pieces are the whole text. Gives what PCRE2 gives for
/// to_pcre2(text_of(pattern)).
class PatternScanner {
 public:
  explicit PatternScanner(KnownPattern pattern);

  /// Where the piece that begins at `begin` ends; `begin` < text.size().
  [[nodiscard]] size_t end_of_piece(std::string_view text, size_t begin) const;

 private:
  enum Class : uint8_t { Other, Letter, Number, Space };
  struct Seen {
    Class kind;
    uint8_t num_bytes;
  };
  static const std::vector<uint8_t>& classes();

  [[nodiscard]] Seen look(std::string_view text, size_t at) const;
  [[nodiscard]] size_t run(std::string_view text, size_t at, Class kind, size_t max_count) const;
  [[nodiscard]] size_t end_gpt2(std::string_view text, size_t begin) const;
  [[nodiscard]] size_t end_llama3(std::string_view text, size_t begin) const;
  [[nodiscard]] size_t end_of_blanks(std::string_view text, size_t begin, bool lines_apart) const;

  KnownPattern pattern_;
  size_t max_digits_;
  const uint8_t* classes_;  // by code point
};

}  // namespace hylo::models
