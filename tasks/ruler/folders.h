// Files and folders that are looked for: what cannot be told is an error with its path.
#pragma once

#include <filesystem>
#include <functional>
#include <vector>

namespace hylo::tasks::ruler {

/// What stands at a path, links followed; not_found where there is nothing. Throws Error where that
/// cannot be told: no permission, links in a circle, a name that is too long.
std::filesystem::file_type kind_of(const std::filesystem::path& path);

/// The files of a folder whose names are wanted, in the order of their paths. Throws Error where
/// the folder cannot be read, and for a wanted name that is a link to nothing.
std::vector<std::filesystem::path> files_in(
    const std::filesystem::path& folder,
    const std::function<bool(const std::filesystem::path&)>& is_wanted);

}  // namespace hylo::tasks::ruler
