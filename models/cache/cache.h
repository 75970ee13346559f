// What sequences remember between calls.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "models/cache/layer_memory.h"
#include "models/config/model_config.h"

namespace hylo::models {

class SequenceCache;

struct CacheOptions {
  at::ScalarType type = at::kFloat;
  int64_t page_tokens = 64;
  /// Tokens of all sequences together. Only address space until they are used.
  int64_t max_tokens = int64_t{1} << 22;
  /// Sequences at once, forks included, whose recurrent states there is address space for.
  int64_t max_sequences = int64_t{1} << 13;
};

/// The memory of one model: a pool per layer, from which sequences take.
class Cache {
 public:
  Cache(const ModelConfig& config, const CacheOptions& options);

  [[nodiscard]] SequenceCache new_sequence();
  [[nodiscard]] int64_t bytes() const;  ///< held by all sequences; a shared page counts once
  [[nodiscard]] size_t num_layers() const { return layers_.size(); }
  [[nodiscard]] PagePool& pages(size_t layer) { return layers_[layer].pool; }
  /// Whether a sequence has one state in this layer, whatever its length.
  [[nodiscard]] bool is_state(size_t layer) const { return layers_[layer].is_state; }
  [[nodiscard]] std::optional<int64_t> window(size_t layer) const { return layers_[layer].window; }

 private:
  friend class SequenceCache;
  struct Layer {
    PagePool pool;
    bool is_state = false;
    std::optional<int64_t> window;
    [[nodiscard]] size_t pages_for(int64_t num_tokens, int64_t page_tokens) const;
  };
  int64_t page_tokens_;
  std::vector<Layer> layers_;
};

/// What one sequence remembers. Move-only: a copy is a fork() and says so.
class SequenceCache {
 public:
  ~SequenceCache();
  SequenceCache(SequenceCache&& other) noexcept;
  SequenceCache& operator=(SequenceCache&& other) noexcept;

  [[nodiscard]] int64_t num_tokens() const { return num_tokens_; }
  [[nodiscard]] Cache& owner() const { return *cache_; }

  /// Makes room for `num_tokens` more, which the layers then write. Throws Error when memory is
  /// short.
  void reserve(int64_t num_tokens);
  /// The layers write from here on, recurrent states in place. A call that fails before advance()
  /// leaves a sequence of attention alone as it was; one with recurrent states, of which some have
  /// moved on, can only be cut to 0 tokens or dropped: everything else throws Error.
  void begin_call() { in_call_ = true; }
  /// Counts them as remembered and gives back pages that no window reaches any more.
  void advance(int64_t num_tokens);

  /// A second sequence with the same past. Full pages are shared; the last partial one and
  /// recurrent states are copied.
  [[nodiscard]] SequenceCache fork() const;
  /// Forgets all tokens from `num_tokens` on. Throws Error when a window has given back pages that
  /// the shorter sequence would need, when a recurrent state would have to forget some tokens and
  /// keep others (fork before feeding them), or when no page is left for the copy of one that a
  /// fork shares; nothing is changed then.
  void truncate(int64_t num_tokens);

  /// From now on truncate() lets it be cut to 0 tokens only: rows that windows have passed are not
  /// in the pages that are held.
  void forbid_cuts() { min_tokens_ = num_tokens_; }
  /// Throws Error when a failed call has left states of this sequence behind.
  void check_whole() const;
  /// Page table of a layer; -1 where a page was given back. A recurrent layer has one page.
  [[nodiscard]] std::span<const int32_t> pages(size_t layer) const { return pages_[layer]; }

 private:
  friend class Cache;
  explicit SequenceCache(Cache& cache);
  void release_all();
  void check_cut(int64_t num_tokens) const;

  Cache* cache_;
  std::vector<std::vector<int32_t>> pages_;
  int64_t num_tokens_ = 0, min_tokens_ = 0;
  bool in_call_ = false;  ///< some layers may have written, others not
};

}  // namespace hylo::models
