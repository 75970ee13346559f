#include "tasks/prompts/text_template.h"

#include <array>
#include <utility>

#include "harness/base/unicode.h"

namespace hylo::tasks {
namespace {

using Text = std::string_view;

size_t place_of(Text text, Text separator, size_t found) {
  require(found != Text::npos, "expected '{}' in '{}'", separator, text);
  return found;
}

std::string after_last(Text text, Text separator) {
  const size_t found = text.rfind(separator);
  return std::string(found == Text::npos ? text : text.substr(found + separator.size()));
}

struct KnownChange {
  Text name;
  bool has_separator;
  std::string (*apply)(Text text, Text separator);
};

constexpr std::array changes{
    KnownChange{"strip", false, [](Text t, Text) { return std::string(python_strip(t)); }},
    KnownChange{"lstrip", false, [](Text t, Text) { return std::string(python_lstrip(t)); }},
    KnownChange{"rstrip", false, [](Text t, Text) { return std::string(python_rstrip(t)); }},
    KnownChange{"capitalize", false, [](Text t, Text) { return python_capitalize(t); }},
    KnownChange{"before", true,
                [](Text t, Text x) { return std::string(t.substr(0, place_of(t, x, t.find(x)))); }},
    KnownChange{
        "after", true,
        [](Text t, Text x) { return std::string(t.substr(place_of(t, x, t.find(x)) + x.size())); }},
    KnownChange{
        "before_last", true,
        [](Text t, Text x) { return std::string(t.substr(0, place_of(t, x, t.rfind(x)))); }},
    KnownChange{"after_last", true, after_last},
};

}  // namespace

TextTemplate::Change TextTemplate::change_named(Text text) {
  const size_t colon = text.find(':');
  const bool has_separator = colon != Text::npos && colon + 1 < text.size();
  for (const auto& known : changes) {
    if (known.name != text.substr(0, colon) || known.has_separator != has_separator) continue;
    return {known.apply, std::string(has_separator ? text.substr(colon + 1) : Text())};
  }
  fail(
      "template: unknown change '{}'; there are strip, lstrip, rstrip, capitalize, before:X, "
      "after:X, before_last:X and after_last:X",
      text);
}

TextTemplate::Piece TextTemplate::place(Text inside) {
  const auto parts = split(inside, '|');
  Piece piece{.literal = {}, .path = FieldPath(parts.front()), .changes = {}};
  for (size_t i = 1; i < parts.size(); ++i) piece.changes.push_back(change_named(parts[i]));
  return piece;
}

TextTemplate::TextTemplate(Text text) {
  std::string literal;
  for (size_t i = 0; i < text.size();) {
    const char sign = text[i];
    const bool is_brace = sign == '{' || sign == '}';
    const bool is_double = is_brace && text.substr(i + 1).starts_with(sign);
    if (!is_brace || is_double) {
      literal += sign;
      i += is_double ? 2 : 1;
      continue;
    }
    require(sign == '{', "template '{}': a brace is closed that none opened; }}}} writes one",
            text);
    const size_t close = text.find('}', i);
    require(close != Text::npos, "template '{}': a brace is not closed", text);
    pieces_.push_back(place(text.substr(i + 1, close - i - 1)));
    pieces_.back().literal = std::exchange(literal, {});
    i = close + 1;
  }
  if (!literal.empty()) pieces_.push_back({.literal = literal, .path = {}, .changes = {}});
}

std::string TextTemplate::render(const Json& fields) const {
  std::string out;
  for (const auto& [literal, path, changes_of_place] : pieces_) {
    out += literal;
    if (!path) continue;
    auto value = text_of(path->find(fields), *path);
    for (const auto& [apply, separator] : changes_of_place) {
      try {
        value = apply(value, separator);
      } catch (const Error& error) {
        fail("field {}: {}", path->text(), error.what());
      }
    }
    out += value;
  }
  return out;
}

}  // namespace hylo::tasks
