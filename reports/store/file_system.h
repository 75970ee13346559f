// What the place of a store permits.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

namespace hylo::reports {

/// The name of the network file system that statfs reports as `magic`; nothing for others. SQLite's
/// write-ahead log lies in shared memory, which processes on two machines do not share.
std::optional<std::string> network_file_system(int64_t magic);

/// The same, of the file system that holds `folder`. Throws Error when it cannot be asked.
std::optional<std::string> network_file_system_of(const std::filesystem::path& folder);

/// Throws Error, naming the network file system that `file` lies on, if there is one.
void refuse_write_ahead_log_on(const std::optional<std::string>& network,
                               const std::filesystem::path& file);

/// This process may write there, by its effective user and the file system's flags.
bool is_writable(const std::filesystem::path& path);

/// The folder that holds `file`; "." for a bare name.
std::filesystem::path folder_of(const std::filesystem::path& file);

}  // namespace hylo::reports
