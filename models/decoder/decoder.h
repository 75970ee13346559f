// The one network class: embedding, a list of layers that need not be alike, norm, head.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <span>
#include <vector>

#include "kernels/ops/linear.h"
#include "models/cache/cache.h"
#include "models/config/model_config.h"
#include "models/decoder/rotary_tables.h"
#include "models/weights/weights.h"

namespace hylo::models {

/// Rows of a ragged call: sequences one after another, each with what it remembers. A chunk of
/// prefill, eight sequences decoding at once and a mixture of both are the same call.
struct BatchedSequence {
  /// Null, for all sequences of a batch or for none: the sequence begins and ends here, nothing is
  /// remembered, and gradients flow to the weights that want them.
  SequenceCache* cache = nullptr;
  int64_t num_rows = 0;
};
struct Batch {
  std::vector<BatchedSequence> sequences;
  [[nodiscard]] int64_t num_rows() const;
  /// Throws std::logic_error when some sequences have a cache and others have not.
  [[nodiscard]] bool has_memory() const;
};

struct ForwardOptions {
  kernels::RowGroups groups = kernels::RowGroups::Free;
  RotaryPrecision rotary = RotaryPrecision::Exact;
  bool keep_hidden = false;
  /// Of layers that are trained through, only the inputs are kept; the backward pass computes the
  /// rest again. The weights must be leaves then, and hidden states cannot be kept.
  bool recompute_layers = false;
};

struct ForwardOut {
  at::Tensor normed_ND;               ///< after the final norm
  std::vector<at::Tensor> hidden_ND;  ///< with keep_hidden: the input of every layer
  std::vector<at::Tensor> mixed_ND;   ///< with keep_hidden: what the mixer of every layer gives
  at::Tensor last_hidden_ND;          ///< with keep_hidden: what the last layer gives
  /// With keep_hidden: logits of every layer's router; undefined for layers without experts.
  std::vector<at::Tensor> router_logits_NE;
};

/// What one layer gives.
struct LayerOut {
  at::Tensor out_ND;
  at::Tensor mixed_ND;          ///< of the mixer, before it is added
  at::Tensor router_logits_NE;  ///< undefined without experts
};

class Decoder {
 public:
  /// `weights` as visit_weights(config) wants them, all of one floating type.
  Decoder(ModelConfig config, ModelWeights weights);

  [[nodiscard]] const ModelConfig& config() const { return config_; }
  [[nodiscard]] const ModelWeights& weights() const { return weights_; }
  [[nodiscard]] at::ScalarType type() const { return weights_.embedding_WD.scalar_type(); }

  /// Runs the tokens through all layers and lets every sequence that has a cache remember its rows.
  /// Throws Error for a token outside of the vocabulary and when memory is short, before anything
  /// changes. What a call that fails later leaves of its sequences: SequenceCache::begin_call().
  ForwardOut forward(std::span<const int32_t> tokens_N, const Batch& batch,
                     const ForwardOptions& options = {}) const;

  /// One layer by itself, of a batch without caches: what it makes of any input.
  [[nodiscard]] LayerOut forward_layer(size_t layer, const at::Tensor& x_ND, const Batch& batch,
                                       const ForwardOptions& options = {}) const;

  /// The matrices of a layer's mixer for such an input: mixing_rows() of models/mixers. Throws
  /// std::logic_error for mixers that have none.
  [[nodiscard]] at::Tensor mixing_rows(size_t layer, const at::Tensor& x_ND,
                                       const Batch& batch) const;

  /// The final norm, of any rows.
  [[nodiscard]] at::Tensor final_norm(const at::Tensor& x_ND) const;

  /// [W, D]: the embedding where the head is tied to it.
  [[nodiscard]] const at::Tensor& head() const;

  /// [M, W] logits of rows that forward() gave, in the type of the weights.
  [[nodiscard]] at::Tensor logits(const at::Tensor& normed_MD, kernels::RowGroups groups) const;

 private:
  class Pass;

  ModelConfig config_;
  ModelWeights weights_;
};

}  // namespace hylo::models
