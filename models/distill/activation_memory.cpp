#include "models/distill/activation_memory.h"

#include <algorithm>

#include "harness/base/overloaded.h"
#include "kernels/cpu/recurrence.h"

namespace hylo::models {
namespace {

/// Numbers a row, of the type of the weights and of the type that sums; what does not grow with the
/// rows is in bytes.
struct Numbers {
  int64_t narrow = 0, wide = 0;
  int64_t bytes = 0;
};

class Counter {
 public:
  Counter(int64_t model_width, const PassShape& pass)
      : width_(model_width),
        pass_(pass),
        is_wide_(pass.type == NumberType::Float32 || pass.type == NumberType::Float64) {}

  /// What a block keeps is freed as its backward pass goes on: `late` is what is left of it when
  /// the recurrence or the attention flows back.
  [[nodiscard]] BlockMemory block(const Numbers& kept, const Numbers& early,
                                  const Numbers& late_freed, const Numbers& late) const {
    const int64_t stream = bytes({.narrow = width_});  // the gradient of the residual stream
    const auto all =
        Numbers{.narrow = kept.narrow + 2 * width_, .wide = kept.wide, .bytes = kept.bytes};
    return {.kept_bytes = bytes(all),
            .backward_bytes = stream + std::max(bytes(early), bytes(late) - bytes(late_freed))};
  }

  [[nodiscard]] BlockMemory operator()(const AttentionSpec& s) const {
    const int64_t queries = s.num_heads * s.head_width, keys = s.num_kv_heads * s.head_width;
    Numbers kept{.narrow = 2 * queries + 2 * keys, .wide = s.num_heads};
    if (s.head_norms != HeadNorms::None) kept.narrow += queries + keys;
    if (s.output_gate) kept.narrow += 2 * queries;
    return attention_block(kept, queries, queries + 2 * keys);
  }

  [[nodiscard]] BlockMemory operator()(const MlaSpec& s) const {
    const int64_t key_width = s.nope_width + s.rope_width;
    const int64_t queries = s.num_heads * key_width, keys = s.num_kv_heads * key_width;
    const int64_t values = s.num_kv_heads * s.value_width, out = s.num_heads * s.value_width;
    Numbers kept{.narrow = queries + keys + values + out + s.latent_rank + s.query_rank,
                 .wide = s.num_heads};
    if (s.latent_norm) kept.narrow += s.latent_rank;
    if (s.query_latent_norm) kept.narrow += s.query_rank;
    if (s.head_norms) kept.narrow += queries + keys;
    return attention_block(kept, out, queries + keys + values);
  }

  [[nodiscard]] BlockMemory operator()(const Mamba2Spec& s) const {
    const int64_t inner = s.inner_width(), channels = s.conv_channels();
    Numbers kept{
        .narrow = inner + channels + s.num_heads + 2 * inner,
        .wide = 2 * inner + 4 * s.num_heads,
        .bytes = states(s.num_heads, s.key_width, s.value_width) + tails(channels, s.conv_width)};
    if (is_wide_) {
      kept.narrow += channels;
    } else {
      kept.wide += (s.num_query_heads + s.num_key_heads) * s.key_width;
    }
    return recurrent_block(kept, inner, {s.num_heads, s.key_width, s.value_width},
                           {.narrow = 2 * inner}, {.narrow = inner, .wide = 3 * inner});
  }

  [[nodiscard]] BlockMemory operator()(const DiscreteMamba2Spec& s) const {
    const int64_t inner = s.inner_width(), channels = s.conv_channels();
    Numbers kept{
        .narrow = inner + channels + s.num_heads + 4 * inner,
        .wide = 3 * s.num_heads,
        .bytes = states(s.num_heads, s.key_width, s.value_width) + tails(channels, s.conv_width)};
    (is_wide_ ? kept.narrow : kept.wide) += channels;
    // Queries and keys flow back last; their gradients are padded to all channels. Where they are
    // views, not roundings, the gate's gradient is padded by then too.
    const int64_t padded_gate = is_wide_ ? channels + s.num_heads : 0;
    const int64_t keys = s.num_key_heads * s.key_width;
    return block(
        kept, {.wide = 3 * inner},
        {.narrow = 4 * inner + channels, .bytes = states(s.num_heads, s.key_width, s.value_width)},
        {.narrow = inner + 2 * channels + padded_gate, .wide = 2 * inner + keys});
  }

  [[nodiscard]] BlockMemory operator()(const GatedDeltaSpec& s) const {
    const int64_t inner = s.num_heads * s.value_width, keys = 2 * s.num_key_heads * s.key_width;
    return delta_block({.inner = inner,
                        .heads = {s.num_heads, s.key_width, s.value_width},
                        .key_channels = keys,
                        .decays = s.num_heads,
                        .more = keys + inner,  // inputs of the convolutions
                        .bytes = tails(s.conv_channels(), s.conv_width)});
  }

