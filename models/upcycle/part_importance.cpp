#include "models/upcycle/part_importance.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/cosine_similarity.h>
#include <ATen/ops/einsum.h>
#include <ATen/ops/linalg_vector_norm.h>
#include <ATen/ops/silu.h>
#include <ATen/ops/zeros.h>

#include "harness/base/error.h"
#include "models/blocks/linear.h"
#include "models/blocks/norm.h"

namespace hylo::models {
namespace {

/// Sums of squares, by part.
struct Sums {
  at::Tensor channels_D;
  std::vector<at::Tensor> kv_heads_G, units_F;
  std::vector<double> layers;  ///< of 1 - cosine, over tokens
  double num_tokens = 0;
};

Batch batch_of(int64_t num_tokens) {
  Batch batch;
  batch.sequences = {{nullptr, num_tokens}};
  return batch;
}

at::Tensor projected(const LinearWeights& weights, const at::Tensor& x_TD) {
  return project(weights, x_TD, kernels::RowGroups::Free);
}

/// The square of the mean over tokens, in float64.
at::Tensor squared_mean(const at::Tensor& x_TM) {
  return x_TM.to(at::kDouble).abs().mean(0).square();
}

/// What each query head gives, added up over those that read a key/value head: [T, G].
at::Tensor lengths_of_heads(const Decoder& base, size_t layer, const at::Tensor& x_TD,
                            const at::Tensor& normed_TD) {
  const auto& spec = std::get<AttentionSpec>(base.config().layers[layer].mixer);
  const auto& weights = std::get<AttentionWeights>(base.weights().layers[layer].mixer);
  const auto num_tokens = x_TD.size(0), group = spec.num_heads / spec.num_kv_heads;
  const auto rows_THT = base.mixing_rows(layer, x_TD, batch_of(num_tokens));
  const auto values_SHK = projected(weights.value, normed_TD)
                              .view({num_tokens, spec.num_kv_heads, spec.head_width})
                              .repeat_interleave(group, 1);
  const auto heads_THK =
      at::einsum("ths,shk->thk", {rows_THT.to(values_SHK.scalar_type()), values_SHK});
  return at::linalg_vector_norm(heads_THK, 2, at::IntArrayRef{-1})
      .view({num_tokens, spec.num_kv_heads, group})
      .sum(2);
}

void add_sequence(const Decoder& base, std::span<const int32_t> tokens, Sums& sums) {
  const auto& config = base.config();
  const auto num_tokens = std::ssize(tokens);
  const auto out = base.forward(tokens, batch_of(num_tokens), {.keep_hidden = true});
  auto channels_TD = at::zeros({num_tokens, config.width}, at::TensorOptions().dtype(at::kDouble));
  for (size_t i = 0; i < config.layers.size(); ++i) {
    const auto& weights = base.weights().layers[i];
    const auto& dense = std::get<SwiGluWeights>(weights.feed_forward);
    const auto& x_TD = out.hidden_ND[i];
    const auto before_TD = normed(x_TD, weights.mixer_norm_D, config.norm);
    const auto mid_TD = x_TD + out.mixed_ND[i] * config.residual_scale;
    const auto between_TD = normed(mid_TD, weights.feed_forward_norm_D, config.norm);
    channels_TD = channels_TD + before_TD.abs() + between_TD.abs();
    sums.kv_heads_G[i] += squared_mean(lengths_of_heads(base, i, x_TD, before_TD));
    sums.units_F[i] +=
        squared_mean(at::silu(projected(dense.gate, between_TD)) * projected(dense.up, between_TD));
    const bool is_last = i + 1 == config.layers.size();
    const auto& made_TD = is_last ? out.last_hidden_ND : out.hidden_ND[i + 1];
    sums.layers[i] += (1 - at::cosine_similarity(x_TD.to(at::kDouble), made_TD.to(at::kDouble), -1))
                          .sum()
                          .item<double>();
  }
  sums.channels_D += squared_mean(channels_TD);
  sums.num_tokens += static_cast<double>(num_tokens);
}

Sums empty_sums(const ModelConfig& config) {
  const auto zeros = [](int64_t count) {
    return at::zeros({count}, at::TensorOptions().dtype(at::kDouble));
  };
  Sums sums{.channels_D = zeros(config.width), .layers = std::vector<double>(config.layers.size())};
  for (const auto& layer : config.layers) {
    sums.kv_heads_G.push_back(zeros(std::get<AttentionSpec>(layer.mixer).num_kv_heads));
    sums.units_F.push_back(zeros(std::get<SwiGluSpec>(layer.feed_forward).width));
  }
  return sums;
}

std::vector<double> roots(const at::Tensor& squares) {
  const auto values = squares.sqrt();
  const auto* first = values.const_data_ptr<double>();
  return {first, first + values.numel()};
}

}  // namespace

PartImportance part_importance(const Decoder& base,
                               std::span<const std::vector<int32_t>> sequences) {
  const auto& config = base.config();
  (void)narrower_config(config, {});
  require(config.layers[0].connectivity == Connectivity::PreNorm,
          "importance of parts: expected norms before the blocks, found them behind");
  require(!sequences.empty(), "importance of parts: expected texts to measure it on, found none");
  const at::NoGradGuard no_grad;
  auto sums = empty_sums(config);
  for (const auto& tokens : sequences) add_sequence(base, tokens, sums);
  PartImportance importance{.layers = sums.layers, .channels = roots(sums.channels_D)};
  for (auto& layer : importance.layers) layer /= sums.num_tokens;
  for (size_t i = 0; i < config.layers.size(); ++i) {
    importance.kv_heads.push_back(roots(sums.kv_heads_G[i]));
    importance.units.push_back(roots(sums.units_F[i]));
  }
  return importance;
}

}  // namespace hylo::models
