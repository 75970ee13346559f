// A safetensors file of one tensor that is larger than memory: its rows are written as they come.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

namespace hylo::models {

class TensorWriter {
 public:
  /// Begins `file`.part, anew where a killed writer left one: there must be one writer at a time.
  /// Throws Error where it cannot be written.
  TensorWriter(std::filesystem::path file, const std::string& name, std::vector<int64_t> shape);
  TensorWriter(const TensorWriter&) = delete;
  TensorWriter& operator=(const TensorWriter&) = delete;
  /// What was not finished leaves nothing.
  ~TensorWriter();

  /// The next rows, int32, of the shape without its first number. Throws Error (full disk).
  void append(const at::Tensor& rows);
  /// Renames the neighbour. Throws Error (full disk), std::logic_error when rows are missing.
  void finish();

 private:
  void write(const void* bytes, size_t count);
  [[noreturn]] void give_up(int reason);

  struct Close {
    void operator()(std::FILE* f) const { std::fclose(f); }
  };
  std::filesystem::path file_, draft_;
  std::vector<int64_t> shape_;
  std::unique_ptr<std::FILE, Close> out_;
  int64_t num_rows_ = 0, bytes_ = 0;
};

}  // namespace hylo::models
