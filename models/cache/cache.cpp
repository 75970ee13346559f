#include "models/cache/cache.h"

#include <algorithm>
#include <utility>

#include "harness/base/error.h"

namespace hylo::models {
namespace {

int64_t pages_for(int64_t num_tokens, int64_t page_tokens) {
  return (num_tokens + page_tokens - 1) / page_tokens;
}

}  // namespace

size_t Cache::Layer::pages_for(int64_t num_tokens, int64_t page_tokens) const {
  if (is_state) return num_tokens > 0 ? 1 : 0;
  return static_cast<size_t>(models::pages_for(num_tokens, page_tokens));
}

Cache::Cache(const ModelConfig& config, const CacheOptions& options)
    : page_tokens_(options.page_tokens) {
  require(options.page_tokens > 0, "cache: a page of {} tokens", options.page_tokens);
  for (const auto& layer : config.layers) {
    auto layout = memory_layout(layer.mixer, options.type, options.page_tokens);
    const int64_t max_pages = layout.is_state ? options.max_sequences
                                              : pages_for(options.max_tokens, options.page_tokens);
    layers_.push_back(
        {PagePool(std::move(layout.parts), max_pages), layout.is_state, layout.window});
  }
}

SequenceCache Cache::new_sequence() { return SequenceCache(*this); }

int64_t Cache::bytes() const {
  int64_t bytes = 0;
  for (const auto& layer : layers_) {
    bytes += layer.pool.num_pages_in_use() * layer.pool.page_bytes();
  }
  return bytes;
}

SequenceCache::SequenceCache(Cache& cache) : cache_(&cache), pages_(cache.layers_.size()) {}

SequenceCache::~SequenceCache() { release_all(); }

SequenceCache::SequenceCache(SequenceCache&& other) noexcept
    : cache_(other.cache_),
      pages_(std::exchange(other.pages_, {})),
      num_tokens_(std::exchange(other.num_tokens_, 0)),
      min_tokens_(std::exchange(other.min_tokens_, 0)),
      in_call_(std::exchange(other.in_call_, false)) {}

SequenceCache& SequenceCache::operator=(SequenceCache&& other) noexcept {
  std::swap(cache_, other.cache_);
  std::swap(pages_, other.pages_);
  std::swap(num_tokens_, other.num_tokens_);
  std::swap(min_tokens_, other.min_tokens_);
  std::swap(in_call_, other.in_call_);
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

/// Keys and latents behind num_tokens_ are written again by the next call; states are not.
void SequenceCache::check_whole() const {
  require(!in_call_ || std::ranges::none_of(cache_->layers_, &Cache::Layer::is_state),
          "cache: a call failed while this sequence of {} tokens was in it, so some layers' "
          "recurrent states have moved on and others have not; cut it to 0 tokens and feed it "
          "again, or go on with a fork from before that call",
          num_tokens_);
}

void SequenceCache::reserve(int64_t num_tokens) {
  check_whole();
  SequenceCache fresh(*cache_);  // gives its pages back if a pool runs out
  for (size_t i = 0; i < pages_.size(); ++i) {
    auto& layer = cache_->layers_[i];
    const auto wanted = layer.pages_for(num_tokens_ + num_tokens, cache_->page_tokens_);
    while (pages_[i].size() + fresh.pages_[i].size() < wanted) {
      fresh.pages_[i].push_back(layer.pool.take());
      if (layer.is_state) layer.pool.clear(fresh.pages_[i].back());
    }
  }
  for (size_t i = 0; i < pages_.size(); ++i) {
    pages_[i].insert(pages_[i].end(), fresh.pages_[i].begin(), fresh.pages_[i].end());
    fresh.pages_[i].clear();
  }
}

void SequenceCache::advance(int64_t num_tokens) {
  num_tokens_ += num_tokens;
  in_call_ = false;
  for (size_t i = 0; i < pages_.size(); ++i) {
    auto& layer = cache_->layers_[i];
    if (!layer.window) continue;
    // The next query sees keys from here on.
    const int64_t first_key = std::max<int64_t>(0, num_tokens_ - *layer.window + 1);
    for (int64_t page = first_key / cache_->page_tokens_ - 1; page >= 0; --page) {
      if (pages_[i][page] < 0) break;
      layer.pool.release(std::exchange(pages_[i][page], -1));
    }
  }
}

SequenceCache SequenceCache::fork() const {
  check_whole();
  SequenceCache copy(*cache_);
  copy.num_tokens_ = num_tokens_;
  copy.min_tokens_ = min_tokens_;
  const int64_t page_tokens = cache_->page_tokens_;
  for (size_t i = 0; i < pages_.size(); ++i) {
    auto& layer = cache_->layers_[i];
    const auto used = layer.pages_for(num_tokens_, page_tokens);
    for (size_t p = 0; p < used; ++p) {
      const int32_t page = pages_[i][p];
      if (layer.is_state) {
        copy.pages_[i].push_back(layer.pool.copy_whole(page));
        continue;
      }
      const int64_t tokens =
          std::min(page_tokens, num_tokens_ - static_cast<int64_t>(p) * page_tokens);
      if (page >= 0 && tokens == page_tokens) layer.pool.share(page);
      copy.pages_[i].push_back(page >= 0 && tokens < page_tokens ? layer.pool.copy(page, tokens)
                                                                 : page);
    }
  }
  return copy;
}

void SequenceCache::check_cut(int64_t num_tokens) const {
  require(num_tokens >= 0 && num_tokens <= num_tokens_, "cache: cannot cut {} tokens to {}",
          num_tokens_, num_tokens);
  if (num_tokens > 0) check_whole();
  require(
      num_tokens == 0 || num_tokens >= min_tokens_,
      "cache: a sequence with windows was loaded at {} tokens and cannot be cut to {}: what its "
      "windows had passed was not saved",
      min_tokens_, num_tokens);
  const int64_t page_tokens = cache_->page_tokens_;
  for (size_t i = 0; i < pages_.size(); ++i) {
    const auto& layer = cache_->layers_[i];
    require(!layer.is_state || num_tokens == 0 || num_tokens == num_tokens_,
            "cache: layer {} remembers {} tokens in one state, which cannot be cut to {}; fork the "
            "sequence before it is fed what may have to be forgotten",
            i, num_tokens_, num_tokens);
    if (!layer.window) continue;
    // Pages are given back from the first on: if this one is there, so are all behind it.
    const int64_t first = std::max<int64_t>(0, num_tokens - *layer.window + 1) / page_tokens;
    require(first >= pages_for(num_tokens, page_tokens) || pages_[i][first] >= 0,
            "cache: layer {} gave back the pages that {} tokens would need", i, num_tokens);
  }
}

void SequenceCache::truncate(int64_t num_tokens) {
  check_cut(num_tokens);
  const int64_t page_tokens = cache_->page_tokens_;
  // Last pages that a fork shares, to be written by this sequence alone. Taken before anything
  // changes, because the pool may have none.
  SequenceCache own(*cache_);
  const auto num_kept = [&](size_t i) {
    return cache_->layers_[i].pages_for(num_tokens, page_tokens);
  };
  for (size_t i = 0; i < pages_.size(); ++i) {
    auto& layer = cache_->layers_[i];
    const int64_t in_last = num_tokens % page_tokens;
    if (in_last == 0 || layer.is_state) continue;
    const int32_t last = pages_[i][num_kept(i) - 1];
    if (last >= 0 && layer.pool.is_shared(last)) {
      own.pages_[i].push_back(layer.pool.copy(last, in_last));
    }
  }
  for (size_t i = 0; i < pages_.size(); ++i) {
    while (pages_[i].size() > num_kept(i)) {
      if (pages_[i].back() >= 0) cache_->pages(i).release(pages_[i].back());
      pages_[i].pop_back();
    }
    if (!own.pages_[i].empty()) std::swap(pages_[i].back(), own.pages_[i].back());
  }
  num_tokens_ = num_tokens;
  if (num_tokens == 0) min_tokens_ = 0;
  in_call_ = false;
}

}  // namespace hylo::models
