// A copy of the story checkpoint that a test may break.
#pragma once

#include <gtest/gtest.h>

#include <filesystem>
#include <string>

#include "harness/base/files.h"
#include "tests/support/test_data.h"

namespace hylo::tests {

class StoryCopy {
 public:
  StoryCopy() {
    namespace fs = std::filesystem;
    for (const auto& entry : fs::directory_iterator(fixture("stories260k"))) {
      const auto copy = folder_ / entry.path().filename();
      fs::copy_file(entry.path(), copy);
      fs::permissions(copy, fs::perms::owner_write, fs::perm_options::add);
    }
  }
  [[nodiscard]] std::filesystem::path path() const { return folder_.path(); }
  [[nodiscard]] std::filesystem::path operator/(const char* name) const { return folder_ / name; }

  /// Replaces the first `from` in a file, which must be there.
  void change(const char* file, const std::string& from, const std::string& to) const {
    auto text = read_text_file(folder_ / file);
    const auto at = text.find(from);
    ASSERT_NE(at, std::string::npos) << from;
    write_text_file(folder_ / file, text.replace(at, from.size(), to));
  }
  /// Replaces the last bytes of a file.
  void change_end(const char* file, const std::string& end) const {
    auto bytes = read_text_file(folder_ / file);
    ASSERT_GE(bytes.size(), end.size());
    write_text_file(folder_ / file, bytes.replace(bytes.size() - end.size(), end.size(), end));
  }
  void cut(const char* file, size_t num_bytes) const {
    write_text_file(folder_ / file, read_text_file(folder_ / file).substr(0, num_bytes));
  }

 private:
  TemporaryFolder folder_;
};

}  // namespace hylo::tests
