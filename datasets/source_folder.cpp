#include "datasets/source_folder.h"

#include <algorithm>
#include <array>
#include <system_error>

#include "datasets/path_patterns.h"
#include "harness/base/error.h"
#include "harness/base/files.h"
#include "harness/base/unicode.h"

namespace hylo::datasets {
namespace {

namespace fs = std::filesystem;

/// Kept by programs, not written by people.
constexpr std::array left_out_by_default = {
    ".git",    ".hg/",  ".svn/",   "build/",        "build-*/",       "cmake-build-*/",
    "_build/", "dist/", "target/", "node_modules/", "__pycache__/",   ".venv/",
    "venv/",   ".tox/", ".cache/", ".mypy_cache/",  ".pytest_cache/", "*.egg-info/",
};

class Walk {
 public:
  Walk(const FolderText& source, ReadReport& report) : source_(source), report_(report) {
    for (const char* pattern : left_out_by_default) found_patterns_.add(pattern);
    for (const auto& pattern : source.ignore) own_patterns_.add(pattern);
    for (const auto& pattern : source.only) wanted_.add(pattern);
  }

  std::vector<FoundText> files() {
    read_folder(source_.folder, "");
    std::ranges::sort(files_, {}, &FoundText::path);
    return std::move(files_);
  }

 private:
  void read_folder(const fs::path& folder, const std::string& prefix) {
    if (source_.reads_gitignore) take_gitignore(folder / ".gitignore", prefix);
    std::error_code broken;
    fs::directory_iterator entries(folder, broken);
    for (; !broken && entries != fs::directory_iterator(); entries.increment(broken)) {
      take(*entries, prefix + entries->path().filename().string());
    }
    require(!broken, "{}: expected a folder that can be read, found: {}", folder.string(),
            broken.message());
  }

  void take_gitignore(const fs::path& file, const std::string& prefix) {
    std::error_code absent;
    if (!fs::is_regular_file(file, absent)) return;
    const auto bytes = read_text_file(file);
    int64_t number = 0;
    for (const auto line : lines_of(bytes)) {
      ++number;
      try {
        found_patterns_.add(line, prefix);
      } catch (const Error& error) {
        fail("{}:{}: {}; mend it, or read the folder without its .gitignore files", file.string(),
             number, error.what());
      }
    }
  }

  void take(const fs::directory_entry& entry, const std::string& path) {
    if (first_invalid_utf8(path)) {
      return report_.leave_out(LeftOut::NotText,
                               fmt::format("{}: its name is not UTF-8", entry.path().string()));
    }
    const bool is_link = entry.is_symlink();
    const bool is_folder = !is_link && entry.is_directory();
    if (is_ignored(path, is_folder)) return report_.leave_out(LeftOut::Ignored, path);
    if (is_folder) return read_folder(entry.path(), path + "/");
    if (is_link || !entry.is_regular_file()) {
      return report_.leave_out(LeftOut::NotAFile,
                               fmt::format("{}: a link or a device", entry.path().string()));
    }
    files_.push_back({entry.path(), path});
  }

  [[nodiscard]] bool is_ignored(const std::string& path, bool is_folder) const {
    const auto own = own_patterns_.verdict(path, is_folder);
    if (own.value_or(found_patterns_.verdict(path, is_folder).value_or(false))) return true;
    return !is_folder && !wanted_.empty() && !wanted_.verdict_within(path).value_or(false);
  }

  const FolderText& source_;
  ReadReport& report_;
  PathPatterns found_patterns_, own_patterns_, wanted_;
  std::vector<FoundText> files_;
};

}  // namespace

std::vector<FoundText> files_of(const FolderText& source, ReadReport& report) {
  std::error_code absent;
  const auto kind = fs::status(source.folder, absent).type();
  require(kind == fs::file_type::directory, "{}: expected a folder of texts, found {}",
          source.folder.string(), kind == fs::file_type::regular ? "a file" : "none there");
  return Walk(source, report).files();
}

}  // namespace hylo::datasets
