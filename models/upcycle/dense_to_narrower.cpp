#include "models/upcycle/dense_to_narrower.h"

#include <ATen/ops/index_select.h>
#include <ATen/ops/tensor.h>

#include <algorithm>
#include <functional>
#include <numeric>

#include "harness/base/error.h"

namespace hylo::models {
namespace {

using Numbers = std::vector<int64_t>;

struct Geometry {
  AttentionSpec attention;
  SwiGluSpec feed_forward;
};

/// Of all layers, which must be alike: any of them may go.
Geometry geometry_of(const ModelConfig& base) {
  for (size_t i = 0; i < base.layers.size(); ++i) {
    require(base.layers[i] == base.layers[0],
            "layers.{}: expected a layer like layer 0 in a network that is made narrower", i);
  }
  const auto* attention = std::get_if<AttentionSpec>(&base.layers[0].mixer);
  const auto* dense = std::get_if<SwiGluSpec>(&base.layers[0].feed_forward);
  require(
      attention && dense,
      "layers.0: expected attention and a dense feed-forward in a network that is made narrower");
  return {*attention, *dense};
}

int64_t size_of(const char* key, int64_t wanted, int64_t most) {
  require(wanted >= 0 && wanted <= most, "{}: expected at most the base's {}, found {}", key, most,
          wanted);
  return wanted == 0 ? most : wanted;
}

/// All of them said.
NarrowerSizes sizes_of(const ModelConfig& base, const NarrowerSizes& wanted) {
  const auto geometry = geometry_of(base);
  return {size_of("width", wanted.width, base.width),
          size_of("num_kv_heads", wanted.num_kv_heads, geometry.attention.num_kv_heads),
          size_of("feed_forward_width", wanted.feed_forward_width, geometry.feed_forward.width),
          size_of("num_layers", wanted.num_layers, std::ssize(base.layers))};
}

Numbers best_of(const std::vector<double>& importance, int64_t count) {
  invariant(count <= std::ssize(importance), "{} parts of {}", count, importance.size());
  Numbers order(importance.size());
  std::iota(order.begin(), order.end(), 0);
  std::ranges::stable_sort(order, std::ranges::greater(),
                           [&](int64_t i) { return importance[static_cast<size_t>(i)]; });
  order.resize(static_cast<size_t>(count));
  std::ranges::sort(order);
  return order;
}

/// Rows of parts of `size` rows each.
Numbers rows_of(const Numbers& parts, int64_t size) {
  Numbers rows;
  for (const auto part : parts) {
    for (int64_t i = 0; i < size; ++i) rows.push_back(part * size + i);
  }
  return rows;
}

at::Tensor taken(const at::Tensor& tensor, int64_t dim, const Numbers& numbers) {
  if (!tensor.defined()) return {};
  return at::index_select(tensor, dim, at::tensor(numbers, at::kLong));
}

LinearWeights taken(const LinearWeights& linear, const Numbers& out, const Numbers& in) {
  return {taken(taken(linear.weight_OI, 0, out), 1, in), taken(linear.bias_O, 0, out)};
}

at::Tensor copy_of(const at::Tensor& tensor) {
  return tensor.defined() ? tensor.clone() : at::Tensor();
}

AttentionWeights narrowed(const AttentionSpec& spec, const AttentionWeights& weights,
                          const Numbers& kv_heads, const Numbers& channels) {
  const int64_t group = spec.num_heads / spec.num_kv_heads * spec.head_width;
  const auto heads = rows_of(kv_heads, group), keys = rows_of(kv_heads, spec.head_width);
  const auto queries = rows_of(kv_heads, spec.output_gate ? 2 * group : group);
  const bool norms_all = spec.head_norms == HeadNorms::AllHeads;
  return {
      .query = taken(weights.query, queries, channels),
      .key = taken(weights.key, keys, channels),
      .value = taken(weights.value, keys, channels),
      .output = taken(weights.output, channels, heads),
      .query_norm = norms_all ? taken(weights.query_norm, 0, heads) : copy_of(weights.query_norm),
      .key_norm = norms_all ? taken(weights.key_norm, 0, keys) : copy_of(weights.key_norm)};
}

SwiGluWeights narrowed(const SwiGluWeights& weights, const Numbers& units,
                       const Numbers& channels) {
  return {.gate = taken(weights.gate, units, channels),
          .up = taken(weights.up, units, channels),
          .down = taken(weights.down, channels, units)};
}

}  // namespace

KeptParts most_important(const ModelConfig& base, const PartImportance& importance,
                         const NarrowerSizes& sizes) {
  const auto wanted = sizes_of(base, sizes);
  KeptParts kept{.layers = best_of(importance.layers, wanted.num_layers),
                 .channels = best_of(importance.channels, wanted.width)};
  for (size_t i = 0; i < base.layers.size(); ++i) {
    kept.kv_heads.push_back(best_of(importance.kv_heads[i], wanted.num_kv_heads));
    kept.units.push_back(best_of(importance.units[i], wanted.feed_forward_width));
  }
  return kept;
}

ModelConfig narrower_config(const ModelConfig& base, const NarrowerSizes& sizes) {
  const auto wanted = sizes_of(base, sizes);
  auto config = base;
  config.width = wanted.width;
  config.layers.resize(static_cast<size_t>(wanted.num_layers));
  for (auto& layer : config.layers) {
    auto& attention = std::get<AttentionSpec>(layer.mixer);
    const auto queries = attention.num_heads / attention.num_kv_heads;
    attention.num_kv_heads = wanted.num_kv_heads;
    attention.num_heads = wanted.num_kv_heads * queries;
    std::get<SwiGluSpec>(layer.feed_forward).width = wanted.feed_forward_width;
  }
  return config;
}

ModelWeights narrowed(const ModelConfig& base, const ModelWeights& weights, const KeptParts& kept) {
  ModelWeights result{.embedding_WD = taken(weights.embedding_WD, 1, kept.channels),
                      .final_norm_D = taken(weights.final_norm_D, 0, kept.channels),
                      .head_WD = taken(weights.head_WD, 1, kept.channels)};
  for (const auto number : kept.layers) {
    const auto i = static_cast<size_t>(number);
    const auto& from = weights.layers[i];
    result.layers.push_back(
        {.mixer_norm_D = taken(from.mixer_norm_D, 0, kept.channels),
         .mixer = narrowed(std::get<AttentionSpec>(base.layers[i].mixer),
                           std::get<AttentionWeights>(from.mixer), kept.kv_heads[i], kept.channels),
         .feed_forward_norm_D = taken(from.feed_forward_norm_D, 0, kept.channels),
         .feed_forward =
             narrowed(std::get<SwiGluWeights>(from.feed_forward), kept.units[i], kept.channels)});
  }
  return result;
}

}  // namespace hylo::models
