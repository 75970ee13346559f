// Files that a training writes for itself beside its checkpoints.
#pragma once

#include <filesystem>

#include "harness/base/error.h"

namespace hylo::harness {

/// What `read` gives of the file. Where it throws Error the text says besides that the file can go.
template <class Read>
auto read_kept(const std::filesystem::path& file, const Read& read) {
  try {
    return read(file);
  } catch (const Error& error) {
    fail("{}; hylo wrote {} itself: remove it, and the same command makes it anew", error.what(),
         file.string());
  }
}

}  // namespace hylo::harness
