#include "harness/cli/command_line.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <optional>
#include <string>
#include <vector>

#include "harness/base/unicode.h"

namespace hylo::cli {
namespace {

/// The verb that was reached, and how it is called: "store export".
struct Reached {
  const CLI::App* verb;
  std::string name;  ///< empty: the program itself
};

Reached reached_verb(const CLI::App& program) {
  Reached reached{&program, ""};
  while (!reached.verb->get_subcommands().empty()) {
    reached.verb = reached.verb->get_subcommands().back();
    reached.name += (reached.name.empty() ? "" : " ") + reached.verb->get_name();
  }
  return reached;
}

std::vector<std::string> flags_of(const CLI::App& verb) {
  std::vector<std::string> flags;
  for (const auto* option : verb.get_options()) {
    for (const auto& name : option->get_lnames()) flags.push_back("--" + name);
    for (const auto& name : option->get_snames()) flags.push_back("-" + name);
  }
  return flags;
}

/// Of a verb that takes words of its own, as a run, none: what follows it is not a misspelt verb.
std::vector<std::string> verbs_of(const CLI::App& verb) {
  const auto takes_words = [](const CLI::Option* option) { return option->get_positional(); };
  if (std::ranges::any_of(verb.get_options(), takes_words)) return {};
  std::vector<std::string> names;
  for (const auto* below : verb.get_subcommands([](const CLI::App*) { return true; })) {
    names.push_back(below->get_name());
  }
  return names;
}

std::string suggestion(const std::string& word, const std::vector<std::string>& candidates) {
  const auto near = nearest(word, candidates);
  return near ? fmt::format("; did you mean '{}'?", *near) : ";";
}

std::string about_flag(const Reached& at, const std::string& argument) {
  const auto flag = argument.substr(0, argument.find('='));
  return fmt::format("there is no option '{}'{}", flag, suggestion(flag, flags_of(*at.verb)));
}

std::string about_word(const Reached& at, const std::string& word) {
  const auto verbs = verbs_of(*at.verb);
  if (verbs.empty()) return fmt::format("'{}' was not expected;", word);
  return fmt::format("there is no verb '{}'{} expected one of {}.", word, suggestion(word, verbs),
                     fmt::join(verbs, ", "));
}

/// Above other verbs the first word decides; in the last one a misspelt flag explains the words
/// behind it.
std::string about_extras(const Reached& at, const std::vector<std::string>& extras) {
  const auto is_flag = [](const std::string& extra) { return extra.starts_with("-"); };
  const auto flag = std::ranges::find_if(extras, is_flag);
  const bool flag_counts =
      verbs_of(*at.verb).empty() ? flag != extras.end() : is_flag(extras.front());
  return flag_counts ? about_flag(at, *flag) : about_word(at, extras.front());
}

}  // namespace

std::string explain(const CLI::App& program, const CLI::ParseError& error) {
  const auto at = reached_verb(program);
  const auto prefix = at.name.empty() ? "" : at.name + ": ";
  const auto help =
      fmt::format("`hylo {}{}--help` shows what there is", at.name, at.name.empty() ? "" : " ");
  const auto extras = program.remaining(true);
  if (!extras.empty()) return fmt::format("{}{} {}", prefix, about_extras(at, extras), help);
  const auto verbs = verbs_of(*at.verb);
  if (dynamic_cast<const CLI::RequiredError*>(&error) != nullptr && !verbs.empty()) {
    return fmt::format("{}expected a verb, one of {}; {}", prefix, fmt::join(verbs, ", "), help);
  }
  return fmt::format("{}{}; {}", prefix, error.what(), help);
}

}  // namespace hylo::cli
