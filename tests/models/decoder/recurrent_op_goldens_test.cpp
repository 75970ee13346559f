// The gated delta rule and the selective scan against the recorded cases of transformers and of
// ONNX, forward and backward. They stand here and not with the ops because safetensors are read by
// models.
#include <ATen/TensorOperators.h>
#include <ATen/ops/rsqrt.h>
#include <ATen/ops/softplus.h>
#include <ATen/ops/zeros.h>
#include <c10/core/GradMode.h>
#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <limits>
#include <map>

#include "harness/base/json.h"
#include "kernels/ops/gated_delta.h"
#include "kernels/ops/selective_scan.h"
#include "models/weights/safetensors.h"
#include "tests/support/test_data.h"

namespace hylo::models {
namespace {

using kernels::RecurrentForm;
using kernels::RowRange;
using tests::golden;
using tests::skip_reason;

/// Recorded numbers are float64 results rounded to float32, ours here float64 as well.
constexpr double float64_tolerance = 1e-6;
/// In float32, root mean squares of results and of gradients. Those of A in the case of strong
/// decays are small sums of large numbers; all others stay below 1e-5.
constexpr double float32_tolerance = 2e-6, float32_gradient_tolerance = 1e-4;

double relative_rms(const at::Tensor& a, const at::Tensor& b) {
  EXPECT_EQ(a.sizes(), b.sizes());
  const auto of = b.to(at::kDouble);
  const double size = of.square().mean().sqrt().item<double>();
  const double error = (a.detach().to(at::kDouble) - of).square().mean().sqrt().item<double>();
  return size == 0 ? error : error / size;
}

/// [B, T, ...] as rows, and the ranges of the sequences.
at::Tensor as_rows(const at::Tensor& x) { return x.flatten(0, 1); }
std::vector<RowRange> sequences_of(const at::Tensor& x_BT) {
  std::vector<RowRange> sequences;
  for (int64_t b = 0; b < x_BT.size(0); ++b) sequences.push_back({b * x_BT.size(1), x_BT.size(1)});
  return sequences;
}

/// A recorded case: its tensors, as leaves of the given type.
class Case {
 public:
  Case(const std::filesystem::path& root, std::string name, const Json& json, at::ScalarType type)
      : file_(root / json.at("file").get<std::string>()), name_(std::move(name)), type_(type) {}

  [[nodiscard]] bool has(const std::string& what) const {
    return file_.entries().contains(name_ + "/" + what);
  }
  [[nodiscard]] at::Tensor recorded(const std::string& what) const {
    return file_.tensor(name_ + "/" + what).to(type_);
  }
  at::Tensor input(const std::string& what) {
    if (!has("input/" + what)) return {};
    auto& leaf = leaves_[what];
    if (!leaf.defined()) leaf = recorded("input/" + what).clone().requires_grad_(true);
    return leaf;
  }

  void expect_result(const at::Tensor& out, const at::Tensor& state, double tolerance) const {
    EXPECT_LE(relative_rms(out, recorded("output/out")), tolerance);
    EXPECT_LE(relative_rms(state, recorded("output/state")), tolerance);
  }
  /// Walks back from the recorded gradients; returns whether there are any.
  bool expect_gradients(const at::Tensor& out, const at::Tensor& state, double tolerance) const {
    if (!has("grad/d_out")) return false;
    ((out * recorded("grad/d_out")).sum() + (state * recorded("grad/d_state")).sum()).backward();
    for (const auto& [what, leaf] : leaves_) {
      EXPECT_LE(relative_rms(leaf.grad(), recorded("grad/" + what)), tolerance) << what;
    }
    return true;
  }

 private:
  SafetensorsFile file_;
  std::string name_;
  at::ScalarType type_;
  std::map<std::string, at::Tensor> leaves_;
};

class RecurrentOpGoldens : public ::testing::Test {
 protected:
  void SetUp() override {
    const auto root = golden("hf-goldens/ops");
    if (!root) GTEST_SKIP() << skip_reason("HYLO_TEST_DATA", "hf-goldens/ops");
    root_ = *root;
  }

