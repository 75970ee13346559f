#include "tests/architecture/house_rules.h"

#include <fmt/format.h>

#include <algorithm>

#include "harness/base/files.h"
#include "harness/base/regex.h"
#include "harness/base/unicode.h"

namespace hylo::tests {
namespace {

namespace fs = std::filesystem;

const std::vector<std::string> rooms{"harness", "tasks",    "models", "kernels",
                                     "reports", "datasets", "tests"};
const std::set<std::string> source_endings{".h", ".cpp", ".hip", ".py", ".sh", ".cmake"};
const std::set<std::string> names_that_say_nothing{"util",   "utils",   "common",
                                                   "helper", "helpers", "misc"};

struct Source {
  std::string name;  ///< relative to the root
  std::string text;
};

/// The room of a file; empty for one that is in none.
std::string room_of(std::string_view name) {
  if (name.starts_with("harness/base/")) return "harness/base";
  const std::string first(name.substr(0, name.find('/')));
  return std::ranges::find(rooms, first) == rooms.end() ? "" : first;
}

std::vector<Source> sources_in(const fs::path& root) {
  std::vector<Source> sources;
  for (const auto& room : rooms) {
    if (!fs::exists(root / room)) continue;
    for (const auto& entry : fs::recursive_directory_iterator(root / room)) {
      const std::string name = entry.path().lexically_relative(root);
      if (name.starts_with("tests/fixtures/") || !entry.is_regular_file()) continue;
      if (!source_endings.contains(entry.path().extension())) continue;
      sources.push_back({name, read_text_file(entry.path())});
    }
  }
  return sources;
}

struct Include {
  size_t line;
  bool is_ours;  ///< in quotes
  std::string target;
};

std::vector<Include> includes_of(const Source& source) {
  static const Regex directive(R"(^\s*#\s*include\s*([<"])([^>"]+)[>"])");
  std::vector<Include> includes;
  const auto lines = lines_of(source.text);
  for (size_t i = 0; i < lines.size(); ++i) {
    const auto found = directive.search(lines[i]);
    if (!found) continue;
    const auto [begin, end] = (*found)[2];
    includes.push_back({i + 1, lines[i][(*found)[1].begin] == '"',
                        std::string(lines[i].substr(begin, end - begin))});
  }
  return includes;
}

bool is_libtorch(std::string_view target) {
  return target.starts_with("ATen/") || target.starts_with("torch/") || target.starts_with("c10/");
}

class Inspection {
 public:
  Inspection(const fs::path& root, const HouseRules& rules) : root_(root), rules_(rules) {}

  std::vector<std::string> run() {
    for (const auto& source : sources_in(root_)) {
      if (source.name.ends_with(".cpp"))
        built_rooms_.insert(source.name.substr(0, source.name.find('/')));
      check_name(source);
      check_length(source);
      if (source.name.ends_with(".h")) check_guard(source);
      for (const auto& include : includes_of(source)) check_include(source, include);
    }
    check_readmes();
    check_exceptions();
    std::ranges::sort(offences_);
    return std::move(offences_);
  }

 private:
  template <class... Args>
  void offence(const std::string& where, fmt::format_string<Args...> text, Args&&... args) {
    offences_.push_back(where + ": " + fmt::format(text, std::forward<Args>(args)...));
  }

  bool is_excepted(const Exceptions& exceptions, const std::string& name) {
    if (!exceptions.contains(name)) return false;
    used_exceptions_.insert(name);
    return true;
  }

  void check_name(const Source& source) {
    for (const auto& part : fs::path(source.name)) {
      for (const auto word : split(part.stem().string(), '_')) {
        if (names_that_say_nothing.contains(std::string(word))) {
          offence(source.name, "'{}' says nothing about what is inside", word);
        }
      }
    }
  }

  void check_length(const Source& source) {
    const size_t num_lines = lines_of(source.text).size();
    if (num_lines > rules_.max_lines && !is_excepted(rules_.long_files, source.name)) {
      offence(source.name, "{} lines, at most {} without a reason", num_lines, rules_.max_lines);
    }
  }

  void check_guard(const Source& source) {
    // Highway includes such a header once for every instruction set, behind a guard of its own.
    if (source.name.ends_with("-inl.h")) {
      if (source.text.find("HWY_TARGET_TOGGLE") == std::string::npos) {
        offence(source.name, "an -inl.h needs the guard of Highway's HWY_TARGET_TOGGLE");
      }
      return;
    }
    const auto lines = lines_of(source.text);
    if (std::ranges::find(lines, "#pragma once") == lines.end()) {
      offence(source.name, "a header needs #pragma once");
    }
  }

  void check_include(const Source& source, const Include& include) {
    const std::string where = fmt::format("{}:{}", source.name, include.line);
    const std::string room = room_of(source.name);
    if (is_libtorch(include.target) && rules_.rooms_without_libtorch.contains(room)) {
      offence(where, "{} includes no LibTorch, found {}", room, include.target);
    }
    if (include.target == "torch/torch.h" &&
        !is_excepted(rules_.includers_of_torch_h, source.name)) {
      offence(where, "torch/torch.h costs more than ten seconds a source; include what is used");
    }
    if (include.is_ours) check_own_include(where, room, include.target);
  }

  void check_own_include(const std::string& where, const std::string& room,
                         const std::string& target) {
    const std::string target_room = room_of(target);
    if (target_room.empty() || !fs::exists(root_ / target)) {
      offence(where, "\"{}\" is no file of ours by its full path", target);
      return;
    }
    const auto allowed = rules_.may_include.find(room);
    const bool may = target_room == room ||
                     (allowed != rules_.may_include.end() && allowed->second.contains(target_room));
    if (!may) offence(where, "{} may not include {}, found {}", room, target_room, target);
  }

  // A room that is nothing but headers is still a sketch.
  void check_readmes() {
    for (const auto& room : built_rooms_) {
      if (!fs::exists(root_ / room / "README.md")) offence(room, "a room needs a README.md");
    }
  }

  void check_exceptions() {
    for (const auto* list : {&rules_.long_files, &rules_.includers_of_torch_h}) {
      for (const auto& [name, reason] : *list) {
        if (!used_exceptions_.contains(name)) offence(name, "is excepted and does not need to be");
        if (reason.empty()) offence(name, "an exception needs a reason");
      }
    }
  }

  fs::path root_;
  const HouseRules& rules_;
  std::set<std::string> built_rooms_;
  std::set<std::string> used_exceptions_;
  std::vector<std::string> offences_;
};

}  // namespace

const HouseRules& rules_of_hylo() {
  static const HouseRules rules{
      .may_include =
          {
              {"harness/base", {}},
              {"kernels", {"harness/base"}},
              {"datasets", {"harness/base"}},
              {"reports", {"harness/base"}},
              {"tasks", {"harness/base", "datasets"}},
              {"models", {"harness/base", "datasets", "kernels"}},
              {"harness", {"harness/base", "datasets", "tasks", "models", "reports"}},
              {"tests",
               {"harness/base", "harness", "datasets", "tasks", "models", "reports", "kernels"}},
          },
      .rooms_without_libtorch = {"harness/base", "datasets", "tasks", "reports"},
      .long_files = {},
      .includers_of_torch_h = {},
  };
  return rules;
}

std::vector<std::string> offences_in(const fs::path& root, const HouseRules& rules) {
  return Inspection(root, rules).run();
}

size_t count_sources(const fs::path& root) { return sources_in(root).size(); }

}  // namespace hylo::tests
