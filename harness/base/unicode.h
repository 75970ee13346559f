// Text as code points, with Python's ideas of white space: prompts and scores depend on them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace hylo {

/// Offset of the first byte that does not belong to valid UTF-8, if there is one.
std::optional<size_t> first_invalid_utf8(std::string_view text);

struct CodePoint {
  char32_t value;
  size_t num_bytes;
};
/// The code point that begins at `offset`; an invalid byte yields U+FFFD and one byte.
CodePoint code_point_at(std::string_view text, size_t offset);
void append_utf8(std::string& text, char32_t code_point);
size_t count_code_points(std::string_view text);

/// str.isspace() of Python: also U+001C to U+001F, U+0085 and U+00A0, not U+200B.
bool is_python_space(char32_t code_point);
/// What \d, \w, str.isupper() and str.islower() of Python say of one character.
bool is_python_digit(char32_t code_point);
bool is_python_word(char32_t code_point);
bool is_python_upper(char32_t code_point);
bool is_python_lower(char32_t code_point);
std::string_view python_rstrip(std::string_view text);
std::string_view python_lstrip(std::string_view text);
std::string_view python_strip(std::string_view text);

/// str.capitalize(): the first character in title case, the rest in lower case.
std::string python_capitalize(std::string_view text);
std::string python_lower(std::string_view text);

/// Every occurrence of `from`, which must not be empty, replaced by `to`, left to right.
std::string replace_all(std::string_view text, std::string_view from, std::string_view to);

std::vector<std::string_view> split(std::string_view text, char separator);

/// The candidate nearest to `word` in edits, if it is near enough to suggest.
std::optional<std::string> nearest(std::string_view word,
                                   const std::vector<std::string>& candidates);

}  // namespace hylo
