// What a sequence remembers, as a file: a long prompt that is read once and continued many times.
#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string_view>
#include <vector>

#include "models/cache/cache.h"

namespace hylo::models {

/// Writes a safetensors file: `tokens`, one per remembered token; `model`, what the memory is of,
/// such as the SHA-256 of its weights; and per layer and part of layer_memory.h
/// "layers.{i}.parts.{p}", the rows of all tokens, of a window's last ones that the next query
/// sees, or the state. The file does not depend on the size of pages. Throws Error as
/// write_safetensors does, and for a sequence that a failed call has left behind.
void save_sequence(const std::filesystem::path& file, const SequenceCache& sequence,
                   std::span<const int32_t> tokens, std::string_view model);

struct SavedSequence {
  SequenceCache cache;
  std::vector<int32_t> tokens;
};
/// The sequence as it was, bit by bit, in pages of `cache`. Throws Error, naming the file, when it
/// is of another model, geometry or type; nothing is taken from `cache` then. With windows that it
/// has outgrown it can only be cut to 0 tokens.
SavedSequence load_sequence(const std::filesystem::path& file, Cache& cache,
                            std::string_view model);

}  // namespace hylo::models
