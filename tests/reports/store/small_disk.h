// A disk of a given size under SQLite: writing past it fails as a full disk does.
#pragma once

#include <sqlite3.h>

#include <cstdint>

namespace hylo::reports::tests {

/// While it lives, files that SQLite opens cannot grow past `max_bytes`. One at a time.
class SmallDisk {
 public:
  explicit SmallDisk(int64_t max_bytes) {
    max_bytes_ = max_bytes;
    under_ = sqlite3_vfs_find(nullptr);
    disk_ = *under_;
    disk_.zName = "small-disk";
    disk_.xOpen = open;
    sqlite3_vfs_register(&disk_, 1);
  }
  ~SmallDisk() {
    sqlite3_vfs_register(under_, 1);
    sqlite3_vfs_unregister(&disk_);
  }
  SmallDisk(const SmallDisk&) = delete;
  SmallDisk& operator=(const SmallDisk&) = delete;

  void grow_to(int64_t max_bytes) { max_bytes_ = max_bytes; }

 private:
  static int open(sqlite3_vfs*, const char* name, sqlite3_file* file, int flags, int* out_flags) {
    const int result = under_->xOpen(under_, name, file, flags, out_flags);
    if (file->pMethods == nullptr) return result;
    // Databases are locked and other files are not: two tables, with one function to write.
    auto& methods = (flags & SQLITE_OPEN_MAIN_DB) != 0 ? database_methods_ : other_methods_;
    under_write_ = file->pMethods->xWrite;
    methods = *file->pMethods;
    methods.xWrite = write;
    file->pMethods = &methods;
    return result;
  }
  static int write(sqlite3_file* file, const void* bytes, int count, sqlite3_int64 offset) {
    if (offset + count > max_bytes_) return SQLITE_FULL;
    return under_write_(file, bytes, count, offset);
  }

  static inline int64_t max_bytes_ = 0;
  static inline sqlite3_vfs* under_ = nullptr;
  static inline sqlite3_io_methods database_methods_{};
  static inline sqlite3_io_methods other_methods_{};
  static inline int (*under_write_)(sqlite3_file*, const void*, int, sqlite3_int64) = nullptr;
  sqlite3_vfs disk_{};
};

}  // namespace hylo::reports::tests
