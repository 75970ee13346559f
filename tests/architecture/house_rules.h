// The rules of the house that a program can check: who may include whom, what a room must have.
#pragma once

#include <filesystem>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace hylo::tests {

/// Files that may break a rule, each with its reason.
using Exceptions = std::map<std::string, std::string>;

struct HouseRules {
  /// Room to the rooms that it may include, besides itself.
  std::map<std::string, std::set<std::string>> may_include;
  std::set<std::string> rooms_without_libtorch;
  size_t max_lines = 400;
  Exceptions long_files;
  Exceptions includers_of_torch_h;
};

/// The table of floors, and the exceptions that are granted.
const HouseRules& rules_of_hylo();

/// One line for each offence found in the rooms under `root`, sorted: "FILE:LINE: what is wrong".
/// tests/fixtures is not looked at. An exception that nobody needs is an offence, too.
std::vector<std::string> offences_in(const std::filesystem::path& root, const HouseRules& rules);

/// How many sources offences_in walks over.
size_t count_sources(const std::filesystem::path& root);

}  // namespace hylo::tests
