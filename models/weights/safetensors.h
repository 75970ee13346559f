// The safetensors container: a JSON header and the bytes of the tensors.
// Source: huggingface/safetensors, README.md ("Format").
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace hylo::models {

/// One file, mapped read-only. Tensors are views of the mapping: they cost no memory of their own
/// and keep the mapping alive.
class SafetensorsFile {
 public:
  struct Entry {
    at::ScalarType type;
    std::vector<int64_t> shape;
    uint64_t begin = 0, end = 0;  ///< bytes, from the end of the header
  };

  /// Reads and checks the header. Throws Error, naming file and tensor, when the file is cut off,
  /// or its header is not JSON or claims offsets, sizes or types that cannot be.
  explicit SafetensorsFile(const std::filesystem::path& file);

  [[nodiscard]] const std::map<std::string, Entry>& entries() const { return entries_; }
  [[nodiscard]] const std::filesystem::path& path() const { return path_; }
  [[nodiscard]] uint64_t data_bytes() const { return data_bytes_; }

  /// Throws Error when there is no tensor of that name.
  [[nodiscard]] at::Tensor tensor(const std::string& name) const;

 private:
  class Mapping;
  std::filesystem::path path_;
  std::shared_ptr<Mapping> mapping_;
  std::map<std::string, Entry> entries_;
  uint64_t data_begin_ = 0, data_bytes_ = 0;
};

/// Writes tensors in the given order, bit by bit, first into a neighbour and then renamed. Throws
/// Error (full disk, no permission) and leaves what was there.
void write_safetensors(const std::filesystem::path& file,
                       const std::vector<std::pair<std::string, at::Tensor>>& tensors);

}  // namespace hylo::models
