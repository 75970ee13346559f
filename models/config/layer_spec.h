// What a layer is, as plain data. A hybrid is a list of layers that is not uniform.
#pragma once

#include <cmath>
#include <cstdint>
#include <limits>
#include <optional>
#include <variant>

#include "kernels/ops/router_spec.h"
#include "models/config/rope_spec.h"

namespace hylo::models {

/// RMS norms of queries and keys before the rotation.
enum class HeadNorms {
  None,
  PerHead,   ///< of each head, one weight for all of them (Qwen3)
  AllHeads,  ///< of all heads of a token together (OLMo)
};

/// Softmax attention with grouped heads: H query heads, G key/value heads, width K.
struct AttentionSpec {
  int64_t num_heads = 0;     ///< H
  int64_t num_kv_heads = 0;  ///< G, divides H
  int64_t head_width = 0;    ///< K, of queries, keys and values
  bool input_bias = false;   ///< biases on q, k and v
  bool output_bias = false;  ///< bias on the output projection
  HeadNorms head_norms = HeadNorms::None;
  bool output_gate = false;       ///< query rows hold [query, gate] per head; out * sigmoid(gate)
  std::optional<double> scale;    ///< of the scores; nothing: K^-1/2
  std::optional<int64_t> window;  ///< a query sees this many tokens, itself included
  RopeSpec rope;                  ///< width 0: positions are not used
  bool operator==(const AttentionSpec&) const = default;
};

/// Multi-head latent attention: keys and values of G heads come from one latent of rank R per
/// token; Kr further key dims carry the position and are shared by all heads.
/// Source: DeepSeek-V2 (arXiv 2405.04434) section 2.1; with G < H: Zebra-Llama (arXiv 2505.17272).
struct MlaSpec {
  int64_t num_heads = 0;     ///< H
  int64_t num_kv_heads = 0;  ///< G, divides H
  int64_t latent_rank = 0;   ///< R
  int64_t query_rank = 0;    ///< Rq; 0: queries are not compressed
  int64_t nope_width = 0;    ///< Kn
  int64_t rope_width = 0;    ///< Kr
  int64_t value_width = 0;   ///< V
  bool query_latent_norm = false;
  bool latent_norm = false;
  double latent_norm_epsilon = 1e-6;
  bool head_norms =
      false;          ///< of whole heads [nope, rope] of queries and keys, before the rotation
  bool bias = false;  ///< on the two down-projections and the output (DeepSeek)
  double scale = 0;   ///< of the scores, (Kn + Kr)^-1/2 where nothing else is said
  bool interleaved = true;  ///< rotated pairs are (2i, 2i + 1), not (i, i + Kr / 2)
  RopeSpec rope;            ///< width Kr, or 0: positions are not used
  /// The scale where nothing else is said.
  [[nodiscard]] double plain_scale() const {
    return std::pow(static_cast<double>(nope_width + rope_width), -0.5);
  }
  bool operator==(const MlaSpec&) const = default;
};

/// Mamba-2 with a scalar decay per head. In the words of attention: C is the query, B the key, x
/// the value. Heads that are fewer than H are repeated. Source: Dao, Gu 2024 (arXiv 2405.21060);
/// the form with H queries and G keys and values: MambaInLlama (arXiv 2408.15237).
struct Mamba2Spec {
  int64_t num_heads = 0;  ///< H, of decay, step size and state
  int64_t num_value_heads = 0, num_key_heads = 0, num_query_heads = 0;  ///< of x, B and C
  int64_t key_width = 0;                                                ///< K, the state size
  int64_t value_width = 0;                                              ///< V
  int64_t conv_width = 4;                                               ///< C
  bool conv_bias = true, projection_bias = false;
  int64_t norm_groups = 1;  ///< of the gated norm over all H * V channels
  double norm_epsilon = 1e-5;
  double min_step = 0, max_step = std::numeric_limits<double>::infinity();
  [[nodiscard]] int64_t inner_width() const { return num_heads * value_width; }
  /// Channels under the convolution: x, B, C.
  [[nodiscard]] int64_t conv_channels() const {
    return num_value_heads * value_width + (num_key_heads + num_query_heads) * key_width;
  }
  bool operator==(const Mamba2Spec&) const = default;
};

/// Mamba-2 whose decay is projected from the input: no step size, no norm.
/// Source: Llamba (arXiv 2502.14458); cartesia-ai/edge, Llamba/mixers/discrete_mamba2.py.
struct DiscreteMamba2Spec {
  int64_t num_heads = 0;      ///< H, value heads
  int64_t num_key_heads = 0;  ///< heads of B and C, divides H
  int64_t key_width = 0;      ///< K, the state size
  int64_t value_width = 0;    ///< V
  int64_t conv_width = 4;     ///< C
  [[nodiscard]] int64_t inner_width() const { return num_heads * value_width; }
  [[nodiscard]] int64_t conv_channels() const {
    return inner_width() + 2 * num_key_heads * key_width;
  }
  bool operator==(const DiscreteMamba2Spec&) const = default;
};

/// Gated DeltaNet: short convolutions on q, k and v, unit keys and queries, gated delta rule, gated
/// norm. Source: arXiv 2412.06464; fla-org/flash-linear-attention, fla/layers/gated_deltanet.py.
struct GatedDeltaSpec {
  int64_t num_key_heads = 0;         ///< Hk
  int64_t num_heads = 0;             ///< Hv, a multiple of Hk
  int64_t key_width = 0;             ///< K
  int64_t value_width = 0;           ///< V
  int64_t conv_width = 4;            ///< C
  double write_scale = 1;            ///< of beta; 2 lets the state's eigenvalues be negative
  bool grouped_projections = false;  ///< one tensor with [q, k, v, gate] per key head (Qwen3-Next)
  double norm_epsilon = 1e-5;
  [[nodiscard]] int64_t conv_channels() const {
    return 2 * num_key_heads * key_width + num_heads * value_width;
  }
  bool operator==(const GatedDeltaSpec&) const = default;
};

/// Kimi Delta Attention: the delta rule with a decay per key channel; decay and output gate come
/// from projections of rank K. Source: arXiv 2510.26692.
struct KimiDeltaSpec {
  int64_t num_heads = 0;   ///< H
  int64_t head_width = 0;  ///< K = V
  int64_t conv_width = 4;  ///< C
  double norm_epsilon = 1e-5;
  [[nodiscard]] int64_t inner_width() const { return num_heads * head_width; }
  [[nodiscard]] int64_t conv_channels() const { return 3 * inner_width(); }
  bool operator==(const KimiDeltaSpec&) const = default;
};

/// Gated DeltaNet with a convolution on v alone whose taps are computed from the input.
/// Source: Jet-Nemotron (arXiv 2508.15884); NVlabs/Jet-Nemotron, jetai/modeling/hf/jet_block.py.
struct JetBlockSpec {
  int64_t num_heads = 0;        ///< H
  int64_t key_width = 0;        ///< K
  int64_t value_width = 0;      ///< V
  int64_t conv_width = 4;       ///< C
  int64_t generator_width = 0;  ///< between the two projections that make the taps
  double norm_epsilon = 1e-5;
  [[nodiscard]] int64_t conv_channels() const { return num_heads * value_width; }
  bool operator==(const JetBlockSpec&) const = default;
};

using kernels::RouterKind;
using kernels::RouterSpec;

struct NoFeedForward {
  bool operator==(const NoFeedForward&) const = default;
};

struct SwiGluSpec {
  int64_t width = 0;  ///< F
  bool bias = false;
  bool operator==(const SwiGluSpec&) const = default;
};

/// A mixture of SwiGLU experts, beside which a shared one may run for every token.
struct MoeSpec {
  int64_t num_experts = 0;        ///< E
  int64_t experts_per_token = 0;  ///< k
  int64_t width = 0;              ///< of one expert
  RouterSpec router;
  int64_t shared_width = 0;  ///< 0: no shared expert
  bool shared_gate = false;  ///< the shared expert is weighed by sigmoid of a projection
  bool operator==(const MoeSpec&) const = default;
};

using MixerSpec = std::variant<AttentionSpec, MlaSpec, Mamba2Spec, DiscreteMamba2Spec,
                               GatedDeltaSpec, KimiDeltaSpec, JetBlockSpec>;
using FeedForwardSpec = std::variant<NoFeedForward, SwiGluSpec, MoeSpec>;

/// Where the norms of a layer stand.
enum class Connectivity {
  PreNorm,   ///< x + mixer(norm(x))
  PostNorm,  ///< x + norm(mixer(x)); OLMo's attention layers
};

struct LayerSpec {
  MixerSpec mixer;
  FeedForwardSpec feed_forward;
  Connectivity connectivity = Connectivity::PreNorm;
  bool operator==(const LayerSpec&) const = default;
};

/// A kind of layer in a word: "attention", "MLA", "Mamba2", ...
const char* kind_name(const MixerSpec& mixer);

/// Whether a layer remembers a state of constant size and not every token.
bool is_recurrent(const MixerSpec& mixer);

/// Of a mixer that rotates queries and keys; of width 0 for all others.
RopeSpec rope_of(const MixerSpec& mixer);

}  // namespace hylo::models
