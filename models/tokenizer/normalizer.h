// What happens to a text before it is cut into pieces.
#pragma once

#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace hylo::models {

enum class UnicodeForm { Nfc, Nfd, Nfkc, Nfkd };
/// In front of a text that is not empty.
struct Prepend {
  std::string text;
};
/// Every match of a pattern (a regular expression goes through to_pcre2), left to right.
struct Replace {
  std::string pattern;
  bool is_literal = true;
  std::string content;
};
using NormalizerStep = std::variant<UnicodeForm, Prepend, Replace>;

/// The steps in turn. The text must be valid UTF-8.
std::string normalize(const std::vector<NormalizerStep>& steps, std::string_view text);

/// A Unicode normalization form, by utf8proc.
std::string to_unicode_form(std::string_view text, UnicodeForm form);

/// A pattern as tokenizer files write it (Oniguruma, Rust) for PCRE2: white space is
/// \p{White_Space}, which U+180E is not. Throws Error on \h, which is a digit there and a blank in
/// PCRE2.
std::string to_pcre2(std::string_view pattern);

}  // namespace hylo::models
