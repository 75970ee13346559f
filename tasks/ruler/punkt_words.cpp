#include "tasks/ruler/punkt_words.h"

#include "harness/base/files.h"
#include "harness/base/unicode.h"

namespace hylo::tasks::ruler {
namespace {

constexpr std::string_view outside_words = ")\";}]*:@'({[?!";
constexpr std::string_view never_first = "(\"`{[:;&#*@)}]-,";

size_t length_of_run(std::string_view text, char c) {
  const size_t end = text.find_first_not_of(c);
  return end == std::string_view::npos ? text.size() : end;
}

/// Bytes of the white space at the beginning: one character of it, or none.
size_t length_of_space(std::string_view text) {
  if (text.empty()) return 0;
  const auto [value, num_bytes] = code_point_at(text, 0);
  return is_python_space(value) ? num_bytes : 0;
}

/// ". . ." and longer: full stops with one white space between them.
size_t length_of_spaced_stops(std::string_view text) {
  size_t length = 0;
  size_t num_pairs = 0;
  while (text.substr(length).starts_with('.')) {
    const size_t space = length_of_space(text.substr(length + 1));
    if (space == 0) return num_pairs >= 2 ? length + 1 : 0;
    length += 1 + space;
    ++num_pairs;
  }
  // The last pair has no stop after it: give it back, its own stop ends the match.
  if (num_pairs < 3) return 0;
  size_t end = text.substr(0, length).rfind('.');
  return end + 1;
}

/// Bytes of "--", "..." or ". . ." at the beginning, or none.
size_t length_of_marks(std::string_view text) {
  if (text.starts_with("--")) return length_of_run(text, '-');
  if (text.starts_with("..")) return length_of_run(text, '.');
  return length_of_spaced_stops(text);
}

bool ends_comma(std::string_view rest) {
  return rest.empty() || length_of_space(rest) > 0 || is_outside_words(rest[0]) ||
         length_of_marks(rest) > 0;
}

bool ends_word(std::string_view rest) {
  return ends_comma(rest) || (rest[0] == ',' && ends_comma(rest.substr(1)));
}

size_t length_of_word(std::string_view text) {
  size_t length = code_point_at(text, 0).num_bytes;
  if (never_first.find(text[0]) != std::string_view::npos) return length;
  while (!ends_word(text.substr(length))) length += code_point_at(text, length).num_bytes;
  return length;
}

void append_words_of_line(std::string_view line, std::vector<std::string_view>& words) {
  while (!line.empty()) {
    if (const size_t space = length_of_space(line)) {
      line.remove_prefix(space);
      continue;
    }
    const size_t marks = length_of_marks(line);
    const size_t length = marks ? marks : length_of_word(line);
    words.push_back(line.substr(0, length));
    line.remove_prefix(length);
  }
}

/// The pattern -?[.,]?\d[\d,.-]*\.? as the whole of a text.
bool is_number(std::string_view text) {
  if (text.starts_with('-')) text.remove_prefix(1);
  if (text.starts_with('.') || text.starts_with(',')) text.remove_prefix(1);
  if (text.empty() || !is_python_digit(code_point_at(text, 0).value)) return false;
  while (!text.empty()) {
    const auto [value, num_bytes] = code_point_at(text, 0);
    const bool fits = is_python_digit(value) || value == ',' || value == '.' || value == '-';
    if (!fits) return false;
    text.remove_prefix(num_bytes);
  }
  return true;
}

}  // namespace

bool is_outside_words(char c) { return outside_words.find(c) != std::string_view::npos; }

std::vector<std::string_view> punkt_words(std::string_view text) {
  std::vector<std::string_view> words;
  for (const auto line : lines_of(text)) append_words_of_line(line, words);
  return words;
}

std::string punkt_type(std::string_view word) {
  return is_number(word) ? "##number##" : python_lower(word);
}

}  // namespace hylo::tasks::ruler
