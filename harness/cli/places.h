// Where verbs look when the command line does not say.
#pragma once

#include <filesystem>
#include <string>

namespace hylo::cli {

/// --store, else HYLO_STORE, else hylo.db in the current folder.
std::filesystem::path store_file(const std::string& option);

/// --data, else HYLO_DATA, else empty: then only what hylo ships is found. Throws Error when the
/// folder that was named is not there.
std::filesystem::path data_root(const std::string& option);

}  // namespace hylo::cli
