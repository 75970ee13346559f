#include "tasks/commonsense/python_literal.h"

#include <array>
#include <charconv>
#include <utility>

#include "harness/base/unicode.h"

namespace hylo::tasks {
namespace {

constexpr std::string_view blanks = " \t\r\n";
constexpr size_t max_depth = 100;
constexpr size_t max_octal_digits = 3;
constexpr std::string_view octal_digits = "01234567";
constexpr std::array<std::pair<char, char>, 8> escapes{{{'n', '\n'},
                                                        {'t', '\t'},
                                                        {'r', '\r'},
                                                        {'a', '\a'},
                                                        {'b', '\b'},
                                                        {'f', '\f'},
                                                        {'v', '\v'},
                                                        {'\\', '\\'}}};
constexpr std::array<std::pair<char, size_t>, 3> hexadecimal_escapes{
    {{'x', 2}, {'u', 4}, {'U', 8}}};

class Parser {
 public:
  explicit Parser(std::string_view text) : text_(text) {}

  Json whole() {
    Json value = any();
    skip_blanks();
    if (position_ != text_.size()) unexpected("the end");
    return value;
  }

 private:
  [[noreturn]] void unexpected(std::string_view expected) const {
    fail("Python literal: expected {} at offset {}, found '{}'", expected, position_,
         text_.substr(position_, 20));
  }

  [[nodiscard]] char peek() const { return position_ < text_.size() ? text_[position_] : '\0'; }

  void skip_blanks() {
    position_ = std::min(text_.find_first_not_of(blanks, position_), text_.size());
  }

  bool take(std::string_view word) {
    skip_blanks();
    if (!text_.substr(position_).starts_with(word)) return false;
    position_ += word.size();
    return true;
  }

  Json any() {
    require(depth_ < max_depth,
            "Python literal: expected at most {} values inside each other, found more at offset {}",
            max_depth, position_);
    ++depth_;
    Json value = any_at_this_depth();
    --depth_;
    return value;
  }

  Json any_at_this_depth() {
    if (take("[")) return list("]");
    if (take("(")) return list(")");
    if (take("{")) return dictionary();
    if (take("True")) return true;
    if (take("False")) return false;
    if (take("None")) return nullptr;
    if (peek() == '\'' || peek() == '"') return joined_texts();
    return number();
  }

  Json list(std::string_view close) {
    Json values = Json::array();
    while (!take(close)) {
      values.push_back(any());
      if (take(",")) continue;
      if (!take(close)) unexpected("a comma or the end of a list");
      break;
    }
    return values;
  }

  Json dictionary() {
    Json values = Json::object();
    while (!take("}")) {
      skip_blanks();
      if (peek() != '\'' && peek() != '"') unexpected("a key in quotes");
      const auto key = joined_texts();
      if (!take(":")) unexpected("a colon");
      values[key] = any();
      if (take(",")) continue;
      if (!take("}")) unexpected("a comma or the end of a dictionary");
      break;
    }
    return values;
  }

  /// Texts that follow each other are one.
  std::string joined_texts() {
    std::string text;
    for (skip_blanks(); peek() == '\'' || peek() == '"'; skip_blanks()) text += one_text();
    return text;
  }

  std::string one_text() {
    const char quote = text_[position_++];
    std::string text;
    while (peek() != quote) {
      if (position_ >= text_.size()) unexpected("the end of a text");
      if (peek() == '\\') {
        ++position_;
        text += escaped();
      } else {
        text += text_[position_++];
      }
    }
    ++position_;
    return text;
  }

  std::string escaped() {
    const char sign = peek();
    if (octal_digits.find(sign) != std::string_view::npos) return octal();
    require(sign != 'N',
            "Python literal: a character is asked for by its name at offset {}; write "
            "the character itself or \\u with its number",
            position_);
    ++position_;
    for (const auto& [name, num_digits] : hexadecimal_escapes) {
      if (sign == name) return code_point(num_digits);
    }
    for (const auto& [name, value] : escapes) {
      if (sign == name) return {value};
    }
    if (sign == '\'' || sign == '"') return {sign};
    return sign == '\n' ? std::string() : std::string{'\\', sign};
  }

  /// Up to three digits, as many as there are.
  std::string octal() {
    const auto digits = text_.substr(position_, max_octal_digits);
    uint32_t value = 0;
    const auto [end, error] =
        std::from_chars(digits.data(), digits.data() + digits.size(), value, 8);
    invariant(error == std::errc(), "no octal digit in '{}'", digits);
    position_ += static_cast<size_t>(end - digits.data());
    std::string text;
    append_utf8(text, static_cast<char32_t>(value));
    return text;
  }

  std::string code_point(size_t num_digits) {
    const auto digits = text_.substr(std::min(position_, text_.size()), num_digits);
    uint32_t value = 0;
    const auto [end, error] =
        std::from_chars(digits.data(), digits.data() + digits.size(), value, 16);
    if (error != std::errc() || end != digits.data() + num_digits) unexpected("hexadecimal digits");
    position_ += num_digits;
    std::string text;
    append_utf8(text, static_cast<char32_t>(value));
    return text;
  }

  Json number() {
    int64_t value = 0;
    const auto [end, error] =
        std::from_chars(text_.data() + position_, text_.data() + text_.size(), value);
    if (error != std::errc()) unexpected("a value");
    position_ = static_cast<size_t>(end - text_.data());
    return value;
  }

  std::string_view text_;
  size_t position_ = 0;
  size_t depth_ = 0;
};

}  // namespace

Json parse_python_literal(std::string_view text) { return Parser(text).whole(); }

}  // namespace hylo::tasks
