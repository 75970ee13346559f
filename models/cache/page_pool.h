// The pages of one layer: keys and values of a fixed number of tokens each, counted by reference.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <memory>
#include <vector>

namespace hylo::models {

struct PageShape {
  int64_t page_tokens = 64;
  int64_t num_heads = 0;  ///< G
  int64_t key_width = 0, value_width = 0;
  at::ScalarType type = at::kFloat;
  [[nodiscard]] int64_t page_bytes() const;  ///< keys and values together
};

/// Address space for all pages is reserved at once and committed as pages are taken, so a cache
/// never moves and never costs more than its most pages so far.
class PagePool {
 public:
  /// Throws Error when the address space cannot be reserved.
  PagePool(const PageShape& shape, int64_t max_pages);
  ~PagePool();
  PagePool(const PagePool&) = delete;
  PagePool& operator=(const PagePool&) = delete;

  /// A page with one reference; its content is undefined. Throws Error when all max_pages are taken
  /// or the machine has no more memory.
  int32_t take();
  void share(int32_t page);    ///< one reference more
  void release(int32_t page);  ///< one less; at none the page is free
  [[nodiscard]] bool is_shared(int32_t page) const { return references_.at(page) > 1; }
  /// A page of its own with the first `num_tokens` tokens of `page`.
  int32_t copy(int32_t page, int64_t num_tokens);

  [[nodiscard]] const PageShape& shape() const { return shape_; }
  [[nodiscard]] int64_t num_pages_in_use() const { return num_in_use_; }
  [[nodiscard]] const at::Tensor& keys_PSGK() const { return keys_PSGK_; }
  [[nodiscard]] const at::Tensor& values_PSGV() const { return values_PSGV_; }

 private:
  class Slab;
  void commit_more();

  PageShape shape_;
  int64_t max_pages_, num_committed_ = 0, num_in_use_ = 0;
  std::unique_ptr<Slab> keys_, values_;
  at::Tensor keys_PSGK_, values_PSGV_;
  std::vector<int32_t> references_, free_;
};

}  // namespace hylo::models
