// Ops against the recorded cases of transformers: frequencies, tables, rotation, attention, norm.
// They stand here and not with the ops because safetensors are read by models.
#include <ATen/TensorOperators.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/zeros.h>
#include <gtest/gtest.h>

#include <cmath>
#include <numeric>
#include <ranges>

#include "harness/base/json.h"
#include "kernels/ops/attention.h"
#include "kernels/ops/rms_norm.h"
#include "kernels/ops/rotary.h"
#include "models/config/hf_config.h"
#include "models/decoder/rotary_tables.h"
#include "models/weights/safetensors.h"
#include "tests/support/test_data.h"

namespace hylo::models {
namespace {

using tests::golden;
using tests::skip_reason;

/// Outputs are float64 results rounded to float32; ours are of order 1 and computed in float32.
constexpr double float32_tolerance = 4e-6;
/// Both sides compute in float64; 2,000,000 radians leave 2e-10.
constexpr double angle_tolerance = 1e-9;

double max_difference(const at::Tensor& a, const at::Tensor& b) {
  EXPECT_EQ(a.sizes(), b.sizes());
  return (a.to(at::kDouble) - b.to(at::kDouble)).abs().max().item<double>();
}

class OpGoldens : public ::testing::Test {
 protected:
  void SetUp() override {
    const auto root = golden("hf-goldens/ops");
    if (!root) GTEST_SKIP() << skip_reason("HYLO_TEST_DATA", "hf-goldens/ops");
    root_ = *root;
    cases_ = read_json_file(root_ / "cases.json");
  }

  /// Calls check(name, case) for every case of the op; there must be at least `expected`.
  void for_each(const std::string& op, int expected,
                const std::function<void(const std::string&, const Json&)>& check) const {
    int found = 0;
    for (const auto& [name, one] : cases_.items()) {
      if (one.at("attributes").value("op", "") != op) continue;
      SCOPED_TRACE(name);
      check(name, one);
      ++found;
    }
    EXPECT_GE(found, expected);
  }

  [[nodiscard]] SafetensorsFile file_of(const Json& one) const {
    return SafetensorsFile(root_ / one.at("file").get<std::string>());
  }

