// The small ops of hybrid layers against the recorded cases of transformers, forward and backward:
// convolutions, gated norms, routers, whole blocks of experts, the interleaved rotation.
#include <ATen/TensorOperators.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/zeros_like.h>
#include <c10/core/GradMode.h>
#include <gtest/gtest.h>

#include "harness/base/json.h"
#include "kernels/ops/causal_conv.h"
#include "kernels/ops/gated_norm.h"
#include "kernels/ops/moe_dispatch.h"
#include "kernels/ops/rms_norm.h"
#include "kernels/ops/rotary.h"
#include "models/blocks/feed_forward.h"
#include "models/decoder/rotary_tables.h"
#include "models/weights/safetensors.h"
#include "tests/support/test_data.h"

namespace hylo::models {
namespace {

using hylo::tests::golden;
using hylo::tests::skip_reason;

/// Outputs are float64 results rounded to float32; ours are of order 1 and computed in float32.
constexpr double float32_tolerance = 4e-6;
/// Gradients sum over rows.
constexpr double gradient_tolerance = 2e-5;

double max_difference(const at::Tensor& a, const at::Tensor& b) {
  EXPECT_EQ(a.sizes(), b.sizes());
  if (a.sizes() != b.sizes() || a.numel() == 0) return a.sizes() == b.sizes() ? 0 : 1e300;
  return (a.to(at::kDouble) - b.to(at::kDouble)).abs().max().item<double>();
}

class BlockOpGoldens : public ::testing::Test {
 protected:
  void SetUp() override {
    const auto root = golden("hf-goldens/ops");
    if (!root) GTEST_SKIP() << skip_reason("HYLO_TEST_DATA", "hf-goldens/ops");
    root_ = *root;
    cases_ = read_json_file(root_ / "cases.json");
  }

  /// One recorded case.
  struct Case {
    const SafetensorsFile& file;
    std::string name;
    const Json& attributes;
    [[nodiscard]] at::Tensor operator()(const std::string& what) const {
      return file.tensor(name + "/" + what).clone();
    }
    [[nodiscard]] bool has(const std::string& what) const {
      return file.entries().contains(name + "/" + what);
    }
    /// An input that wants a gradient; undefined where the case has none.
    [[nodiscard]] at::Tensor leaf(const std::string& what) const {
      if (!has("input/" + what)) return {};
      return (*this)("input/" + what).set_requires_grad(true);
    }
    void expect_gradient(const at::Tensor& leaf, const std::string& what) const {
      if (!leaf.defined() || !has("grad/" + what)) return;
      EXPECT_LE(max_difference(leaf.grad(), (*this)("grad/" + what)), gradient_tolerance) << what;
    }
  };

  void for_each(const std::string& op, int expected,
                const std::function<void(const Case&)>& check) const {
    int found = 0;
    for (const auto& [name, one] : cases_.items()) {
      if (one.at("attributes").value("op", "") != op) continue;
      SCOPED_TRACE(name);
      const SafetensorsFile file(root_ / one.at("file").get<std::string>());
      check({file, name, one.at("attributes")});
      ++found;
    }
    EXPECT_GE(found, expected);
  }

