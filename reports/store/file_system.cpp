#include "reports/store/file_system.h"

#include <fcntl.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include "harness/base/error.h"

namespace hylo::reports {
namespace {

struct NetworkFileSystem {
  int64_t magic;
  const char* name;
};

// statfs(2); FUSE is not here, since it is as often local as not.
constexpr std::array network_file_systems{
    NetworkFileSystem{0x6969, "NFS"},      NetworkFileSystem{0x517b, "SMB"},
    NetworkFileSystem{0xfe534d42, "SMB2"}, NetworkFileSystem{0xff534d42, "CIFS"},
    NetworkFileSystem{0x5346414f, "AFS"},  NetworkFileSystem{0x01021997, "9P"},
    NetworkFileSystem{0x00c36400, "Ceph"}, NetworkFileSystem{0x0bd00bd0, "Lustre"},
    NetworkFileSystem{0x47504653, "GPFS"}, NetworkFileSystem{0x19830326, "BeeGFS"},
};

}  // namespace

std::optional<std::string> network_file_system(int64_t magic) {
  // f_type is a signed word of 32 bits on some machines.
  const auto word = magic & 0xffffffff;
  const auto found = std::ranges::find(network_file_systems, word, &NetworkFileSystem::magic);
  if (found == network_file_systems.end()) return std::nullopt;
  return found->name;
}

std::optional<std::string> network_file_system_of(const std::filesystem::path& folder) {
  struct statfs status {};
  require(::statfs(folder.c_str(), &status) == 0, "{}: its file system cannot be asked: {}",
          folder.string(), std::strerror(errno));
  return network_file_system(status.f_type);
}

void refuse_write_ahead_log_on(const std::optional<std::string>& network,
                               const std::filesystem::path& file) {
  require(!network.has_value(),
          "{}: lies on {}, a network file system, where a write-ahead log is not safe; use "
          "`--journal delete`, or a store on a local disk",
          file.string(), network.value_or(""));
}

bool is_writable(const std::filesystem::path& path) {
  return ::faccessat(AT_FDCWD, path.c_str(), W_OK, AT_EACCESS) == 0;
}

std::filesystem::path folder_of(const std::filesystem::path& file) {
  return file.has_parent_path() ? file.parent_path() : std::filesystem::path(".");
}

}  // namespace hylo::reports
