// Whole files in and out.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace hylo {

/// The bytes of a file. Throws Error when it cannot be read.
std::string read_text_file(const std::filesystem::path& file);

/// Writes to a neighbour, syncs it, then renames it: the old file or the new one, never half of
/// one. Throws Error (full disk, no permission) and leaves the old file.
void write_text_file(const std::filesystem::path& file, std::string_view text);

/// Lines without their line feed. A file that ends in a line feed has no empty last line.
std::vector<std::string_view> lines_of(std::string_view text);

/// Files that hylo ships and reads at run time: HYLO_SHARE, else share/hylo beside the program,
/// else the source tree that it was built from. `relative` begins with a room, e.g.
/// "datasets/manifests". Throws Error when none of them has it.
std::filesystem::path shipped_file(const std::filesystem::path& relative);

/// The value of an environment variable, empty when unset.
std::string environment(const char* name);

}  // namespace hylo