  std::filesystem::path root_;
  Json cases_;
};

/// [B, C, T] of the recorded cases as rows, and back.
at::Tensor as_rows(const at::Tensor& x_BCT) {
  return x_BCT.transpose(1, 2).reshape({x_BCT.size(0) * x_BCT.size(2), x_BCT.size(1)});
}
at::Tensor as_recorded(const at::Tensor& rows, int64_t batch) {
  return rows.view({batch, rows.size(0) / batch, rows.size(1)}).transpose(1, 2);
}

TEST_F(BlockOpGoldens, CausalConvolutionsAndTheirGradientsAreTheLibrarys) {
  for_each("causal_conv1d", 7, [](const Case& c) {
    auto x = c.leaf("x"), weight = c.leaf("weight"), bias = c.leaf("bias"), state = c.leaf("state");
    const int64_t batch = x.size(0), rows = x.size(2);
    std::vector<kernels::RowRange> sequences;
    for (int64_t b = 0; b < batch; ++b) sequences.push_back({b * rows, rows});
    const auto run = [&](bool gradients) {
      const c10::AutoGradMode mode(gradients);
      return kernels::causal_conv(
          {.x_ND = as_rows(x),
           .weight_DC = weight,
           .bias_D = bias,
           .tail_BCD = state.defined() ? state.transpose(1, 2) : at::Tensor(),
           .sequences = sequences,
           .activation = c.attributes.at("activation").is_null() ? kernels::ConvActivation::None
                                                                 : kernels::ConvActivation::Silu});
    };
    for (const bool gradients : {false, true}) {
      const auto out = run(gradients);
      EXPECT_LE(max_difference(as_recorded(out.out_ND, batch), c("output/out")), float32_tolerance);
      if (c.has("output/state")) {
        EXPECT_LE(max_difference(out.tail_BCD.transpose(1, 2), c("output/state")), 0);
      }
      if (gradients) as_recorded(out.out_ND, batch).backward(c("grad/d_out"));
    }
    c.expect_gradient(x, "x");
    c.expect_gradient(weight, "weight");
    c.expect_gradient(bias, "bias");
    c.expect_gradient(state, "state");
  });
}

TEST_F(BlockOpGoldens, GatedNormsAndTheirGradientsAreTheLibrarys) {
  for_each("gated_rms_norm", 5, [](const Case& c) {
    auto x = c.leaf("x"), gate = c.leaf("gate"), weight = c.leaf("weight");
    const auto order = c.attributes.at("order").get<std::string>();
    const bool gate_first = order.starts_with("norm(x *");
    const auto run = [&](at::ScalarType type) {
      const auto rows = [&](const at::Tensor& t) { return t.reshape({-1, t.size(-1)}).to(type); };
      return kernels::gated_norm({.x_ND = rows(x),
                                  .gate_ND = rows(gate),
                                  .weight = weight.to(type),
                                  .group = c.attributes.value("group_size", x.size(-1)),
                                  .epsilon = c.attributes.at("eps").get<double>(),
                                  .order = gate_first ? kernels::GateOrder::GateThenNorm
                                                      : kernels::GateOrder::NormThenGate,
                                  .activation = order.find("sigmoid") == std::string::npos
                                                    ? kernels::GateActivation::Silu
                                                    : kernels::GateActivation::Sigmoid})
          .view(x.sizes());
    };
    {
      const c10::NoGradGuard no_gradients;
      EXPECT_LE(max_difference(run(at::kFloat), c("output/out")), float32_tolerance);
      const auto theirs = c("output/out_hf_bf16");
      const auto ours = run(at::kBFloat16);
      // Products are rounded in another order than the library's, by a step of bfloat16 at most.
      EXPECT_LE(max_difference(ours, theirs), 0.04 * theirs.abs().max().item<double>());
    }
    run(at::kFloat).backward(c("grad/d_out"));
    c.expect_gradient(x, "x");
    c.expect_gradient(gate, "gate");
    c.expect_gradient(weight, "weight");
  });
}

TEST_F(BlockOpGoldens, TheZeroCentredNormIsTheLibrarys) {
  for_each("rms_norm", 3, [](const Case& c) {
    if (c.attributes.at("weight") != "1+w") return;
    const kernels::RmsNormIn in{c("input/x"), c("input/weight"),
                                c.attributes.at("eps").get<double>(), true, true};
    EXPECT_LE(max_difference(kernels::rms_norm(in), c("output/out")), float32_tolerance);
    auto half = in;
    half.x = in.x.to(at::kBFloat16);
    half.weight_D = in.weight_D.to(at::kBFloat16);
    EXPECT_LE(kernels::rms_norm(half).ne(c("output/out_hf_bf16")).sum().item<int64_t>(), 2);
  });
}

RouterSpec router_of(const std::string& name, const Json& a) {
  RouterSpec spec{.scale = a.value("routed_scaling_factor", 1.0),
                  .num_groups = a.value("n_group", int64_t{1}),
                  .top_groups = a.value("topk_group", int64_t{1})};
  spec.normalised = a.value("norm_topk_prob", false) || name.find("mixtral") != std::string::npos;
  if (name.find("granite") != std::string::npos) spec.kind = RouterKind::TopThenSoftmax;
  if (name.find("dsv3") != std::string::npos) spec.kind = RouterKind::Sigmoid;
  return spec;
}

TEST_F(BlockOpGoldens, RoutersChooseAndWeighAsTheLibraryDoes) {
  for_each("router", 8, [](const Case& c) {
    const auto x = c("input/x").to(at::kDouble), weight = c("input/weight").to(at::kDouble);
    const auto logits = x.matmul(weight.t());
    EXPECT_LE(max_difference(logits, c("output/logits")), 1e-12);
    const auto routes =
        kernels::route({.logits_NE = logits,
                        .experts_per_token = c.attributes.at("num_experts_per_tok").get<int64_t>(),
                        .spec = router_of(c.name, c.attributes),
                        .bias_E = c.has("input/bias") ? c("input/bias") : at::Tensor()});
    const auto dense = at::zeros_like(logits).scatter(1, routes.experts_Nk, routes.weights_Nk);
    EXPECT_LE(max_difference(dense, c("output/dense")), 1e-12);
  });
}

SwiGluWeights expert_of(const at::Tensor& gate_up, const at::Tensor& down) {
  const int64_t width = gate_up.size(0) / 2;
  return {{gate_up.narrow(0, 0, width).contiguous(), {}},
          {gate_up.narrow(0, width, width).contiguous(), {}},
          {down.contiguous(), {}}};
}

TEST_F(BlockOpGoldens, WholeBlocksOfExpertsAreTheLibrarys) {
  for_each("moe_block", 2, [](const Case& c) {
    const auto in = [&](const std::string& what) { return c("input/" + what).to(at::kDouble); };
    const auto gate_up = in("experts.gate_up_proj"), down = in("experts.down_proj");
    MoeSpec spec{.num_experts = gate_up.size(0),
                 .experts_per_token = c.attributes.at("top_k").get<int64_t>(),
                 .width = gate_up.size(1) / 2,
                 .router = {.normalised = true}};
    MoeWeights weights;
    weights.router.weight_OI = in("gate.weight");
    for (int64_t e = 0; e < spec.num_experts; ++e) {
      weights.experts.push_back(expert_of(gate_up[e], down[e]));
    }
    if (c.has("input/shared_expert_gate.weight")) {
      weights.shared = {{in("shared_expert.gate_proj.weight"), {}},
                        {in("shared_expert.up_proj.weight"), {}},
                        {in("shared_expert.down_proj.weight"), {}}};
      weights.shared_gate.weight_OI = in("shared_expert_gate.weight");
      spec.shared_width = weights.shared.gate.weight_OI.size(0);
      spec.shared_gate = true;
    }
    const auto x = in("x");
    for (const auto groups : {kernels::RowGroups::Free, kernels::RowGroups::Fixed}) {
      const auto out = feed_forward(spec, weights, x.reshape({-1, x.size(-1)}), groups);
      EXPECT_LE(max_difference(out.out_ND.view(x.sizes()), c("output/out")), 1e-12);
    }
  });
}

TEST_F(BlockOpGoldens, TheInterleavedRotationIsDeepseeks) {
  for_each("rope_apply", 1, [](const Case& c) {
    for (const std::string which : {"q", "k"}) {
      const auto x_HNK = c("input/" + which).select(0, 0);
      const RopeSpec rope{.theta = c.attributes.at("rope_theta").get<double>(),
                          .width = x_HNK.size(2)};
      const std::vector<PositionRange> rows{
          {x_HNK.size(1), c.attributes.at("first_position").get<int64_t>()}};
      const auto tables = rotary_tables(rope, rows, RotaryPrecision::Exact, at::kFloat);
      const auto out = kernels::rotary(
          {x_HNK.transpose(0, 1).contiguous(), tables.cos_NP, tables.sin_NP, /*interleaved=*/true});
      const auto expected = c("output/" + which + "_v3_interleave").select(0, 0);
      EXPECT_LE(max_difference(out.transpose(0, 1), expected), float32_tolerance);
    }
  });
}

}  // namespace
}  // namespace hylo::models
