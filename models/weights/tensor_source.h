// The tensors of a checkpoint folder, whichever file holds them.
#pragma once

#include <ATen/core/Tensor.h>

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "models/weights/safetensors.h"

namespace hylo::models {

inline constexpr const char* weights_index_name = "model.safetensors.index.json";
inline constexpr const char* weights_single_name = "model.safetensors";

class TensorSource {
 public:
  /// Opens model.safetensors, or the files that the index names. Throws Error when files and index
  /// disagree.
  explicit TensorSource(const std::filesystem::path& folder);

  [[nodiscard]] const std::vector<SafetensorsFile>& files() const { return files_; }
  [[nodiscard]] bool has(const std::string& name) const { return file_of_.contains(name); }
  /// Every tensor, in order of the alphabet.
  [[nodiscard]] std::vector<std::string> names() const;
  [[nodiscard]] const SafetensorsFile& file_of(const std::string& name) const {
    return files_[file_of_.at(name)];
  }
  [[nodiscard]] at::Tensor tensor(const std::string& name) const {
    return file_of(name).tensor(name);
  }

 private:
  void add_file(const std::filesystem::path& file);
  void open_indexed(const std::filesystem::path& folder);

  std::vector<SafetensorsFile> files_;
  std::map<std::string, size_t> file_of_;
};

}  // namespace hylo::models
