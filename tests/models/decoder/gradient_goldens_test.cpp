// Gradients of whole models against transformers and the lineage's own code: every parameter of
// every family.
#include <ATen/TensorOperators.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/cross_entropy_loss.h>
#include <gtest/gtest.h>

#include <map>
#include <regex>

#include "models/weights/hf_names.h"
#include "tests/models/decoder/golden_case.h"
#include "tests/support/test_data.h"

namespace hylo::models {
namespace {

using hylo::tests::golden;
using hylo::tests::skip_reason;
using namespace tests;  // NOLINT: the whole header is for tests like these

/// Both sides computed in float64; thousands of terms.
constexpr double exact_tolerance = 1e-9;

/// The module of transformers that holds a stored tensor, where checkpoints spell it otherwise:
/// experts are fused, and so are the convolutions of a layer.
std::string module_name(std::string name) {
  static const std::vector<std::pair<std::regex, std::string>> spellings = [] {
    const std::vector<std::pair<std::string, std::string>> rules{
        {R"(block_sparse_moe\.input_linear\.weight)", "block_sparse_moe.experts.gate_up_proj"},
        {R"(block_sparse_moe\.output_linear\.weight)", "block_sparse_moe.experts.down_proj"},
        {R"(block_sparse_moe\.router\.layer\.)", "block_sparse_moe.router."},
        {R"(block_sparse_moe\.experts\.\d+\.w[13]\.weight)", "mlp.experts.gate_up_proj"},
        {R"(block_sparse_moe\.experts\.\d+\.w2\.weight)", "mlp.experts.down_proj"},
        {R"(block_sparse_moe\.gate\.)", "mlp.gate."},
        {R"(mlp\.experts\.\d+\.(gate|up)_proj\.weight)", "mlp.experts.gate_up_proj"},
        {R"(mlp\.experts\.\d+\.down_proj\.weight)", "mlp.experts.down_proj"},
        {R"([qkv]_conv1d\.)", "conv1d."},
        {R"(self_attn\.(A_log|dt_bias|f_a_proj|f_b_proj))", "self_attn.forget_gate.$1"},
        {R"(attention_layer_norm\.)", "input_layernorm."},
        {R"(feedforward_layer_norm\.)", "post_attention_layernorm."},
    };
    std::vector<std::pair<std::regex, std::string>> made;
    for (const auto& [from, to] : rules) made.emplace_back(std::regex(from), to);
    return made;
  }();
  for (const auto& [from, to] : spellings) name = std::regex_replace(name, from, to);
  return name;
}

/// By the name of a stored tensor, its parts in the order of the walk: gradient and weight.
using Parts = std::map<std::string, std::vector<std::pair<at::Tensor, at::Tensor>>>;

Parts by_module(const Parts& parts) {
  Parts modules;
  for (const auto& [name, those] : parts) {
    auto& module = modules[module_name(name)];
    module.insert(module.end(), those.begin(), those.end());
  }
  return modules;
}

struct Gradients {
  double loss = 0;
  Parts parts;
};

/// The library lets the embedding of its padding token learn nothing; here nothing is padding, and
/// the golden's tokens do hold that one.
void leave_out_padding(const GoldenCase& c, const at::Tensor& gradient_WD) {
  const auto config = read_json_file(c.checkpoint.folder / "config.json");
  if (c.checkpoint.config.tied_head || !config.contains("pad_token_id")) return;
  const auto& token = config.at("pad_token_id");
  if (token.is_number()) gradient_WD.select(0, token.get<int64_t>()).zero_();
}

/// The mean cross-entropy of each row's next tokens, both rows packed in one call.
Gradients gradients_of(const GoldenCase& c) {
  auto config = c.checkpoint.config;
  auto weights = c.checkpoint.weights;
  visit_weights(config, weights, [](const WeightSlot&, at::Tensor& tensor) {
    tensor = tensor.clone().requires_grad_(true);
  });
  const Decoder decoder(config, weights);
  const auto ids_BT = c.reference.tensor("input_ids");
  const int64_t length = ids_BT.size(1);
  std::vector<int32_t> tokens;
  Batch batch;
  for (int64_t b = 0; b < ids_BT.size(0); ++b) {
    for (const int32_t id : row_of(ids_BT, b)) tokens.push_back(id);
    batch.sequences.push_back({nullptr, length});
  }
  const auto logits_NW =
      decoder.logits(decoder.forward(tokens, batch).normed_ND, kernels::RowGroups::Free);
  std::vector<at::Tensor> rows, next;
  for (int64_t b = 0; b < ids_BT.size(0); ++b) {
    rows.push_back(logits_NW.narrow(0, b * length, length - 1));
    next.push_back(ids_BT.select(0, b).narrow(0, 1, length - 1));
  }
  const auto loss = at::cross_entropy_loss(at::cat(rows), at::cat(next));
  loss.backward();
  Gradients out{loss.item<double>(), {}};
  visit_weights(config, weights, [&](const WeightSlot& slot, at::Tensor& tensor) {
    // An expert that nobody chose has none.
    const auto gradient = tensor.grad().defined() ? tensor.grad() : tensor.detach() * 0;
    if (slot.name == "embedding.weight") leave_out_padding(c, gradient);
    out.parts[stored_tensor(config, slot).name].emplace_back(gradient.to(at::kDouble),
                                                             tensor.detach().to(at::kDouble));
  });
  return out;
}

/// Norm, sum and product with the weights of each parameter, as the reference states them.
void expect_stated(const GoldenCase& c, const Gradients& found, const Json& expected) {
  EXPECT_NEAR(found.loss, c.measured.at("loss").get<double>(), exact_tolerance);
  EXPECT_EQ(found.parts.size(), expected.size());
  double squares = 0;
  for (const auto& [name, parts] : found.parts) {
    ASSERT_TRUE(expected.contains(name)) << name;
    double norm = 0, sum = 0, dot = 0, elements = 0;
    for (const auto& [gradient, weight] : parts) {
      norm += gradient.square().sum().item<double>();
      sum += gradient.sum().item<double>();
      dot += (gradient * weight).sum().item<double>();
      elements += static_cast<double>(gradient.numel());
    }
    squares += norm;
    norm = std::sqrt(norm);
    const auto stated = expected.at(name).get<std::vector<double>>();
    EXPECT_NEAR(norm, stated[0], exact_tolerance * (1 + norm)) << name;
    EXPECT_NEAR(sum, stated[1], exact_tolerance * (1 + norm) * std::sqrt(elements)) << name;
    EXPECT_NEAR(dot, stated[2], exact_tolerance * (1 + norm) * std::sqrt(elements)) << name;
  }
  EXPECT_NEAR(std::sqrt(squares), c.measured.at("grad_total_norm").get<double>(),
              exact_tolerance * (1 + std::sqrt(squares)));
}

class GradientGoldens : public ::testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    const auto root = golden(GetParam());
    if (!root) GTEST_SKIP() << skip_reason("HYLO_TEST_DATA", GetParam());
    folders_ = checkpoints_of(*root);
    ASSERT_FALSE(folders_.empty()) << "no checkpoint in " << *root;
  }
  std::vector<std::filesystem::path> folders_;
};

