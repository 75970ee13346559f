#include "reports/store/run_lock.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <string>
#include <utility>

#include "harness/base/error.h"

namespace hylo::reports {
namespace {

std::filesystem::path lock_file(const std::filesystem::path& store) {
  return store.string() + ".lock";
}

int open_lock_file(const std::filesystem::path& store) {
  const auto file = lock_file(store);
  const int descriptor = ::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666);
  require(descriptor >= 0,
          "{}: cannot be opened to lock a run: {}; make the store's folder writable", file.string(),
          std::strerror(errno));
  return descriptor;
}

struct flock one_byte(int64_t number) {
  struct flock range {};
  range.l_type = F_WRLCK;
  range.l_whence = SEEK_SET;
  range.l_start = number;
  range.l_len = 1;
  return range;
}

// Locks of the open file description, not of the process: closing another descriptor of the same
// file does not drop them.
bool lock_byte(int descriptor, int64_t number, int command) {
  auto range = one_byte(number);
  while (::fcntl(descriptor, command, &range) != 0) {
    if (errno == EAGAIN || errno == EACCES) return false;
    require(errno == EINTR,
            "byte {} of the store's lock file cannot be locked: {}; keep the store on a "
            "file system that has locks",
            number, std::strerror(errno));
  }
  return true;
}

}  // namespace

std::optional<RunLock> RunLock::attempt(const std::filesystem::path& store, int64_t number) {
  RunLock lock(open_lock_file(store));
  if (!lock_byte(lock.descriptor_, number, F_OFD_SETLK)) return std::nullopt;
  return lock;
}

RunLock RunLock::wait(const std::filesystem::path& store, int64_t number) {
  RunLock lock(open_lock_file(store));
  lock_byte(lock.descriptor_, number, F_OFD_SETLKW);
  return lock;
}

bool RunLock::is_held(const std::filesystem::path& store, int64_t number) {
  const int descriptor = ::open(lock_file(store).c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) return false;
  const RunLock closes(descriptor);
  auto range = one_byte(number);
  return ::fcntl(descriptor, F_OFD_GETLK, &range) == 0 && range.l_type != F_UNLCK;
}

RunLock::RunLock(RunLock&& other) noexcept : descriptor_(std::exchange(other.descriptor_, -1)) {}
RunLock& RunLock::operator=(RunLock&& other) noexcept {
  std::swap(descriptor_, other.descriptor_);
  return *this;
}
RunLock::~RunLock() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

}  // namespace hylo::reports
