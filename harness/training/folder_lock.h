// One process at a time writes into a folder.
#pragma once

#include <filesystem>

namespace hylo::harness {

/// Held until it is destroyed or the process ends, however it ends. An empty file stays behind.
class FolderLock {
 public:
  /// Makes the folder where it is not there. Throws Error, naming the folder, while another process
  /// holds it.
  explicit FolderLock(const std::filesystem::path& folder);
  ~FolderLock();
  FolderLock(const FolderLock&) = delete;
  FolderLock& operator=(const FolderLock&) = delete;

 private:
  int descriptor_ = -1;
};

}  // namespace hylo::harness