TEST_P(GradientGoldens, OfEveryParameterAreTheReferencesInFloat64) {
  for (const auto& folder : folders_) {
    SCOPED_TRACE(folder.filename());
    const GoldenCase c(folder, NumberType::Float64);
    auto found = gradients_of(c);
    if (std::string_view(GetParam()) == "hf-goldens") found.parts = by_module(found.parts);
    expect_stated(c, found, c.measured.at("grad"));
  }
}

TEST_P(GradientGoldens, InFloat32AreAsCloseToTheTruthAsTheReferences) {
  for (const auto& folder : folders_) {
    SCOPED_TRACE(folder.filename());
    const GoldenCase c(folder, NumberType::Float32);
    const auto found = gradients_of(c);
    const auto truth = gradients_of(GoldenCase(folder, NumberType::Float64));
    const double limit =
        float32_allowance * c.measured.at("grad_max_rel_diff_fp32_fp64").get<double>();
    for (const auto& [name, parts] : found.parts) {
      double error = 0, size = 0;
      for (size_t i = 0; i < parts.size(); ++i) {
        const auto& exact = truth.parts.at(name)[i].first;
        error += (parts[i].first - exact).square().sum().item<double>();
        size += exact.square().sum().item<double>();
      }
      EXPECT_LE(std::sqrt(error), limit * std::sqrt(size)) << name;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Of, GradientGoldens, ::testing::Values("hf-goldens", "lineage-goldens"),
                         [](const auto& set) { return set.index == 0 ? "hf" : "lineage"; });

}  // namespace
}  // namespace hylo::models
