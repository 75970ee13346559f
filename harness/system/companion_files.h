// What a checkpoint folder holds besides weights and config: tokenizer and settings of generation.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace hylo::harness {

/// Copies those that are there and gives their names. Throws Error when one cannot be copied.
std::vector<std::string> copy_companion_files(const std::filesystem::path& from,
                                              const std::filesystem::path& to);

}  // namespace hylo::harness
