// Folders that are there whole or not at all.
#pragma once

#include <filesystem>
#include <functional>

namespace hylo::harness {

/// Throws Error unless the folder is not there, or empty.
void require_free(const std::filesystem::path& folder);

/// The neighbour in which a folder is made before it is moved to its place.
std::filesystem::path unfinished_place(const std::filesystem::path& folder);

/// Throws Error unless the folder and its unfinished neighbour are not there, or empty: what an
/// earlier run was killed in is never removed unasked. For the time before long work.
void require_writable(const std::filesystem::path& folder);

/// Calls write(NEIGHBOUR), which makes and fills that folder, and moves it to `folder`, in the
/// place of what is there. Throws Error (a neighbour that is there, full disk, no permission);
/// nothing is left of it then, and what was there stays.
void write_folder(const std::filesystem::path& folder,
                  const std::function<void(const std::filesystem::path&)>& write);

}  // namespace hylo::harness
