#include "models/cache/page_pool.h"

#include <ATen/ops/from_blob.h>
#include <sys/mman.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "harness/base/error.h"
#include "harness/base/units.h"

namespace hylo::models {

int64_t PagePart::bytes() const {
  auto bytes = static_cast<int64_t>(c10::elementSize(type));
  for (const int64_t size : sizes) bytes *= size;
  return bytes;
}

class PagePool::Slab {
 public:
  explicit Slab(size_t bytes) : bytes_(bytes) {
    if (bytes == 0) return;  // the tail of a convolution over one token
    data_ = ::mmap(nullptr, bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    require(data_ != MAP_FAILED, "cache: cannot reserve {} of address space: {}",
            human_bytes(static_cast<int64_t>(bytes)), std::strerror(errno));
  }
  ~Slab() {
    if (data_) ::munmap(data_, bytes_);
  }
  Slab(Slab&& other) noexcept : bytes_(other.bytes_), data_(std::exchange(other.data_, nullptr)) {}
  Slab& operator=(Slab&&) = delete;

  [[nodiscard]] void* data() const { return data_; }
  /// The first `bytes` can be read and written from now on; what was committed stays.
  void commit(size_t bytes) {
    if (bytes_ == 0) return;
    constexpr size_t system_page = 4096;
    bytes = std::min(bytes_, (bytes + system_page - 1) / system_page * system_page);
    require(::mprotect(data_, bytes, PROT_READ | PROT_WRITE) == 0,
            "cache: the machine has no memory for {} of a layer's cache: {}; fewer sequences at "
            "once or a shorter context need less",
            human_bytes(static_cast<int64_t>(bytes)), std::strerror(errno));
  }

 private:
  size_t bytes_;
  void* data_ = nullptr;
};

PagePool::PagePool(std::vector<PagePart> parts, int64_t max_pages)
    : parts_(std::move(parts)), max_pages_(max_pages) {
  require(max_pages > 0 && max_pages <= INT32_MAX, "cache: {} pages; from 1 to 2^31 are possible",
          max_pages);
  for (const auto& part : parts_) {
    slabs_.emplace_back(static_cast<size_t>(max_pages * part.bytes()));
    auto sizes = part.sizes;
    sizes.insert(sizes.begin(), max_pages);
    tensors_.push_back(
        at::from_blob(slabs_.back().data(), sizes, at::TensorOptions().dtype(part.type)));
  }
}

PagePool::~PagePool() = default;
PagePool::PagePool(PagePool&&) noexcept = default;

int64_t PagePool::page_bytes() const {
  int64_t bytes = 0;
  for (const auto& part : parts_) bytes += part.bytes();
  return bytes;
}

void PagePool::commit_more() {
  require(num_committed_ < max_pages_, "cache: all {} pages of {} are taken", max_pages_,
          human_bytes(page_bytes()));
  const int64_t wanted =
      std::min(max_pages_, std::max<int64_t>(16, num_committed_ + num_committed_ / 2));
  for (size_t i = 0; i < parts_.size(); ++i) {
    slabs_[i].commit(static_cast<size_t>(wanted * parts_[i].bytes()));
  }
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

int32_t PagePool::copy(int32_t page, int64_t num_rows) {
  const int32_t fresh = take();
  for (size_t i = 0; i < parts_.size(); ++i) {
    const int64_t all = parts_[i].bytes();
    auto* data = static_cast<char*>(slabs_[i].data());
    std::memcpy(data + fresh * all, data + page * all,
                static_cast<size_t>(all / parts_[i].sizes.front() * num_rows));
  }
  return fresh;
}

int32_t PagePool::copy_whole(int32_t page) {
  const int32_t fresh = take();
  for (size_t i = 0; i < parts_.size(); ++i) {
    const int64_t all = parts_[i].bytes();
    if (all == 0) continue;
    auto* data = static_cast<char*>(slabs_[i].data());
    std::memcpy(data + fresh * all, data + page * all, static_cast<size_t>(all));
  }
  return fresh;
}

void PagePool::clear(int32_t page) {
  for (size_t i = 0; i < parts_.size(); ++i) {
    const int64_t all = parts_[i].bytes();
    if (all == 0) continue;
    std::memset(static_cast<char*>(slabs_[i].data()) + page * all, 0, static_cast<size_t>(all));
  }
}

}  // namespace hylo::models
