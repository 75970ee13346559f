// Attention, rotation, norms, convolutions and activations against the node tests of ONNX. They
// stand here and not with the ops because safetensors are read by models. LinearAttention:
// recurrent_op_goldens_test.cpp.
#include <ATen/TensorOperators.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/zeros_like.h>
#include <gtest/gtest.h>

#include <cmath>
#include <functional>

#include "harness/base/json.h"
#include "kernels/ops/activations.h"
#include "kernels/ops/attention.h"
#include "kernels/ops/causal_conv.h"
#include "kernels/ops/moe_dispatch.h"
#include "kernels/ops/packed_attention.h"
#include "kernels/ops/rms_norm.h"
#include "kernels/ops/rotary.h"
#include "kernels/ops/swiglu.h"
#include "models/weights/safetensors.h"
#include "tests/support/test_data.h"

namespace hylo::models {
namespace {

using hylo::tests::golden;
using hylo::tests::skip_reason;

/// Theirs are float32 computations as well, of order 1.
constexpr double float32_tolerance = 2e-6;
/// Theirs compute in float16, a type that our ops do not serve: ours in float32 on the same inputs.
constexpr double float16_tolerance = 1e-3;

/// One recorded case.
struct OnnxCase {
  const Json& json;
  const SafetensorsFile& file;

  [[nodiscard]] bool has(const char* input) const { return json.at("inputs").contains(input); }
  [[nodiscard]] at::Tensor stored(const char* input) const {
    return file.tensor(json.at("inputs").at(input).get<std::string>()).clone();
  }
  /// In float32; undefined where the case has none.
  [[nodiscard]] at::Tensor input(const char* name) const {
    return has(name) ? stored(name).to(at::kFloat) : at::Tensor();
  }
  template <class Number>
  [[nodiscard]] Number attribute(const char* name, Number otherwise) const {
    return json.at("attributes").value(name, otherwise);
  }
  void expect(const at::Tensor& ours, const char* output) const {
    const auto theirs = file.tensor(json.at("outputs").at(output).get<std::string>());
    ASSERT_EQ(ours.sizes(), theirs.sizes()) << output;
    if (theirs.numel() == 0) return;
    const bool in_float16 = theirs.scalar_type() == at::kHalf;
    EXPECT_LE((ours - theirs.to(at::kFloat)).abs().max().item<double>(),
              in_float16 ? float16_tolerance : float32_tolerance)
        << output;
  }
};

class OnnxOpGoldens : public ::testing::Test {
 protected:
  void SetUp() override {
    const auto root = golden("onnx-op-goldens");
    if (!root) GTEST_SKIP() << skip_reason("HYLO_TEST_DATA", "onnx-op-goldens");
    root_ = *root;
  }

  /// Calls check(case) for every case of a family of which `foreign` does not say why it is not
  /// ours; both are counted, so that none is left out unseen.
  void for_each(const std::string& family, int expected, int expected_foreign,
                const std::function<const char*(const OnnxCase&)>& foreign,
                const std::function<void(const OnnxCase&)>& check) const {
    const auto index = read_json_file(root_ / "cases.json");
    const SafetensorsFile file(root_ / (family + ".safetensors"));
    int num_checked = 0, num_foreign = 0;
    for (const auto& json : index.at("families").at(family)) {
      SCOPED_TRACE(json.at("case").get<std::string>());
      const OnnxCase one{json, file};
      if (foreign(one)) {
        ++num_foreign;
        continue;
      }
      check(one);
      ++num_checked;
    }
    EXPECT_EQ(num_checked, expected);
    EXPECT_EQ(num_foreign, expected_foreign);
  }

