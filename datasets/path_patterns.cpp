#include "datasets/path_patterns.h"

#include <fmt/core.h>

#include <ranges>
#include <utility>

#include "harness/base/error.h"
#include "harness/base/unicode.h"

namespace hylo::datasets {
namespace {

constexpr std::string_view signs_of_regex = R"(\^$.|?*+()[]{}-#&~/)";

std::string_view without_blanks_at_the_end(std::string_view line) {
  if (line.ends_with('\r')) line.remove_suffix(1);
  while (line.ends_with(' ') && !line.ends_with("\\ ")) line.remove_suffix(1);
  return line;
}

void append_literal(std::string& regex, char sign) {
  if (signs_of_regex.find(sign) != std::string_view::npos) regex += '\\';
  regex += sign;
}

/// One sign of a class, or a name like "[:digit:]", from `glob` to `regex`; how many bytes it took.
size_t append_member(std::string& regex, std::string_view glob) {
  const size_t end = glob.starts_with("[:") ? glob.find(":]") : std::string_view::npos;
  if (end != std::string_view::npos) {
    regex += glob.substr(0, end + 2);
    return end + 2;
  }
  if (glob[0] == '\\' && glob.size() > 1) {
    append_literal(regex, glob[1]);
    return 2;
  }
  if (glob[0] == '-') {
    regex += '-';  // a range
  } else {
    append_literal(regex, glob[0]);
  }
  return 1;
}

/// The regular expression of "[a-z]" at the beginning of `glob`, and how many bytes it took;
/// nothing where the bracket is not closed.
std::optional<std::pair<std::string, size_t>> class_of_signs(std::string_view glob) {
  const bool is_negated = glob.size() > 1 && (glob[1] == '!' || glob[1] == '^');
  const size_t first = is_negated ? 2 : 1;
  std::string regex = is_negated ? "[^/" : "[";
  for (size_t i = first; i < glob.size();) {
    const bool closes = glob[i] == ']' && i > first;  // a first ']' is a sign of the class
    if (closes) return std::pair(regex + "]", i + 1);
    i += append_member(regex, glob.substr(i));
  }
  return std::nullopt;
}

/// "**" has a meaning of its own where it is a whole name of the path.
std::optional<std::pair<std::string, size_t>> any_folders(std::string_view glob, size_t at) {
  if (at > 0 && glob[at - 1] != '/') return std::nullopt;
  const auto rest = glob.substr(at);
  if (rest.starts_with("**/")) return std::pair(std::string("(?:.*/)?"), 3);
  if (rest == "**") return std::pair(std::string(".+"), 2);
  return std::nullopt;
}

std::string regex_of(std::string_view glob) {
  std::string regex;
  for (size_t i = 0; i < glob.size();) {
    auto several = any_folders(glob, i);
    if (!several && glob[i] == '[') several = class_of_signs(glob.substr(i));
    if (several) {
      regex += several->first;
      i += several->second;
      continue;
    }
    if (glob[i] == '*') {
      regex += "[^/]*";
    } else if (glob[i] == '?') {
      regex += "[^/]";
    } else {
      if (glob[i] == '\\' && i + 1 < glob.size()) ++i;
      append_literal(regex, glob[i]);
    }
    ++i;
  }
  return regex;
}

Regex compiled(const std::string& regex, std::string_view line) {
  try {
    return Regex(regex);
  } catch (const Error& error) {
    fail("pattern '{}': expected one as in .gitignore, found what cannot be one: {}", line,
         error.what());
  }
}

}  // namespace

void PathPatterns::add(std::string_view line, std::string_view folder) {
  auto glob = without_blanks_at_the_end(line);
  if (glob.empty() || glob.starts_with('#')) return;
  require(!first_invalid_utf8(line), "a pattern of paths: expected UTF-8, found other bytes");
  const bool is_taken_back = glob.starts_with('!');
  if (is_taken_back) glob.remove_prefix(1);
  const bool is_for_folders = glob.ends_with('/');
  if (is_for_folders) glob.remove_suffix(1);
  const bool is_anchored = glob.find('/') != std::string_view::npos;
  if (glob.starts_with('/')) glob.remove_prefix(1);
  if (glob.empty()) return;
  const auto regex = fmt::format("(?s)\\A{}{}\\z", is_anchored ? "" : "(?:.*/)?", regex_of(glob));
  patterns_.push_back({std::string(folder), compiled(regex, line), is_taken_back, is_for_folders});
}

std::optional<bool> PathPatterns::verdict(std::string_view path, bool is_folder) const {
  for (const auto& pattern : patterns_ | std::views::reverse) {
    if (pattern.is_for_folders && !is_folder) continue;
    if (!path.starts_with(pattern.folder)) continue;
    if (pattern.regex.search(path.substr(pattern.folder.size()))) return !pattern.is_taken_back;
  }
  return std::nullopt;
}

std::optional<bool> PathPatterns::verdict_within(std::string_view path) const {
  auto found = verdict(path, /*is_folder=*/false);
  for (size_t end = path.rfind('/'); !found && end != std::string_view::npos;
       end = path.substr(0, end).rfind('/')) {
    found = verdict(path.substr(0, end), /*is_folder=*/true);
  }
  return found;
}

}  // namespace hylo::datasets
