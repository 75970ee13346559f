#include "harness/cli/verb.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>

namespace hylo::cli {
namespace {

std::string drawn(const std::vector<Example>& examples) {
  std::string text = "Examples:\n";
  for (const auto& example : examples) {
    text += fmt::format("  {}\n      {}\n", example.command, example.meaning);
  }
  return text;
}

}  // namespace

CLI::App& add_verb(CLI::App& parent, const std::string& name, const std::string& summary,
                   const std::vector<Example>& examples) {
  auto& verb = *parent.add_subcommand(name, summary);
  verb.footer(drawn(examples));
  return verb;
}

}  // namespace hylo::cli
