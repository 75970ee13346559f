#include "harness/training/folder_lock.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <system_error>

#include "harness/base/error.h"

namespace hylo::harness {

namespace fs = std::filesystem;

namespace {

constexpr const char* lock_name = "lock";

}  // namespace

FolderLock::FolderLock(const fs::path& folder) {
  std::error_code failure;
  fs::create_directories(folder, failure);
  require(!failure, "{}: cannot be made: {}", folder.string(), failure.message());
  const auto file = folder / lock_name;
  constexpr mode_t readable = 0644;
  descriptor_ = ::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, readable);
  require(descriptor_ >= 0, "{}: cannot be opened: {}", file.string(), std::strerror(errno));
  if (::flock(descriptor_, LOCK_EX | LOCK_NB) == 0) return;
  const int reason = errno;
  ::close(descriptor_);
  require(reason != EWOULDBLOCK,
          "{}: another training writes into this folder; wait for its end or name another with "
          "--out",
          folder.string());
  fail("{}: cannot be locked: {}", file.string(), std::strerror(reason));
}

FolderLock::~FolderLock() { ::close(descriptor_); }

}  // namespace hylo::harness
