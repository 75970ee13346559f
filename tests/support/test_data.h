// Where tests find things: fixtures of the project, and goldens and data sets that lie outside it.
#pragma once

#include <gtest/gtest.h>

#include <filesystem>
#include <optional>
#include <string>

#include "harness/base/error.h"

namespace hylo::tests {

/// A file of tests/fixtures.
std::filesystem::path fixture(const std::filesystem::path& relative);

/// A file or folder under HYLO_TEST_DATA (goldens) or HYLO_DATA (data sets, tokenizers,
/// checkpoints); nothing where the variable is unset or the file is not there. A test then skips
/// with the reason:
///   const auto folder = golden("hf-goldens");
///   if (!folder) GTEST_SKIP() << skip_reason("HYLO_TEST_DATA", "hf-goldens");
std::optional<std::filesystem::path> golden(const std::filesystem::path& relative);
std::optional<std::filesystem::path> data(const std::filesystem::path& relative);
std::string skip_reason(const std::string& variable, const std::string& what);

/// An empty folder that is removed with everything in it.
class TemporaryFolder {
 public:
  TemporaryFolder();
  ~TemporaryFolder();
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  [[nodiscard]] const std::filesystem::path& path() const { return path_; }
  [[nodiscard]] std::filesystem::path operator/(const std::filesystem::path& name) const {
    return path_ / name;
  }

 private:
  std::filesystem::path path_;
};

/// The text of the hylo::Error that `action` throws; fails the test when it throws none.
template <class Action>
std::string error_of(Action&& action) {
  try {
    action();
  } catch (const Error& error) {
    return error.what();
  }
  ADD_FAILURE() << "expected a hylo::Error, none was thrown";
  return "";
}

}  // namespace hylo::tests