  std::filesystem::path root_;
  Json cases_;
};

/// The rope of a case, read as the config.json of a model with one head.
RopeSpec rope_of(const Json& attributes) {
  const auto width = attributes.value("rotary_dim", attributes.at("head_dim").get<int64_t>());
  const Json config{{"architectures", {"LlamaForCausalLM"}},
                    {"vocab_size", 8},
                    {"hidden_size", width},
                    {"intermediate_size", 8},
                    {"num_hidden_layers", 1},
                    {"num_attention_heads", 1},
                    {"head_dim", width},
                    {"rope_theta", attributes.at("rope_theta")},
                    {"rope_scaling", attributes.at("rope_scaling")},
                    {"max_position_embeddings", attributes.at("max_position_embeddings")}};
  return std::get<AttentionSpec>(parse_hf_config(config, "case").layers[0].mixer).rope;
}

struct Tables {
  at::Tensor cos, sin;
};

/// Tables at the recorded positions. Each is a call of its own, except under dynamic scaling: there
/// one call of the recorded length holds them all.
Tables tables_at(const RopeSpec& rope, const at::Tensor& positions, std::optional<int64_t> length,
                 RotaryPrecision precision, at::ScalarType type) {
  std::vector<PositionRange> ranges;
  if (length) {
    ranges.push_back({*length, 0});
  } else {
    for (int64_t i = 0; i < positions.numel(); ++i) {
      ranges.push_back({1, positions[i].item<int64_t>()});
    }
  }
  const auto tables = rotary_tables(rope, ranges, precision, type);
  if (!length) return {tables.cos_NP, tables.sin_NP};
  return {tables.cos_NP.index_select(0, positions), tables.sin_NP.index_select(0, positions)};
}

TEST_F(OpGoldens, FrequenciesAndTablesAreTheLibrarys) {
  for_each("rope", 20, [&](const std::string& name, const Json& one) {
    const auto& attributes = one.at("attributes");
    const auto rope = rope_of(attributes);
    const auto file = file_of(one);
    const auto tensor = [&](const char* what) { return file.tensor(name + "/" + what); };
    std::optional<int64_t> length;
    if (attributes.contains("seq_len")) length = attributes.at("seq_len").get<int64_t>();

    const auto frequencies = inverse_frequencies(rope, length.value_or(1));
    const auto exact = tensor("output/inv_freq_exact"), rounded = tensor("output/inv_freq");
    ASSERT_EQ(static_cast<int64_t>(frequencies.size()), exact.numel());
    for (int64_t i = 0; i < exact.numel(); ++i) {
      EXPECT_NEAR(frequencies[i] / exact[i].item<double>(), 1, 1e-14) << i;
      EXPECT_NEAR(frequencies[i] / rounded[i].item<double>(), 1, 1e-6) << i;
    }
    EXPECT_NEAR(attention_factor(rope), one.at("attention_scaling").get<double>(), 1e-14);

    const auto positions = tensor("input/positions");
    const auto ours = tables_at(rope, positions, length, RotaryPrecision::Exact, at::kDouble);
    EXPECT_LE(max_difference(ours.cos, tensor("output/cos_exact")), angle_tolerance);
    EXPECT_LE(max_difference(ours.sin, tensor("output/sin_exact")), angle_tolerance);

    // In float32 the last bit of a frequency, times the position, is what the library loses. Its
    // power function and ours differ in that bit now and then.
    const auto in_float32 = inverse_frequencies_float32(rope, length.value_or(1));
    int64_t num_equal = 0;
    for (int64_t i = 0; i < rounded.numel(); ++i) {
      num_equal += in_float32[i] == rounded[i].item<float>();
    }
    EXPECT_GE(num_equal, rounded.numel() * 9 / 10);
    const auto theirs = tables_at(rope, positions, length, RotaryPrecision::Float32, at::kFloat);
    const double lost = one.at("max_diff_cos").get<double>();
    EXPECT_LE(max_difference(theirs.cos, tensor("output/cos")),
              num_equal == rounded.numel() ? float32_tolerance : 2 * lost);
    EXPECT_LE(max_difference(ours.cos, tensor("output/cos")), 1.01 * lost + 1e-7);
  });
}

TEST_F(OpGoldens, RotationPairsTheHalvesOfAHead) {
  for_each("rope_apply", 1, [&](const std::string& name, const Json& one) {
    const auto file = file_of(one);
    for (const std::string which : {"q", "k"}) {
      const auto x_HNK = file.tensor(name + "/input/" + which).select(0, 0);
      const auto expected_HNK = file.tensor(name + "/output/" + which + "_half").select(0, 0);
      const RopeSpec rope{.theta = one.at("attributes").at("rope_theta").get<double>(),
                          .width = x_HNK.size(2)};
      const std::vector<PositionRange> rows{
          {x_HNK.size(1), one.at("attributes").at("first_position").get<int64_t>()}};
      const auto tables = rotary_tables(rope, rows, RotaryPrecision::Exact, at::kFloat);
      const auto out =
          kernels::rotary({x_HNK.transpose(0, 1).contiguous(), tables.cos_NP, tables.sin_NP});
      EXPECT_LE(max_difference(out.transpose(0, 1), expected_HNK), float32_tolerance);
    }
  });
}

/// The keys or values [B, G, S, K] of all sequences as pages, in reverse order.
at::Tensor in_pages(const at::Tensor& rows_BGSK, int64_t pages_of_each, int64_t page_tokens) {
  const auto rows_BSGK = rows_BGSK.transpose(1, 2);
  const int64_t batch = rows_BSGK.size(0), tokens = rows_BSGK.size(1);
  auto padded =
      at::zeros({batch, pages_of_each * page_tokens, rows_BSGK.size(2), rows_BSGK.size(3)},
                rows_BGSK.options());
  padded.narrow(1, 0, tokens).copy_(rows_BSGK);
  return padded.view({batch * pages_of_each, page_tokens, rows_BSGK.size(2), rows_BSGK.size(3)})
      .flip({0})
      .contiguous();
}

TEST_F(OpGoldens, AttentionIsTheLibrarys) {
  for_each("attention", 6, [&](const std::string& name, const Json& one) {
    const auto& attributes = one.at("attributes");
    ASSERT_EQ(attributes.at("scale"), "D**-0.5");
    const auto file = file_of(one);
    const auto q_BHTK = file.tensor(name + "/input/q");
    const auto keys = file.tensor(name + "/input/k"), values = file.tensor(name + "/input/v");
    const int64_t batch = q_BHTK.size(0), rows = q_BHTK.size(2), page_tokens = 7;
    const int64_t pages_of_each = (keys.size(2) + page_tokens - 1) / page_tokens;
    std::vector<std::vector<int32_t>> tables(batch);
    std::vector<kernels::PagedRows> sequences;
    for (int64_t b = 0; b < batch; ++b) {
      for (int64_t i = 0; i < pages_of_each; ++i) {
        tables[b].push_back(static_cast<int32_t>((batch - b) * pages_of_each - 1 - i));
      }
      sequences.push_back(
          {b * rows, rows, attributes.at("past").get<int64_t>(), std::span(tables[b])});
    }
    kernels::AttentionIn in{
        .q_NHK = q_BHTK.transpose(1, 2).reshape({batch * rows, q_BHTK.size(1), q_BHTK.size(3)}),
        .keys_PSGK = in_pages(keys, pages_of_each, page_tokens),
        .values_PSGV = in_pages(values, pages_of_each, page_tokens),
        .sequences = sequences,
        .scale = 1 / std::sqrt(static_cast<double>(q_BHTK.size(3)))};
    if (!attributes.at("sliding_window").is_null()) {
      in.window = attributes.at("sliding_window").get<int64_t>();
    }
    in.q_NHK = in.q_NHK.contiguous();
    const auto expected = file.tensor(name + "/output/out");
    EXPECT_LE(max_difference(kernels::attention(in).view(expected.sizes()), expected),
              float32_tolerance);
  });
}

TEST_F(OpGoldens, NormsAreTheLibrarys) {
  for_each("rms_norm", 2, [&](const std::string& name, const Json& one) {
    const auto& attributes = one.at("attributes");
    if (attributes.at("weight") != "w") return;  // 1 + w: a norm of other families
    const auto file = file_of(one);
    const auto x = file.tensor(name + "/input/x"), weight = file.tensor(name + "/input/weight");
    const auto epsilon = attributes.at("eps").get<double>();
    EXPECT_LE(
        max_difference(kernels::rms_norm({x, weight, epsilon}), file.tensor(name + "/output/out")),
        float32_tolerance);
    const auto in_bfloat16 =
        kernels::rms_norm({x.to(at::kBFloat16), weight.to(at::kBFloat16), epsilon});
    // A mean that differs in its last float32 bit may tip a rounding over, hardly ever.
    EXPECT_LE(in_bfloat16.ne(file.tensor(name + "/output/out_hf_bf16")).sum().item<int64_t>(), 2);
  });
}

}  // namespace
}  // namespace hylo::models