  std::filesystem::path root_;
};

const char* none_is_foreign(const OnnxCase&) { return nullptr; }

TEST_F(OnnxOpGoldens, ConvolutionsAndTheirTailsAreOnnxs) {
  for_each("causal_conv_with_state", 13, 0, none_is_foreign, [](const OnnxCase& one) {
    const auto x_BDT = one.input("input"), past_BDC = one.input("past_state");
    const int64_t batch = x_BDT.size(0), channels = x_BDT.size(1), length = x_BDT.size(2);
    std::vector<kernels::RowRange> sequences;
    for (int64_t b = 0; b < batch; ++b) sequences.push_back({b * length, length});
    const auto out = kernels::causal_conv(
        {.x_ND = x_BDT.transpose(1, 2).reshape({batch * length, channels}),
         .weight_DC = one.input("weight").squeeze(1),
         .bias_D = one.input("bias"),
         .tail_BCD = past_BDC.defined() ? past_BDC.transpose(1, 2) : at::Tensor(),
         .sequences = sequences,
         .activation = one.attribute<std::string>("activation", "none") == "none"
                           ? kernels::ConvActivation::None
                           : kernels::ConvActivation::Silu});
    one.expect(out.out_ND.view({batch, length, channels}).transpose(1, 2), "output");
    one.expect(out.tail_BCD.transpose(1, 2), "present_state");
  });
}

/// [B, heads, T, width] of either form.
at::Tensor heads_of(const at::Tensor& x, int64_t num_heads) {
  return x.dim() == 4 ? x : x.unflatten(2, {num_heads, -1}).transpose(1, 2);
}

TEST_F(OnnxOpGoldens, RotationsAreOnnxs) {
  for_each("rotary_embedding", 8, 0, none_is_foreign, [](const OnnxCase& one) {
    const auto input = one.input("input");
    const auto x_BHTK = heads_of(input, one.attribute<int64_t>("num_heads", 1));
    const bool interleaved = one.attribute<int64_t>("interleaved", 0) != 0;
    const auto table = [&](const char* name) {
      const auto cache = one.input(name);
      return one.has("position_ids") ? cache.index_select(0, one.stored("position_ids").flatten())
                                     : cache.flatten(0, 1);
    };
    const auto cos = table("cos_cache");
    const int64_t rotated = 2 * cos.size(1), heads = x_BHTK.size(1), width = x_BHTK.size(3);
    auto out_NHK = kernels::rotary(
        {x_BHTK.transpose(1, 2).reshape({-1, heads, width}), cos, table("sin_cache"), interleaved});
    if (interleaved) {
      // Theirs leaves pairs where they are, ours puts the first of every pair before the second.
      const auto pairs = out_NHK.narrow(2, 0, rotated).unflatten(2, {2, rotated / 2});
      out_NHK = at::cat(
          {pairs.transpose(2, 3).flatten(2, 3), out_NHK.narrow(2, rotated, width - rotated)}, 2);
    }
    const auto out_BTHK = out_NHK.unflatten(0, {x_BHTK.size(0), x_BHTK.size(2)});
    one.expect(input.dim() == 3 ? out_BTHK.flatten(2, 3) : out_BTHK.transpose(1, 2), "output");
  });
}

TEST_F(OnnxOpGoldens, NormsOverTheLastDimsAreOnnxs) {
  for_each("rms_normalization", 19, 0, none_is_foreign, [](const OnnxCase& one) {
    const auto x = one.input("X"), weight = one.input("W");
    const auto out = kernels::rms_norm(
        {x.reshape({-1, weight.numel()}), weight.flatten(), one.attribute("epsilon", 1e-5)});
    one.expect(out.view(x.sizes()), "Y");
  });
}

const char* not_our_activation(const OnnxCase& one) {
  if (one.json.at("op") == "Gelu") return "no model of ours has it";
  return one.attribute("alpha", 1.0) != 1 ? "a slope within SiLU" : nullptr;
}

/// A router that takes every expert weighs them by softmax over the last dim.
at::Tensor softmax(const at::Tensor& x) {
  const auto logits_NE = x.flatten(0, -2).contiguous();
  const auto routes =
      kernels::route({.logits_NE = logits_NE, .experts_per_token = logits_NE.size(1), .spec = {}});
  return at::zeros_like(logits_NE).scatter(1, routes.experts_Nk, routes.weights_Nk).view(x.sizes());
}

TEST_F(OnnxOpGoldens, ActivationsAreOnnxs) {
  for_each("activations", 9, 2, not_our_activation, [](const OnnxCase& one) {
    const auto op = one.json.at("op").get<std::string>();
    if (op == "SwiGLU") return one.expect(kernels::swiglu({one.input("a"), one.input("b")}), "y");
    const auto x = one.input("x");
    if (op == "Sigmoid") return one.expect(kernels::sigmoid(x), "y");
    if (op == "Softplus") return one.expect(kernels::softplus(x), "y");
    if (op == "Swish") return one.expect(kernels::silu(x), "y");
    ASSERT_EQ(op, "Softmax");
    one.expect(softmax(x), "y");
  });
}

const char* not_our_attention(const OnnxCase& one) {
  if (one.has("attn_mask")) return "a mask that is added to the scores; ours are causal or whole";
  if (one.attribute("softcap", 0.0) != 0) return "scores through a tanh";
  if (one.has("nonpad_kv_seqlen")) {
    const auto fewest = one.stored("nonpad_kv_seqlen").min().item<int64_t>();
    if (fewest < one.input("Q").size(2)) return "queries before the first key";
  }
  return nullptr;
}

/// Keys, values and queries [B, heads, T, width], and where the queries stand among the keys.
struct Attended {
  at::Tensor q, keys, values;
  bool causal;
  std::vector<int64_t> num_past;  ///< of each sequence, when causal
  double scale;
};

Attended attended_by(const OnnxCase& one) {
  const auto key_heads = one.attribute<int64_t>("kv_num_heads", 1);
  const auto with_past = [&](const char* name, const char* past) {
    const auto fresh = heads_of(one.input(name), key_heads);
    return one.has(past) ? at::cat({one.input(past), fresh}, 2) : fresh;
  };
  Attended in{.q = heads_of(one.input("Q"), one.attribute<int64_t>("q_num_heads", 1)),
              .keys = with_past("K", "past_key"),
              .values = with_past("V", "past_value"),
              .causal = one.attribute<int64_t>("is_causal", 0) != 0,
              .num_past = {},
              .scale = 0};
  in.scale = one.attribute("scale", 1 / std::sqrt(static_cast<double>(in.q.size(3))));
  for (int64_t b = 0; b < in.q.size(0); ++b) {
    int64_t past = one.has("past_key") ? one.input("past_key").size(2) : 0;
    if (one.has("nonpad_kv_seqlen")) {
      past = one.stored("nonpad_kv_seqlen")[b].item<int64_t>() - in.q.size(2);
    }
    in.num_past.push_back(past);
  }
  return in;
}

/// [N, heads, width] as rows, sequence after sequence.
at::Tensor as_rows(const at::Tensor& x_BHTK) {
  return x_BHTK.transpose(1, 2).flatten(0, 1).contiguous();
}

/// One page per sequence. A query that sees every key is a sequence by itself, at the last of them.
at::Tensor over_pages(const Attended& in) {
  const int64_t length = in.q.size(2);
  std::vector<int32_t> pages(in.q.size(0));
  std::vector<kernels::PagedRows> sequences;
  for (int64_t b = 0; b < in.q.size(0); ++b) {
    pages[b] = static_cast<int32_t>(b);
    const auto page = std::span(pages).subspan(b, 1);
    if (in.causal) sequences.push_back({b * length, length, in.num_past[b], page});
    for (int64_t t = 0; !in.causal && t < length; ++t) {
      sequences.push_back({b * length + t, 1, in.keys.size(2) - 1, page});
    }
  }
  return kernels::attention({.q_NHK = as_rows(in.q),
                             .keys_PSGK = in.keys.transpose(1, 2).contiguous(),
                             .values_PSGV = in.values.transpose(1, 2).contiguous(),
                             .sequences = sequences,
                             .scale = in.scale});
}

/// Of causal cases without a past: as many keys as queries are seen.
at::Tensor packed(const Attended& in) {
  const int64_t length = in.q.size(2);
  std::vector<kernels::RowRange> sequences;
  for (int64_t b = 0; b < in.q.size(0); ++b) sequences.push_back({b * length, length});
  return kernels::packed_attention({.q_NHK = as_rows(in.q),
                                    .k_NGK = as_rows(in.keys.narrow(2, 0, length)),
                                    .v_NGV = as_rows(in.values.narrow(2, 0, length)),
                                    .sequences = sequences,
                                    .scale = in.scale});
}

TEST_F(OnnxOpGoldens, AttentionIsOnnxs) {
  int num_packed = 0;
  for_each("attention", 26, 50, not_our_attention, [&](const OnnxCase& one) {
    const auto in = attended_by(one);
    const auto expect = [&](const at::Tensor& out_NHV) {
      const auto out_BTHV = out_NHV.unflatten(0, {in.q.size(0), in.q.size(2)});
      one.expect(one.input("Q").dim() == 3 ? out_BTHV.flatten(2, 3) : out_BTHV.transpose(1, 2),
                 "Y");
    };
    expect(over_pages(in));
    if (!in.causal || one.has("past_key") || one.has("nonpad_kv_seqlen")) return;
    expect(packed(in));
    ++num_packed;
  });
  EXPECT_EQ(num_packed, 6);
}

}  // namespace
}  // namespace hylo::models
