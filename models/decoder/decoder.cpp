#include "models/decoder/decoder.h"

#include <ATen/ops/add.h>
#include <ATen/ops/embedding.h>
#include <ATen/ops/empty.h>

#include <algorithm>

#include "harness/base/error.h"
#include "harness/base/overloaded.h"
#include "kernels/ops/rms_norm.h"
#include "models/blocks/feed_forward.h"
#include "models/mixers/attention.h"

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

std::vector<kernels::PagedRows> paged_rows(const Batch& batch, size_t layer) {
  std::vector<kernels::PagedRows> rows;
  int64_t first = 0;
  for (const auto& sequence : batch.sequences) {
    rows.push_back({.first_row = first,
                    .num_rows = sequence.num_rows,
                    .num_past = sequence.cache->num_tokens(),
                    .pages = sequence.cache->pages(layer)});
    first += sequence.num_rows;
  }
  return rows;
}

/// Tables for each kind of frequencies that the layers of one call use; most models have one.
class CallTables {
 public:
  CallTables(const Batch& batch, RotaryPrecision precision, at::ScalarType type)
      : precision_(precision), type_(type == at::kDouble ? at::kDouble : at::kFloat) {
    for (const auto& sequence : batch.sequences) {
      ranges_.push_back({sequence.num_rows, sequence.cache->num_tokens()});
    }
  }
  const RotaryTables& of(const RopeSpec& rope) {
    const auto found = std::ranges::find(made_, rope, &Made::rope);
    if (found != made_.end()) return *found->tables;
    made_.push_back(
        {rope, std::make_unique<RotaryTables>(rotary_tables(rope, ranges_, precision_, type_))});
    return *made_.back().tables;
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

}  // namespace

int64_t Batch::num_rows() const {
  int64_t rows = 0;
  for (const auto& sequence : sequences) rows += sequence.num_rows;
  return rows;
}

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
  for (const auto& sequence : batch.sequences) sequence.cache->reserve(sequence.num_rows);
  CallTables tables(batch, options.rotary, type());
  ForwardOut out;
  auto x_ND = at::embedding(weights_.embedding_WD, indices_N);
  for (size_t i = 0; i < config_.layers.size(); ++i) {
    if (options.keep_hidden) out.hidden_ND.push_back(x_ND);
    const auto& layer = weights_.layers[i];
    const auto rows = paged_rows(batch, i);
    const auto mixer_in_ND = kernels::rms_norm({x_ND, layer.mixer_norm_D, config_.norm_epsilon});
    const auto mixed_ND = std::visit(
        overloaded{[&](const AttentionSpec& spec, const AttentionWeights& weights) {
          auto& cache = batch.sequences.front().cache->owner();
          return mix_tokens(spec, weights, config_.norm_epsilon, mixer_in_ND,
                            {rows, cache.pages(i), tables.of(spec.rope), options.groups});
        }},
        config_.layers[i].mixer, layer.mixer);
    x_ND = at::add(x_ND, mixed_ND);
    const auto feed_in_ND =
        kernels::rms_norm({x_ND, layer.feed_forward_norm_D, config_.norm_epsilon});
    x_ND = at::add(x_ND,
                   std::visit(overloaded{[&](const SwiGluSpec& spec, const SwiGluWeights& weights) {
                                return feed_forward(spec, weights, feed_in_ND, options.groups);
                              }},
                              config_.layers[i].feed_forward, layer.feed_forward));
  }
  for (const auto& sequence : batch.sequences) sequence.cache->advance(sequence.num_rows);
  if (options.keep_hidden) out.last_hidden_ND = x_ND;
  out.normed_ND = kernels::rms_norm({x_ND, weights_.final_norm_D, config_.norm_epsilon});
  return out;
}

at::Tensor Decoder::logits(const at::Tensor& normed_MD, kernels::RowGroups groups) const {
  const auto& head_WD = config_.tied_head ? weights_.embedding_WD : weights_.head_WD;
  return kernels::linear({normed_MD, head_WD, {}, groups});
}

}  // namespace hylo::models
