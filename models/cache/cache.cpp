#include "models/cache/cache.h"

#include <algorithm>
#include <utility>

#include "harness/base/error.h"
#include "harness/base/overloaded.h"

namespace hylo::models {
namespace {

int64_t pages_for(int64_t num_tokens, int64_t page_tokens) {
  return (num_tokens + page_tokens - 1) / page_tokens;
}

}  // namespace

Cache::Cache(const ModelConfig& config, const CacheOptions& options) {
  require(options.page_tokens > 0, "cache: a page of {} tokens", options.page_tokens);
  for (const auto& layer : config.layers) {
    std::visit(overloaded{[&](const AttentionSpec& spec) {
                 const PageShape shape{.page_tokens = options.page_tokens,
                                       .num_heads = spec.num_kv_heads,
                                       .key_width = spec.head_width,
                                       .value_width = spec.head_width,
                                       .type = options.type};
                 layers_.push_back({std::make_unique<PagePool>(
                                        shape, pages_for(options.max_tokens, options.page_tokens)),
                                    spec.window});
               }},
               layer.mixer);
  }
}

SequenceCache Cache::new_sequence() { return SequenceCache(*this); }

int64_t Cache::bytes() const {
  int64_t bytes = 0;
  for (const auto& layer : layers_) {
    bytes += layer.pool->num_pages_in_use() * layer.pool->shape().page_bytes();
  }
  return bytes;
}

SequenceCache::SequenceCache(Cache& cache) : cache_(&cache), pages_(cache.layers_.size()) {}

SequenceCache::~SequenceCache() { release_all(); }

SequenceCache::SequenceCache(SequenceCache&& other) noexcept
    : cache_(other.cache_),
      pages_(std::exchange(other.pages_, {})),
      num_tokens_(std::exchange(other.num_tokens_, 0)) {}

SequenceCache& SequenceCache::operator=(SequenceCache&& other) noexcept {
  std::swap(cache_, other.cache_);
  std::swap(pages_, other.pages_);
  std::swap(num_tokens_, other.num_tokens_);
  return *this;
}

void SequenceCache::release_all() {
  for (size_t layer = 0; layer < pages_.size(); ++layer) {
    for (const int32_t page : pages_[layer]) {
      if (page >= 0) cache_->pages(layer).release(page);
    }
    pages_[layer].clear();
  }
}

void SequenceCache::reserve(int64_t num_tokens) {
  for (size_t layer = 0; layer < pages_.size(); ++layer) {
    auto& pool = cache_->pages(layer);
    const auto wanted =
        static_cast<size_t>(pages_for(num_tokens_ + num_tokens, pool.shape().page_tokens));
    while (pages_[layer].size() < wanted) pages_[layer].push_back(pool.take());
  }
}

void SequenceCache::advance(int64_t num_tokens) {
  num_tokens_ += num_tokens;
  for (size_t layer = 0; layer < pages_.size(); ++layer) {
    const auto& window = cache_->layers_[layer].window;
    if (!window) continue;
    auto& pool = cache_->pages(layer);
    // The next query sees keys from here on.
    const int64_t first_key = std::max<int64_t>(0, num_tokens_ - *window + 1);
    for (int64_t page = first_key / pool.shape().page_tokens - 1; page >= 0; --page) {
      if (pages_[layer][page] < 0) break;
      pool.release(std::exchange(pages_[layer][page], -1));
    }
  }
}

SequenceCache SequenceCache::fork() const {
  SequenceCache copy(*cache_);
  copy.num_tokens_ = num_tokens_;
  for (size_t layer = 0; layer < pages_.size(); ++layer) {
    auto& pool = cache_->pages(layer);
    const int64_t page_tokens = pool.shape().page_tokens;
    const auto used = static_cast<size_t>(pages_for(num_tokens_, page_tokens));
    for (size_t i = 0; i < used; ++i) {
      const int32_t page = pages_[layer][i];
      const int64_t tokens =
          std::min(page_tokens, num_tokens_ - static_cast<int64_t>(i) * page_tokens);
      if (page >= 0 && tokens == page_tokens) pool.share(page);
      copy.pages_[layer].push_back(page >= 0 && tokens < page_tokens ? pool.copy(page, tokens)
                                                                     : page);
    }
  }
  return copy;
}

void SequenceCache::truncate(int64_t num_tokens) {
  require(num_tokens >= 0 && num_tokens <= num_tokens_, "cache: cannot cut {} tokens to {}",
          num_tokens_, num_tokens);
  for (size_t layer = 0; layer < pages_.size(); ++layer) {
    const auto& window = cache_->layers_[layer].window;
    if (!window) continue;
    const int64_t page_tokens = cache_->pages(layer).shape().page_tokens;
    for (int64_t key = std::max<int64_t>(0, num_tokens - *window + 1); key < num_tokens;
         key += page_tokens) {
      require(pages_[layer][key / page_tokens] >= 0,
              "cache: layer {} gave back the pages that {} tokens would need", layer, num_tokens);
    }
  }
  for (size_t layer = 0; layer < pages_.size(); ++layer) {
    auto& pool = cache_->pages(layer);
    const auto kept = static_cast<size_t>(pages_for(num_tokens, pool.shape().page_tokens));
    while (pages_[layer].size() > kept) {
      if (pages_[layer].back() >= 0) pool.release(pages_[layer].back());
      pages_[layer].pop_back();
    }
    // The last page may be shared with a fork that goes on differently.
    const int64_t in_last = num_tokens % pool.shape().page_tokens;
    if (kept > 0 && in_last > 0 && pages_[layer].back() >= 0) {
      const int32_t own = pool.copy(pages_[layer].back(), in_last);
      pool.release(std::exchange(pages_[layer].back(), own));
    }
  }
  num_tokens_ = num_tokens;
}

}  // namespace hylo::models
