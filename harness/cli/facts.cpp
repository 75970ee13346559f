#include "harness/cli/facts.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>

#include "harness/base/unicode.h"
#include "harness/base/units.h"
#include "harness/cli/output.h"
#include "reports/render/table.h"

namespace hylo::cli {
namespace {

/// Names of variables and packages stay as they are spelt.
std::string label(const std::string& key) {
  const bool is_name = std::ranges::any_of(key, [](char c) { return c >= 'A' && c <= 'Z'; });
  return is_name ? key : replace_all(key, "_", " ");
}

size_t widest_label(const FactPage& page) {
  size_t widest = 0;
  for (const auto& section : page) {
    for (const auto& fact : section.facts) widest = std::max(widest, fact.key.size());
  }
  return widest;
}

std::string styled(const std::string& text, const char* code, bool colour) {
  return colour ? fmt::format("\x1b[{}m{}\x1b[0m", code, text) : text;
}

std::string drawn(const Fact& fact, size_t width, bool colour) {
  const std::string indent(width + 4, ' ');
  const auto text = replace_all(fact.text, "\n", "\n" + indent);
  const auto mark = fact.is_problem ? styled("PROBLEM: ", "33", colour) : "";
  return fmt::format("  {:<{}}  {}{}\n", label(fact.key), width, mark, text);
}

}  // namespace

Fact fact(const std::string& key, const OrderedJson& value) {
  Fact made{.key = key, .value = value, .text = value.dump()};
  if (value.is_string()) made.text = value.get<std::string>();
  if (value.is_number_integer()) made.text = with_thousands(value.get<int64_t>());
  if (value.is_boolean()) made.text = value.get<bool>() ? "yes" : "no";
  return made;
}

Fact absent(const std::string& key, const std::string& meaning) {
  return {.key = key, .value = nullptr, .text = meaning};
}

OrderedJson json_of(const FactPage& page) {
  auto document = OrderedJson::object();
  auto problems = OrderedJson::array();
  for (const auto& section : page) {
    auto& object = document[section.key] = OrderedJson::object();
    for (const auto& fact : section.facts) {
      object[fact.key] = fact.value;
      if (!fact.is_problem) continue;
      problems.push_back(fmt::format("{}: {}: {}", label(section.key), label(fact.key), fact.text));
    }
  }
  document["problems"] = problems;
  return document;
}

std::string text_of(const FactPage& page, bool colour) {
  const auto width = widest_label(page);
  std::string text;
  for (const auto& section : page) {
    if (section.facts.empty()) continue;
    text += (text.empty() ? "" : "\n") + styled(label(section.key), "1", colour) + "\n";
    for (const auto& fact : section.facts) text += drawn(fact, width, colour);
  }
  return text;
}

void print_facts(const FactPage& page, bool json) {
  if (json) return print_json(json_of(page));
  print_out(text_of(page, reports::terminal_options(STDOUT_FILENO).colour));
}

}  // namespace hylo::cli
