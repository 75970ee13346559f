// The files of a folder that are worth reading.
#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "datasets/training_text.h"

namespace hylo::datasets {

struct FoundText {
  std::filesystem::path file;
  std::string path;  ///< in the folder, with '/' between names
};

/// The files below the folder of `source`, in the order of the bytes of their paths, without those
/// that the defaults (version control, build and package folders), .gitignore files and the
/// source's own patterns leave out: these, and what is no regular file, go to `report`. Sizes and
/// contents are not looked at. Throws Error when the folder is not there or cannot be read.
std::vector<FoundText> files_of(const FolderText& source, ReadReport& report);

}  // namespace hylo::datasets
