// Folders that are there whole or not at all.
#pragma once

#include <filesystem>
#include <functional>

namespace hylo::harness {

/// Throws Error unless the folder is not there, or empty.
void require_free(const std::filesystem::path& folder);

/// Calls write(NEIGHBOUR), which makes and fills that folder, and moves it to `folder`, in the
/// place of what is there. Throws Error (full disk, no permission); nothing is left of it then, and
/// what was there stays.
void write_folder(const std::filesystem::path& folder,
                  const std::function<void(const std::filesystem::path&)>& write);

}  // namespace hylo::harness
