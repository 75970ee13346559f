#include "models/decoder/decoder.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/add.h>
#include <ATen/ops/embedding.h>
#include <ATen/ops/empty.h>

#include <algorithm>
#include <memory>

#include "harness/base/error.h"
#include "models/blocks/feed_forward.h"
#include "models/blocks/norm.h"
#include "models/decoder/recomputed.h"
#include "models/mixers/attention.h"
#include "models/mixers/gated_delta_net.h"
#include "models/mixers/jet_block.h"
#include "models/mixers/kimi_delta.h"
#include "models/mixers/mamba2.h"
#include "models/mixers/mixing_rows.h"
#include "models/mixers/mla.h"

namespace hylo::models {
namespace {

at::Tensor indices_of(std::span<const int32_t> tokens, int64_t vocabulary_size) {
  auto indices =
      at::empty({static_cast<int64_t>(tokens.size())}, at::TensorOptions().dtype(at::kInt));
  for (size_t i = 0; i < tokens.size(); ++i) {
    require(tokens[i] >= 0 && tokens[i] < vocabulary_size,
            "token {} at row {} is outside of the model's vocabulary of {}; is the tokenizer the "
            "model's?",
            tokens[i], i, vocabulary_size);
  }
  std::copy(tokens.begin(), tokens.end(), indices.mutable_data_ptr<int32_t>());
  return indices;
}

/// Tables for each kind of frequencies that the layers of one call use; most models have one.
class CallTables {
 public:
  CallTables(const Batch& batch, RotaryPrecision precision, at::ScalarType type)
      : precision_(precision), type_(type == at::kDouble ? at::kDouble : at::kFloat) {
    for (const auto& sequence : batch.sequences) {
      ranges_.push_back({sequence.num_rows, sequence.cache ? sequence.cache->num_tokens() : 0});
    }
  }
  const RotaryTables* of(const RopeSpec& rope) {
    if (rope.width == 0) return nullptr;
    const auto found = std::ranges::find(made_, rope, &Made::rope);
    if (found != made_.end()) return found->tables.get();
    made_.push_back(
        {rope, std::make_unique<RotaryTables>(rotary_tables(rope, ranges_, precision_, type_))});
    return made_.back().tables.get();
  }

 private:
  struct Made {
    RopeSpec rope;
    std::unique_ptr<RotaryTables> tables;
  };
  std::vector<PositionRange> ranges_;
  std::vector<Made> made_;
  RotaryPrecision precision_;
  at::ScalarType type_;
};

at::Tensor scaled(const at::Tensor& x, double scale) { return scale == 1 ? x : x * scale; }

}  // namespace

int64_t Batch::num_rows() const {
  int64_t rows = 0;
  for (const auto& sequence : sequences) rows += sequence.num_rows;
  return rows;
}

bool Batch::has_memory() const {
  const auto with_cache = std::ranges::count_if(sequences, &BatchedSequence::cache);
  invariant(with_cache == 0 || with_cache == std::ssize(sequences),
            "{} of {} sequences have a cache", with_cache, sequences.size());
  return with_cache > 0;
}

/// One call on its way through the layers. Shared with what the backward pass runs again.
class Decoder::Pass : public std::enable_shared_from_this<Decoder::Pass> {
 public:
  Pass(const Decoder& decoder, const Batch& batch, const ForwardOptions& options)
      : decoder_(decoder),
        config_(decoder.config_),
        batch_(batch),
        has_memory_(batch.has_memory()),
        options_(options),
        tables_(batch, options.rotary, decoder.type()) {
    int64_t first = 0;
    for (const auto& sequence : batch.sequences) {
      rows_.push_back({first, sequence.num_rows});
      first += sequence.num_rows;
    }
  }

