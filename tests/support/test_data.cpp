#include "tests/support/test_data.h"

#include <cstdlib>

#include "harness/base/files.h"

namespace hylo::tests {
namespace {

std::optional<std::filesystem::path> under(const char* variable,
                                           const std::filesystem::path& relative) {
  const auto root = environment(variable);
  if (root.empty() || !std::filesystem::exists(root / relative)) return std::nullopt;
  return root / relative;
}

}  // namespace

std::filesystem::path fixture(const std::filesystem::path& relative) {
  return std::filesystem::path(HYLO_TESTS_FOLDER) / "fixtures" / relative;
}

std::optional<std::filesystem::path> golden(const std::filesystem::path& relative) {
  return under("HYLO_TEST_DATA", relative);
}

std::optional<std::filesystem::path> data(const std::filesystem::path& relative) {
  return under("HYLO_DATA", relative);
}

TemporaryFolder::TemporaryFolder() {
  std::string name = (std::filesystem::temp_directory_path() / "hylo-test-XXXXXX").string();
  invariant(::mkdtemp(name.data()) != nullptr, "no temporary folder");
  path_ = name;
}

TemporaryFolder::~TemporaryFolder() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

std::string skip_reason(const std::string& variable, const std::string& what) {
  return environment(variable.c_str()).empty()
             ? variable + " is not set; it names the folder that holds " + what
             : what + " is not in the folder that " + variable + " names";
}

}  // namespace hylo::tests
