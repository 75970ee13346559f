#include "tasks/prompts/text_template.h"

#include <array>
#include <utility>

#include "harness/base/unicode.h"

namespace hylo::tasks {
namespace {

using Change = std::string (*)(std::string_view);
constexpr std::array<std::pair<std::string_view, Change>, 4> changes{{
    {"strip", [](std::string_view text) { return std::string(python_strip(text)); }},
    {"lstrip", [](std::string_view text) { return std::string(python_lstrip(text)); }},
    {"rstrip", [](std::string_view text) { return std::string(python_rstrip(text)); }},
    {"capitalize", python_capitalize},
}};

Change change_named(std::string_view name) {
  for (const auto& [known, change] : changes) {
    if (known == name) return change;
  }
  fail("template: unknown change '{}'; there are strip, lstrip, rstrip and capitalize", name);
}

}  // namespace

TextTemplate::Piece TextTemplate::place(std::string_view inside) {
  const size_t bar = inside.find('|');
  return {.path = FieldPath(inside.substr(0, bar)),
          .change = bar == std::string_view::npos ? nullptr : change_named(inside.substr(bar + 1))};
}

TextTemplate::TextTemplate(std::string_view text) {
  for (std::string_view rest = text; !rest.empty();) {
    const size_t open = rest.find('{');
    if (open == std::string_view::npos) {
      pieces_.push_back({.literal = std::string(rest), .path = {}});
      return;
    }
    const size_t close = rest.find('}', open);
    require(close != std::string_view::npos, "template '{}': a brace is not closed", text);
    pieces_.push_back(place(rest.substr(open + 1, close - open - 1)));
    pieces_.back().literal = rest.substr(0, open);
    rest = rest.substr(close + 1);
  }
}

std::string TextTemplate::render(const Json& fields) const {
  std::string out;
  for (const auto& [literal, path, change] : pieces_) {
    out += literal;
    if (!path) continue;
    const auto value = text_of(path->find(fields), *path);
    out += change ? change(value) : value;
  }
  return out;
}

}  // namespace hylo::tasks