  [[nodiscard]] BlockMemory operator()(const KimiDeltaSpec& s) const {
    const int64_t inner = s.inner_width();
    return delta_block({.inner = inner,
                        .heads = {s.num_heads, s.head_width, s.head_width},
                        .key_channels = 2 * inner,
                        .decays = inner,
                        .more = 3 * inner + 2 * s.head_width,
                        .bytes = tails(s.conv_channels(), s.conv_width)});
  }

  [[nodiscard]] BlockMemory operator()(const JetBlockSpec& s) const {
    const int64_t inner = s.num_heads * s.value_width, keys = 2 * s.num_heads * s.key_width;
    return delta_block({.inner = inner,
                        .heads = {s.num_heads, s.key_width, s.value_width},
                        .key_channels = keys,
                        .decays = s.num_heads,
                        .more = keys + 2 * s.generator_width + inner * (1 + s.conv_width),
                        .bytes = tails(inner, s.conv_width)});
  }

  [[nodiscard]] BlockMemory operator()(const NoFeedForward&) const { return {}; }

  [[nodiscard]] BlockMemory operator()(const SwiGluSpec& s) const {
    return block({.narrow = 3 * s.width}, {.narrow = 2 * s.width}, {}, {});
  }

  [[nodiscard]] BlockMemory operator()(const MoeSpec& s) const {
    const int64_t k = s.experts_per_token;
    Numbers kept{.narrow = k * (2 * width_ + 3 * s.width) + s.num_experts + 3 * s.shared_width,
                 .wide = 2 * s.num_experts + k * (4 + width_)};
    if (s.shared_width > 0 && s.shared_gate) kept.narrow += width_;
    // The gradient of the sum, and of the rows that experts were given.
    return block(kept, {.narrow = k * width_ + 2 * s.width * k / s.num_experts, .wide = width_}, {},
                 {});
  }

 private:
  struct Heads {
    int64_t num = 0, key_width = 0, value_width = 0;
  };
  struct Delta {
    int64_t inner = 0;
    Heads heads;
    int64_t key_channels = 0;  ///< of queries and keys, before they are normed
    int64_t decays = 0;        ///< a row
    int64_t more = 0;
    int64_t bytes = 0;
  };

  [[nodiscard]] int64_t element_bytes() const { return bytes_of(pass_.type); }
  [[nodiscard]] int64_t wide_bytes() const { return pass_.type == NumberType::Float64 ? 8 : 4; }
  [[nodiscard]] int64_t bytes(const Numbers& n) const {
    return pass_.num_rows * (n.narrow * element_bytes() + n.wide * wide_bytes()) + n.bytes;
  }

  /// Before every segment of every sequence.
  [[nodiscard]] int64_t states(int64_t heads, int64_t key_width, int64_t value_width) const {
    const int64_t segments =
        (pass_.sequence_rows + kernels::cpu::segment_rows - 1) / kernels::cpu::segment_rows;
    return pass_.num_sequences() * segments * heads * key_width * value_width * wide_bytes();
  }
  [[nodiscard]] int64_t tails(int64_t channels, int64_t conv_width) const {
    return pass_.num_sequences() * (conv_width - 1) * channels * element_bytes();
  }

  [[nodiscard]] BlockMemory attention_block(const Numbers& kept, int64_t out,
                                            int64_t gradients) const {
    return block(kept, {.narrow = out + gradients}, {}, {});
  }

  /// `freed` when the recurrence flows back: what the gated norm kept and gave. `made`: gradients
  /// that are there then, besides those of queries, keys and states.
  [[nodiscard]] BlockMemory recurrent_block(const Numbers& kept, int64_t inner, const Heads& heads,
                                            const Numbers& freed, Numbers made) const {
    made.wide += 2 * heads.num * heads.key_width;
    if (!is_wide_) made.narrow += 2 * heads.num * heads.key_width;  // the same, rounded
    made.bytes +=
        pass_.num_sequences() * heads.num * heads.key_width * heads.value_width * wide_bytes();
    return block(kept, {.narrow = 2 * inner}, freed, made);
  }

  [[nodiscard]] BlockMemory delta_block(const Delta& d) const {
    const Numbers kept{
        .narrow = 2 * d.key_channels + 4 * d.inner + d.more,
        .wide = d.inner + 4 * d.decays + d.heads.num,
        .bytes = d.bytes + states(d.heads.num, d.heads.key_width, d.heads.value_width)};
    return recurrent_block(kept, d.inner, d.heads, {.narrow = 3 * d.inner},
                           {.narrow = 3 * d.inner, .wide = d.decays + d.heads.num});
  }

  int64_t width_;
  const PassShape& pass_;
  bool is_wide_;
};

}  // namespace

int64_t rotary_bytes(const MixerSpec& mixer, const PassShape& pass) {
  return pass.num_rows * rope_of(mixer).width * (pass.type == NumberType::Float64 ? 8 : 4);
}

BlockMemory mixer_memory(const MixerSpec& mixer, int64_t model_width, const PassShape& pass) {
  return std::visit(Counter(model_width, pass), mixer);
}

BlockMemory feed_forward_memory(const FeedForwardSpec& feed_forward, int64_t model_width,
                                const PassShape& pass) {
  return std::visit(Counter(model_width, pass), feed_forward);
}

}  // namespace hylo::models
