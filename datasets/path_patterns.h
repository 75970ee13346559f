// Patterns of paths as .gitignore has them.
// Source: gitignore(5), PATTERN FORMAT.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "harness/base/regex.h"

namespace hylo::datasets {

/// Paths are relative, with '/' between names, and UTF-8.
class PathPatterns {
 public:
  /// One line of a .gitignore in `folder` (empty, or a path that ends in '/'): "*.log", "/build/",
  /// "docs/**/*.md", "!keep.log". Blank lines and those that begin with '#' say nothing. Throws
  /// Error for a pattern that is none ("[z-a]") and for bytes that are not UTF-8.
  void add(std::string_view line, std::string_view folder = "");

  /// What the last pattern that fits says: true, or false where it begins with '!'. Nothing where
  /// none fits. Patterns that end in '/' fit folders only.
  [[nodiscard]] std::optional<bool> verdict(std::string_view path, bool is_folder) const;
  /// The same of a file, or of the nearest folder that holds it and about which a pattern says
  /// something.
  [[nodiscard]] std::optional<bool> verdict_within(std::string_view path) const;

  [[nodiscard]] bool empty() const { return patterns_.empty(); }

 private:
  struct Pattern {
    std::string folder;
    Regex regex;
    bool is_taken_back;
    bool is_for_folders;
  };
  std::vector<Pattern> patterns_;
};

}  // namespace hylo::datasets
