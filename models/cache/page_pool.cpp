#include "models/cache/page_pool.h"

#include <ATen/ops/from_blob.h>
#include <sys/mman.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "harness/base/error.h"
#include "harness/base/units.h"

namespace hylo::models {

int64_t PageShape::page_bytes() const {
  return page_tokens * num_heads * (key_width + value_width) *
         static_cast<int64_t>(c10::elementSize(type));
}

class PagePool::Slab {
 public:
  explicit Slab(size_t bytes) : bytes_(bytes) {
    data_ = ::mmap(nullptr, bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    require(data_ != MAP_FAILED, "cache: cannot reserve {} of address space: {}",
            human_bytes(static_cast<int64_t>(bytes)), std::strerror(errno));
  }
  ~Slab() { ::munmap(data_, bytes_); }
  Slab(const Slab&) = delete;
  Slab& operator=(const Slab&) = delete;

  [[nodiscard]] void* data() const { return data_; }
  /// The first `bytes` can be read and written from now on; what was committed stays.
  void commit(size_t bytes) {
    constexpr size_t system_page = 4096;
    bytes = std::min(bytes_, (bytes + system_page - 1) / system_page * system_page);
    require(::mprotect(data_, bytes, PROT_READ | PROT_WRITE) == 0,
            "cache: the machine has no memory for {} of a layer's cache: {}; fewer sequences at "
            "once or "
            "a shorter context need less",
            human_bytes(static_cast<int64_t>(bytes)), std::strerror(errno));
  }

 private:
  void* data_;
  size_t bytes_;
};

PagePool::PagePool(const PageShape& shape, int64_t max_pages)
    : shape_(shape), max_pages_(max_pages) {
  require(max_pages > 0 && max_pages <= INT32_MAX, "cache: {} pages; from 1 to 2^31 are possible",
          max_pages);
  const auto bytes_of = [&](int64_t width) {
    return static_cast<size_t>(max_pages * shape.page_tokens * shape.num_heads * width) *
           c10::elementSize(shape.type);
  };
  keys_ = std::make_unique<Slab>(bytes_of(shape.key_width));
  values_ = std::make_unique<Slab>(bytes_of(shape.value_width));
  const auto tensor_of = [&](const Slab& slab, int64_t width) {
    return at::from_blob(slab.data(), {max_pages, shape.page_tokens, shape.num_heads, width},
                         at::TensorOptions().dtype(shape.type));
  };
  keys_PSGK_ = tensor_of(*keys_, shape.key_width);
  values_PSGV_ = tensor_of(*values_, shape.value_width);
}

PagePool::~PagePool() = default;

void PagePool::commit_more() {
  require(num_committed_ < max_pages_, "cache: all {} pages of {} tokens are taken", max_pages_,
          shape_.page_tokens);
  const int64_t wanted =
      std::min(max_pages_, std::max<int64_t>(16, num_committed_ + num_committed_ / 2));
  keys_->commit(static_cast<size_t>(wanted) * keys_PSGK_.stride(0) * c10::elementSize(shape_.type));
  values_->commit(static_cast<size_t>(wanted) * values_PSGV_.stride(0) *
                  c10::elementSize(shape_.type));
  for (int64_t page = wanted; page-- > num_committed_;) free_.push_back(static_cast<int32_t>(page));
  references_.resize(wanted, 0);
  num_committed_ = wanted;
}

int32_t PagePool::take() {
  if (free_.empty()) commit_more();
  const int32_t page = free_.back();
  free_.pop_back();
  references_[page] = 1;
  ++num_in_use_;
  return page;
}

void PagePool::share(int32_t page) {
  invariant(references_.at(page) > 0, "page {} is shared but nobody holds it", page);
  ++references_[page];
}

void PagePool::release(int32_t page) {
  invariant(references_.at(page) > 0, "page {} is released but nobody holds it", page);
  if (--references_[page] > 0) return;
  free_.push_back(page);
  --num_in_use_;
}

int32_t PagePool::copy(int32_t page, int64_t num_tokens) {
  const int32_t fresh = take();
  for (const auto& pages : {keys_PSGK_, values_PSGV_}) {
    const auto bytes =
        static_cast<size_t>(num_tokens * pages.stride(1)) * c10::elementSize(shape_.type);
    const auto stride = static_cast<size_t>(pages.stride(0)) * c10::elementSize(shape_.type);
    auto* base = static_cast<char*>(pages.mutable_data_ptr());
    std::memcpy(base + fresh * stride, base + page * stride, bytes);
  }
  return fresh;
}

}  // namespace hylo::models
