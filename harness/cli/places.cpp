#include "harness/cli/places.h"

#include "harness/base/error.h"
#include "harness/base/files.h"

namespace hylo::cli {

std::filesystem::path store_file(const std::string& option) {
  if (!option.empty()) return option;
  const auto named = environment("HYLO_STORE");
  return named.empty() ? "hylo.db" : named;
}

std::filesystem::path data_root(const std::string& option) {
  const auto root = option.empty() ? environment("HYLO_DATA") : option;
  require(root.empty() || std::filesystem::is_directory(root),
          "{} '{}': expected the folder of the data sets, found none there",
          option.empty() ? "HYLO_DATA" : "--data", root);
  return root;
}

}  // namespace hylo::cli
