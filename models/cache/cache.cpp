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

void SequenceCache::check_cut(int64_t num_tokens) const {
  require(num_tokens >= 0 && num_tokens <= num_tokens_, "cache: cannot cut {} tokens to {}",
          num_tokens_, num_tokens);
  for (size_t layer = 0; layer < pages_.size(); ++layer) {
    const auto& window = cache_->layers_[layer].window;
    if (!window) continue;
    // Pages are given back from the first on: if this one is there, so are all behind it.
    const int64_t page_tokens = cache_->pages(layer).shape().page_tokens;
    const int64_t first = std::max<int64_t>(0, num_tokens - *window + 1) / page_tokens;
    require(first >= pages_for(num_tokens, page_tokens) || pages_[layer][first] >= 0,
            "cache: layer {} gave back the pages that {} tokens would need", layer, num_tokens);
  }
}

void SequenceCache::truncate(int64_t num_tokens) {
  check_cut(num_tokens);
  // Last pages that a fork shares, to be written by this sequence alone. Taken before anything
  // changes, because the pool may have none.
  SequenceCache own(*cache_);
  const auto num_kept = [&](size_t layer) {
    return static_cast<size_t>(pages_for(num_tokens, cache_->pages(layer).shape().page_tokens));
  };
  for (size_t layer = 0; layer < pages_.size(); ++layer) {
    auto& pool = cache_->pages(layer);
    const int64_t in_last = num_tokens % pool.shape().page_tokens;
    if (in_last == 0) continue;
    const int32_t last = pages_[layer][num_kept(layer) - 1];
    if (last >= 0 && pool.is_shared(last)) own.pages_[layer].push_back(pool.copy(last, in_last));
  }
  for (size_t layer = 0; layer < pages_.size(); ++layer) {
    while (pages_[layer].size() > num_kept(layer)) {
      if (pages_[layer].back() >= 0) cache_->pages(layer).release(pages_[layer].back());
      pages_[layer].pop_back();
    }
    if (!own.pages_[layer].empty()) std::swap(pages_[layer].back(), own.pages_[layer].back());
  }
  num_tokens_ = num_tokens;
}

}  // namespace hylo::models