  ForwardOut run(const at::Tensor& indices_N) {
    ForwardOut out;
    auto x_ND =
        scaled(at::embedding(decoder_.weights_.embedding_WD, indices_N), config_.embedding_scale);
    for (size_t i = 0; i < config_.layers.size(); ++i) {
      if (options_.recompute_layers) {
        x_ND = recomputed([self = shared_from_this(),
                           i](const at::Tensor& in) { return self->layer(i, in).out_ND; },
                          x_ND);
        continue;
      }
      auto layer_out = layer(i, x_ND);
      if (options_.keep_hidden) {
        out.hidden_ND.push_back(x_ND);
        out.mixed_ND.push_back(layer_out.mixed_ND);
        out.router_logits_NE.push_back(layer_out.router_logits_NE);
      }
      x_ND = layer_out.out_ND;
    }
    if (options_.keep_hidden) out.last_hidden_ND = x_ND;
    out.normed_ND = decoder_.final_norm(x_ND);
    return out;
  }

  LayerOut layer(size_t i, const at::Tensor& x_ND) {
    LayerOut out;
    const auto mixed_ND = mix(i, x_ND, out);
    out.out_ND = feed(i, mixed_ND, out);
    return out;
  }

  at::Tensor mixing_rows(size_t i, const at::Tensor& x_ND) {
    const auto& layer = decoder_.weights_.layers[i];
    const auto& spec = config_.layers[i];
    const bool norms_after = spec.connectivity == Connectivity::PostNorm;
    const auto in_ND = norms_after ? x_ND : normed(x_ND, layer.mixer_norm_D, config_.norm);
    const auto call = call_of(i, {});
    return with_weights(spec.mixer, layer.mixer, [&](const auto& kind, const auto& w) {
      if constexpr (requires { models::mixing_rows(kind, w, in_ND, call); }) {
        return models::mixing_rows(kind, w, in_ND, call);
      } else {
        invariant(false, "layer {} has no mixing matrix", i);
        return at::Tensor();
      }
    });
  }

 private:
  /// x + block(norm(x)), or x + norm(block(x)).
  template <class Block>
  at::Tensor add_block(size_t i, const at::Tensor& x_ND, const at::Tensor& norm_D, Block&& block) {
    if (config_.layers[i].connectivity == Connectivity::PostNorm) {
      return at::add(x_ND,
                     scaled(normed(block(x_ND), norm_D, config_.norm), config_.residual_scale));
    }
    return at::add(x_ND, scaled(block(normed(x_ND, norm_D, config_.norm)), config_.residual_scale));
  }

  [[nodiscard]] LayerCall call_of(size_t i, std::span<const kernels::PagedRows> sequences) {
    return {.sequences = sequences,
            .rows = rows_,
            .pages = has_memory_ ? &batch_.sequences.front().cache->owner().pages(i) : nullptr,
            .rotary = tables_.of(rope_of(config_.layers[i].mixer)),
            .rotary_precision = options_.rotary,
            .norm = config_.norm,
            .groups = options_.groups};
  }

  at::Tensor mix(size_t i, const at::Tensor& x_ND, LayerOut& out) {
    const auto& layer = decoder_.weights_.layers[i];
    const auto& spec = config_.layers[i];
    const auto sequences = paged_rows(i);
    const auto call = call_of(i, sequences);
    return add_block(i, x_ND, layer.mixer_norm_D, [&](const at::Tensor& in_ND) {
      return out.mixed_ND = with_weights(
                 spec.mixer, layer.mixer,
                 [&](const auto& kind, const auto& w) { return mix_tokens(kind, w, in_ND, call); });
    });
  }

  at::Tensor feed(size_t i, const at::Tensor& x_ND, LayerOut& out) {
    const auto& layer = decoder_.weights_.layers[i];
    const auto& spec = config_.layers[i];
    if (std::holds_alternative<NoFeedForward>(spec.feed_forward)) return x_ND;
    return add_block(i, x_ND, layer.feed_forward_norm_D, [&](const at::Tensor& in_ND) {
      const auto fed =
          with_weights(spec.feed_forward, layer.feed_forward, [&](const auto& kind, const auto& w) {
            return feed_forward(kind, w, in_ND, options_.groups);
          });
      out.router_logits_NE = fed.router_logits_NE;
      return fed.out_ND;
    });
  }

