// Mixers as matrices: against their definitions, with gradients, and against what the mixers do.
#include "models/mixers/mixing_rows.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/allclose.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/diag_embed.h>
#include <ATen/ops/einsum.h>
#include <ATen/ops/exp.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/softplus.h>
#include <ATen/ops/stack.h>
#include <ATen/ops/zeros_like.h>
#include <gtest/gtest.h>

#include "models/decoder/decoder.h"
#include "tests/models/hybrids.h"

namespace hylo::models {
namespace {

using namespace hylo::models::tests;

/// Two sequences of these rows.
const std::vector<int64_t> sequence_rows{5, 3};
Batch batch_of() { return {{{nullptr, 5}, {nullptr, 3}}}; }

struct Layer {
  explicit Layer(const MixerSpec& mixer) : config(config_of({{mixer, NoFeedForward{}}})) {
    weights = random_weights(config, NumberType::Float32, 6);
    visit_weights(config, weights, [](const WeightSlot&, at::Tensor& tensor) {
      tensor = tensor.to(at::kDouble).requires_grad_(true);
    });
    x_ND = random_weights(config, NumberType::Float32, 9)
               .embedding_WD.narrow(0, 0, 8)
               .to(at::kDouble) *
           3;
  }
  [[nodiscard]] at::Tensor rows() const {
    return Decoder(config, weights).mixing_rows(0, x_ND, batch_of());
  }
  [[nodiscard]] at::Tensor normed() const {
    const auto scale = (x_ND.square().mean(-1, true) + config.norm.epsilon).rsqrt();
    return x_ND * scale * weights.layers[0].mixer_norm_D;
  }
  ModelConfig config;
  ModelWeights weights;
  at::Tensor x_ND;
};

/// The convolution of one sequence, tap by tap; the last tap is the row's own.
at::Tensor convolved(const at::Tensor& x_TD, const ConvWeights& conv) {
  const auto width = conv.weight_DC.size(1);
  auto sum = at::zeros_like(x_TD) + conv.bias_D;
  for (int64_t tap = 0; tap < width; ++tap) {
    const auto delay = width - 1 - tap;
    if (delay >= x_TD.size(0)) continue;
    const auto kept = x_TD.narrow(0, 0, x_TD.size(0) - delay);
    sum = sum +
          at::cat({at::zeros_like(x_TD.narrow(0, 0, delay)), kept}) * conv.weight_DC.select(1, tap);
  }
  return sum;
}

/// tril(q_t k_s exp(sum of the decays from s + 1 to t)), one head: [T, T].
at::Tensor decayed(const at::Tensor& q_TK, const at::Tensor& k_TK, const at::Tensor& decay_T) {
  const auto sums_T = decay_T.cumsum(0);
  return (q_TK.matmul(k_TK.t()) * at::exp(sums_T.unsqueeze(1) - sums_T.unsqueeze(0))).tril();
}

at::Tensor discrete_definition(const DiscreteMamba2Spec& spec, const DiscreteMamba2Weights& w,
                               const at::Tensor& x_TD) {
  const auto all = x_TD.matmul(w.input.weight_OI.t());
  const auto inner = spec.inner_width(), k_width = spec.num_key_heads * spec.key_width;
  const auto conv = convolved(all.narrow(1, 0, spec.conv_channels()), w.conv);
  std::vector<at::Tensor> heads;
  for (int64_t h = 0; h < spec.num_heads; ++h) {
    const auto group = h / (spec.num_heads / spec.num_key_heads) * spec.key_width;
    const auto raw_T = all.select(1, spec.conv_channels() + inner + h);
    heads.push_back(decayed(conv.narrow(1, inner + k_width + group, spec.key_width),
                            conv.narrow(1, inner + group, spec.key_width), -at::softplus(raw_T)) +
                    at::diag_embed(w.skip_H.select(0, h).expand({x_TD.size(0)})));
  }
  return at::stack(heads, 1);
}

std::vector<at::Tensor> gradients(const Layer& layer) {
  std::vector<at::Tensor> all;
  visit_weights(layer.config, layer.weights, [&](const WeightSlot&, const at::Tensor& tensor) {
    all.push_back(tensor.grad().defined() ? tensor.grad().clone() : at::zeros_like(tensor));
    if (tensor.grad().defined()) tensor.mutable_grad().zero_();
  });
  return all;
}

TEST(MixingRows, OfDiscreteMamba2AreTheDefinitionWithItsGradients) {
  const Layer layer(discrete);
  const auto ours = layer.rows();
  const DiscreteMamba2Spec& spec = discrete;
  const auto& weights = std::get<DiscreteMamba2Weights>(layer.weights.layers[0].mixer);
  const auto in = layer.normed();
  const auto first = discrete_definition(spec, weights, in.narrow(0, 0, 5));
  const auto second = discrete_definition(spec, weights, in.narrow(0, 5, 3));
  EXPECT_TRUE(at::allclose(ours.narrow(0, 0, 5), first, 1e-9, 1e-12));
  EXPECT_TRUE(at::allclose(ours.narrow(0, 5, 3).narrow(2, 0, 3), second, 1e-9, 1e-12));
  EXPECT_EQ(ours.narrow(0, 5, 3).narrow(2, 3, 2).abs().max().item<double>(), 0);
  (ours.square().sum() + ours.sum()).backward();
  const auto of_ours = gradients(layer);
  (first.square().sum() + first.sum() + second.square().sum() + second.sum()).backward();
  const auto of_definition = gradients(layer);
  double largest = 0;
  for (size_t i = 0; i < of_ours.size(); ++i) {
    EXPECT_TRUE(at::allclose(of_ours[i], of_definition[i], 1e-8, 1e-10)) << i;
    largest = std::max(largest, of_ours[i].abs().max().item<double>());
  }
  EXPECT_GT(largest, 0);
}

TEST(MixingRows, OfAttentionAreProbabilitiesOfWhatEachRowSees) {
  const auto rows = Layer(attention).rows();
  EXPECT_TRUE(at::allclose(rows.sum(2), at::ones({8, rows.size(1)}, rows.options())));
  EXPECT_GE(rows.min().item<double>(), 0);
}

TEST(MixingRows, OfEveryKindAreLowerTriangular) {
  for (const auto& mixer :
       {MixerSpec(attention), MixerSpec(mamba2), MixerSpec(discrete), MixerSpec(gated_delta)}) {
    const auto rows = Layer(mixer).rows();
    ASSERT_EQ(rows.size(1), num_mixing_heads(mixer));
    for (const auto& part : {rows.narrow(0, 0, 5), rows.narrow(0, 5, 3)}) {
      const auto above = part.transpose(0, 1).triu(1);
      EXPECT_EQ(above.abs().max().item<double>(), 0);
      EXPECT_GT(part.abs().max().item<double>(), 0);
    }
  }
  EXPECT_EQ(num_mixing_heads(mla), std::nullopt);
}

}  // namespace
}  // namespace hylo::models
