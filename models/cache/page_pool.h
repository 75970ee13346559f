// The memory of one layer: pages for a fixed number of tokens each, or the states of sequences,
// counted by reference.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <memory>
#include <vector>

namespace hylo::models {

/// What a page holds in one of the tensors of a pool.
struct PagePart {
  std::vector<int64_t> sizes;
  at::ScalarType type = at::kFloat;
  [[nodiscard]] int64_t bytes() const;
};

/// Address space for all pages is reserved at once and committed as pages are taken, so a cache
/// never moves and never costs more than its most pages so far.
class PagePool {
 public:
  /// Throws Error when the address space cannot be reserved.
  PagePool(std::vector<PagePart> parts, int64_t max_pages);
  ~PagePool();
  PagePool(PagePool&&) noexcept;
  PagePool& operator=(PagePool&&) = delete;

  /// A page with one reference; its content is undefined. Throws Error when all max_pages are taken
  /// or the machine has no more memory.
  int32_t take();
  void share(int32_t page);    ///< one reference more
  void release(int32_t page);  ///< one less; at none the page is free
  [[nodiscard]] bool is_shared(int32_t page) const { return references_.at(page) > 1; }
  /// A page of its own with the first `num_rows` of the first dim of every part of `page`.
  int32_t copy(int32_t page, int64_t num_rows);
  int32_t copy_whole(int32_t page);
  void clear(int32_t page);  ///< zeros

  [[nodiscard]] int64_t page_bytes() const;
  [[nodiscard]] int64_t num_pages_in_use() const { return num_in_use_; }
  /// All pages of one part: [P, sizes...]. Pages that are not committed must not be touched.
  [[nodiscard]] const at::Tensor& part(size_t index) const { return tensors_.at(index); }
  [[nodiscard]] size_t num_parts() const { return tensors_.size(); }

 private:
  class Slab;
  void commit_more();

  std::vector<PagePart> parts_;
  int64_t max_pages_, num_committed_ = 0, num_in_use_ = 0;
  std::vector<Slab> slabs_;
  std::vector<at::Tensor> tensors_;
  std::vector<int32_t> references_, free_;
};

}  // namespace hylo::models