  [[nodiscard]] std::vector<kernels::PagedRows> paged_rows(size_t layer) const {
    std::vector<kernels::PagedRows> rows;
    if (!has_memory_) return rows;
    for (size_t s = 0; s < rows_.size(); ++s) {
      const auto& cache = *batch_.sequences[s].cache;
      rows.push_back({.first_row = rows_[s].first_row,
                      .num_rows = rows_[s].num_rows,
                      .num_past = cache.num_tokens(),
                      .pages = cache.pages(layer)});
    }
    return rows;
  }

  const Decoder& decoder_;
  const ModelConfig& config_;
  Batch batch_;
  bool has_memory_;
  ForwardOptions options_;
  CallTables tables_;
  std::vector<kernels::RowRange> rows_;
};

Decoder::Decoder(ModelConfig config, ModelWeights weights)
    : config_(std::move(config)), weights_(std::move(weights)) {
  visit_weights(config_, weights_, [&](const WeightSlot& slot, at::Tensor& tensor) {
    invariant(tensor.defined() && tensor.scalar_type() == type(),
              "weight '{}' is absent or of another type", slot.name);
  });
}

ForwardOut Decoder::forward(std::span<const int32_t> tokens_N, const Batch& batch,
                            const ForwardOptions& options) const {
  invariant(batch.num_rows() == static_cast<int64_t>(tokens_N.size()), "{} tokens for {} rows",
            tokens_N.size(), batch.num_rows());
  const auto indices_N = indices_of(tokens_N, config_.vocabulary_size);
  const auto for_each_cache = [&](auto&& use) {
    for (const auto& sequence : batch.sequences) {
      if (sequence.cache) use(*sequence.cache, sequence.num_rows);
    }
  };
  for (const auto& sequence : batch.sequences) {
    invariant(sequence.num_rows > 0, "a sequence of a call has no rows");
  }
  invariant(!options.recompute_layers || (!options.keep_hidden && !batch.has_memory()),
            "layers that are computed again keep nothing and remember nothing");
  const auto pass = std::make_shared<Pass>(*this, batch, options);
  for_each_cache([](SequenceCache& cache, int64_t rows) { cache.reserve(rows); });
  for_each_cache([](SequenceCache& cache, int64_t) { cache.begin_call(); });
  auto out = pass->run(indices_N);
  for_each_cache([](SequenceCache& cache, int64_t rows) { cache.advance(rows); });
  return out;
}

at::Tensor Decoder::mixing_rows(size_t layer, const at::Tensor& x_ND, const Batch& batch) const {
  invariant(!batch.has_memory() && x_ND.size(0) == batch.num_rows(),
            "matrices are of {} rows without memory, not of {}", batch.num_rows(), x_ND.size(0));
  return std::make_shared<Pass>(*this, batch, ForwardOptions())->mixing_rows(layer, x_ND);
}

LayerOut Decoder::forward_layer(size_t layer, const at::Tensor& x_ND, const Batch& batch,
                                const ForwardOptions& options) const {
  invariant(!batch.has_memory() && x_ND.size(0) == batch.num_rows(),
            "a layer by itself remembers nothing and takes {} rows, not {}", batch.num_rows(),
            x_ND.size(0));
  return std::make_shared<Pass>(*this, batch, options)->layer(layer, x_ND);
}

at::Tensor Decoder::final_norm(const at::Tensor& x_ND) const {
  auto norm = config_.norm;
  norm.epsilon = config_.final_norm_epsilon.value_or(norm.epsilon);
  return normed(x_ND, weights_.final_norm_D, norm);
}

const at::Tensor& Decoder::head() const {
  return config_.tied_head ? weights_.embedding_WD : weights_.head_WD;
}

at::Tensor Decoder::logits(const at::Tensor& normed_MD, kernels::RowGroups groups) const {
  return scaled(kernels::linear({normed_MD, head(), {}, groups}), config_.logits_scale);
}

}  // namespace hylo::models
