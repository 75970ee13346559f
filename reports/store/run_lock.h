// Which process works on which run.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>

namespace hylo::reports {

/// A lock on one byte of a file beside the store, byte `number`. It belongs to this object, not to
/// the process: a second object, here or elsewhere, does not get it. The kernel frees it when the
/// process ends, also by SIGKILL. The file stays, empty.
class RunLock {
 public:
  /// Nothing when somebody else holds it. Throws Error when the file cannot be made.
  static std::optional<RunLock> attempt(const std::filesystem::path& store, int64_t number);
  /// Waits until it is free.
  static RunLock wait(const std::filesystem::path& store, int64_t number);
  /// Whether somebody holds it, without taking it or making the file; nobody does where the file
  /// cannot be read.
  static bool is_held(const std::filesystem::path& store, int64_t number);

  RunLock(RunLock&& other) noexcept;
  RunLock& operator=(RunLock&& other) noexcept;
  ~RunLock();

 private:
  explicit RunLock(int descriptor) : descriptor_(descriptor) {}
  int descriptor_;
};

}  // namespace hylo::reports