  using Compute =
      std::function<std::pair<at::Tensor, at::Tensor>(Case&, const Json&, RecurrentForm)>;

  /// Every case of the op in float64 and float32, chunked (with gradients) and stepwise.
  void expect_cases(const std::string& op, int expected, int expected_gradients,
                    const Compute& compute) const {
    int found = 0, with_gradients = 0;
    const auto cases = read_json_file(root_ / "cases.json");
    for (const auto& [name, json] : cases.items()) {
      if (json.at("attributes").value("op", "") != op) continue;
      SCOPED_TRACE(name);
      ++found;
      for (const auto type : {at::kDouble, at::kFloat}) {
        const bool exact = type == at::kDouble;
        Case one(root_, name, json, type);
        const auto [out, state] = compute(one, json.at("attributes"), RecurrentForm::Chunked);
        one.expect_result(out, state, exact ? float64_tolerance : float32_tolerance);
        with_gradients += one.expect_gradients(
            out, state, exact ? float64_tolerance : float32_gradient_tolerance);
        const c10::AutoGradMode no_gradients(false);
        const auto [steps, last] = compute(one, json.at("attributes"), RecurrentForm::Stepwise);
        one.expect_result(steps, last, exact ? float64_tolerance : float32_tolerance);
      }
    }
    EXPECT_GE(found, expected);
    EXPECT_GE(with_gradients, 2 * expected_gradients);
  }

  std::filesystem::path root_;
};

TEST_F(RecurrentOpGoldens, TheGatedDeltaRuleIsTheLibrarys) {
  expect_cases("gated_delta_rule", 14, 8,
               [](Case& one, const Json& attributes, RecurrentForm form) {
                 EXPECT_EQ(attributes.at("scale"), "K**-0.5");
                 const auto normed = [&](const at::Tensor& x) {
                   if (!attributes.at("l2norm").get<bool>()) return x;
                   const auto epsilon = attributes.at("l2norm_eps").get<double>();
                   return x * (x.square().sum(-1, true) + epsilon).rsqrt();
                 };
                 const auto v = one.input("v"), q = one.input("q");
                 const auto sequences = sequences_of(v);
                 const auto out =
                     kernels::gated_delta({.q_NHK = as_rows(normed(q)),
                                           .k_NHK = as_rows(normed(one.input("k"))),
                                           .v_NHV = as_rows(v),
                                           .log_decay_NH = as_rows(one.input("g")),
                                           .beta_NH = as_rows(one.input("beta")),
                                           .state_BHKV = one.input("state"),
                                           .sequences = sequences,
                                           .scale = 1 / std::sqrt(static_cast<double>(q.size(3))),
                                           .form = form});
                 return std::pair(out.out_NHV.view(v.sizes()), out.state_BHKV);
               });
}

TEST_F(RecurrentOpGoldens, TheSelectiveScanIsTheLibrarys) {
  expect_cases("mamba2_scan", 8, 3, [](Case& one, const Json& attributes, RecurrentForm form) {
    EXPECT_TRUE(attributes.at("dt_softplus").get<bool>());
    const auto limit = [&](size_t i) {
      const auto& value = attributes.at("dt_limit").at(i);
      return value.is_string() ? std::numeric_limits<double>::infinity() : value.get<double>();
    };
    const auto x = one.input("x");
    const auto step =
        at::softplus(one.input("dt") + one.input("dt_bias")).clamp(limit(0), limit(1));
    const auto first = one.input("state");  // theirs has the key width last
    const auto sequences = sequences_of(x);
    const auto result = kernels::selective_scan(
        {.q_NHK = as_rows(one.input("C")),
         .k_NHK = as_rows(one.input("B")),
         .v_NHV = as_rows(x * step.unsqueeze(-1)),
         .log_decay_NH = as_rows(step * one.input("A")),
         .state_BHKV = first.defined() ? first.transpose(2, 3) : at::Tensor(),
         .sequences = sequences,
         .form = form});
    auto out = result.out_NHV.view(x.sizes());
    if (one.has("input/D")) out = out + one.input("D").unsqueeze(-1) * x;
    return std::pair(out, result.state_BHKV.transpose(2, 3));
  });
}

/// One case of ONNX's LinearAttention: query heads may be more than key/value heads.
struct LinearAttentionCase {
  const Json& json;
  const SafetensorsFile& file;

