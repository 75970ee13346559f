// What mixers begin with: the ranges of their sources, and draws that hang on nothing else.
#include "models/upcycle/initial_mixer.h"

#include <ATen/ops/exp.h>
#include <ATen/ops/expm1.h>
#include <ATen/ops/log.h>
#include <ATen/ops/log1p.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/zeros.h>
#include <gtest/gtest.h>

#include "models/upcycle/weight_slots.h"
#include "tests/models/upcycle/tiny_attention.h"

namespace hylo::models {
namespace {

using namespace tests;  // NOLINT: the whole header is for tests like these

template <class Spec>
auto initial(const Spec& spec, const std::string& name = "layers.0.mixer", uint64_t seed = 5,
             at::ScalarType type = at::kDouble) {
  return std::get<typename WeightsOf<Spec>::type>(
      initial_mixer(spec, name, /*model_width=*/16, type, seed));
}

void expect_within(const at::Tensor& tensor, double low, double high) {
  const double min = tensor.min().item<double>(), max = tensor.max().item<double>();
  EXPECT_GE(min, low);
  EXPECT_LE(max, high);
  // Many draws come near both ends.
  EXPECT_LT(min, low + 0.1 * (high - low));
  EXPECT_GT(max, high - 0.1 * (high - low));
}

const GatedDeltaSpec delta{
    .num_key_heads = 200, .num_heads = 200, .key_width = 4, .value_width = 8};

TEST(InitialMixer, ProjectionsAndConvolutionsAreUniformWithinTheRootOfTheirInput) {
  const auto w = initial(delta);
  expect_within(w.gate.weight_OI, -0.25, 0.25);      // 16^-1/2
  expect_within(w.output.weight_OI, -0.025, 0.025);  // 1600^-1/2
  expect_within(w.value_conv.weight_DC, -0.5, 0.5);  // 4^-1/2
  EXPECT_NEAR(w.gate.weight_OI.mean().item<double>(), 0, 0.01);
}

TEST(InitialMixer, RatesAndStepsAreInTheRangesOfTheirSources) {
  const auto w = initial(delta);
  expect_within(at::exp(w.a_log_H), 0, 16);
  EXPECT_LT(w.a_log_H.min().item<double>(), 0);  // rates below 1, which Mamba-2 has not
  expect_within(at::log(at::log1p(at::exp(w.dt_bias_H))), std::log(1e-3), std::log(0.1));
  const auto mamba = initial(Mamba2Spec{.num_heads = 200,
                                        .num_value_heads = 200,
                                        .num_key_heads = 200,
                                        .num_query_heads = 200,
                                        .key_width = 2,
                                        .value_width = 2});
  expect_within(at::exp(mamba.a_log_H), 1, 16);
  expect_within(mamba.conv.bias_D, -0.5, 0.5);
  EXPECT_TRUE(at::equal(mamba.skip_H, at::ones({200}, at::kDouble)));
  EXPECT_TRUE(at::equal(mamba.norm, at::ones({400}, at::kDouble)));
}

TEST(InitialMixer, TheGateOfDiscreteMamba2HasNoBiasYet) {
  const auto w = initial(discrete);
  EXPECT_TRUE(at::equal(w.gate_bias, at::zeros({20}, at::kDouble)));
  expect_within(initial(DiscreteMamba2Spec{
                            .num_heads = 40, .num_key_heads = 40, .key_width = 3, .value_width = 5})
                    .conv.bias_D,
                -0.5, 0.5);
}

TEST(InitialMixer, TheTapsOfJetBlockAreAStaticConvolutionWhoseGeneratorCanLearn) {
  const auto w = initial(
      JetBlockSpec{.num_heads = 50, .key_width = 3, .value_width = 20, .generator_width = 8});
  EXPECT_EQ(w.generator_up.weight_OI.abs().max().item<double>(), 0);
  EXPECT_NEAR(w.generator_up.bias_O.mean().item<double>(), 0, 0.001);
  EXPECT_NEAR(w.generator_up.bias_O.std().item<double>(), 0.02, 0.001);
  expect_within(w.generator_down.weight_OI, -0.25, 0.25);
  expect_within(at::exp(w.a_log_H), 0, 16);
}

TEST(InitialMixer, DrawsHangOnSeedAndNameAlone) {
  const auto first = initial(delta);
  EXPECT_TRUE(at::equal(first.gate.weight_OI, initial(delta).gate.weight_OI));
  EXPECT_FALSE(at::equal(first.gate.weight_OI, initial(delta, "layers.1.mixer").gate.weight_OI));
  EXPECT_FALSE(at::equal(first.gate.weight_OI, initial(delta, "layers.0.mixer", 6).gate.weight_OI));
  EXPECT_FALSE(at::equal(first.gate.weight_OI, first.value.weight_OI));
  // Another width of heads changes the keys, not the gate of the same shape.
  auto other = delta;
  other.key_width = 6;
  EXPECT_TRUE(at::equal(first.gate.weight_OI, initial(other).gate.weight_OI));
}

TEST(InitialMixer, OfAnotherTypeTheDrawsAreTheSameRounded) {
  const auto single = initial(delta, "layers.0.mixer", 5, at::kFloat);
  EXPECT_TRUE(at::equal(single.value.weight_OI, initial(delta).value.weight_OI.to(at::kFloat)));
}

TEST(InitialMixer, EveryTensorOfEveryKindIsThere) {
  for (const auto& layer : all_kinds().layers) {
    SCOPED_TRACE(kind_name(layer.mixer));
    const auto mixer = initial_mixer(layer.mixer, "m", 15, at::kFloat, 0);
    with_weights(layer.mixer, mixer, [&](const auto& spec, const auto& weights) {
      auto look = [](const WeightSlot& slot, const at::Tensor& tensor) {
        ASSERT_TRUE(tensor.defined()) << slot.name;
        EXPECT_EQ(tensor.sizes().vec(), slot.shape) << slot.name;
        EXPECT_TRUE(tensor.isfinite().all().template item<bool>()) << slot.name;
      };
      visit_mixer(spec, "m", 15, weights, look);
    });
  }
}

}  // namespace
}  // namespace hylo::models