  [[nodiscard]] at::Tensor tensor(const char* slots, const char* slot) const {
    if (!json.at(slots).contains(slot)) return {};
    return file.tensor(json.at(slots).at(slot).get<std::string>()).to(at::kFloat);
  }
  [[nodiscard]] int64_t heads(const char* which) const {
    return json.at("attributes").at(which).get<int64_t>();
  }
  /// [B, T, heads W] as rows [N, query heads, W].
  [[nodiscard]] at::Tensor rows(const char* slot, const char* which) const {
    const auto x = tensor("inputs", slot);
    const int64_t num = heads(which);
    return as_rows(x).unflatten(1, {num, -1}).repeat_interleave(heads("q_num_heads") / num, 1);
  }
  [[nodiscard]] at::Tensor decays(int64_t num_rows) const {
    if (!json.at("inputs").contains("decay")) return at::zeros({num_rows, heads("q_num_heads")});
    const auto decay = rows("decay", "kv_num_heads");
    return decay.size(2) == 1 ? decay.squeeze(2) : decay;
  }
  [[nodiscard]] at::Tensor betas() const {
    const auto beta = as_rows(tensor("inputs", "beta"));
    const int64_t num = heads("q_num_heads");
    return beta.repeat_interleave(num / beta.size(1), 1).contiguous();
  }
};

TEST(LinearAttentionGoldens, AreMet) {
  constexpr double tolerance = 2e-6, float16_tolerance = 1e-3;
  const auto root = golden("onnx-op-goldens");
  if (!root) GTEST_SKIP() << skip_reason("HYLO_TEST_DATA", "onnx-op-goldens");
  const auto index = read_json_file(*root / "cases.json");
  const auto& cases = index.at("families").at("linear_attention");
  const SafetensorsFile file(*root / "linear_attention.safetensors");
  ASSERT_EQ(cases.size(), 14u);
  for (const auto& json : cases) {
    const auto name = json.at("case").get<std::string>();
    SCOPED_TRACE(name);
    const LinearAttentionCase one{json, file};
    const auto query = one.tensor("inputs", "query");
    const auto sequences = sequences_of(query);
    const auto q = one.rows("query", "q_num_heads"), k = one.rows("key", "kv_num_heads");
    const auto v = one.rows("value", "kv_num_heads"), decays = one.decays(q.size(0));
    const double scale =
        json.at("attributes").value("scale", 1 / std::sqrt(static_cast<double>(q.size(2))));
    const auto rule = json.at("attributes").value("update_rule", "gated_delta");
    const auto past = one.tensor("inputs", "past_state");
    for (const auto form : {RecurrentForm::Chunked, RecurrentForm::Stepwise}) {
      at::Tensor out, state;
      if (rule == "delta" || rule == "gated_delta") {
        const auto result =
            kernels::gated_delta({q, k, v, decays, one.betas(), past, sequences, scale, form});
        out = result.out_NHV, state = result.state_BHKV;
      } else {
        const auto result =
            kernels::selective_scan({q * scale, k, v, decays, past, sequences, form});
        out = result.out_NHV, state = result.state_BHKV;
      }
      const auto expected = one.tensor("outputs", "output");
      const auto expected_state = one.tensor("outputs", "present_state");
      const double allowed = name.ends_with("fp16") ? float16_tolerance : tolerance;
      EXPECT_LE(relative_rms(out.reshape(expected.sizes()), expected), allowed);
      const int64_t group = state.size(1) / expected_state.size(1);
      EXPECT_LE(relative_rms(state, expected_state.repeat_interleave(group, 1)), allowed);
    }
  }
}

}  // namespace
}  // namespace hylo::models
