// The decoder against transformers on small random checkpoints: logits, hidden states, step by
// step.
#include <gtest/gtest.h>

#include "tests/models/decoder/golden_case.h"
#include "tests/support/test_data.h"

namespace hylo::models {
namespace {

using hylo::tests::golden;
using hylo::tests::skip_reason;
using namespace tests;  // NOLINT: the whole header is for tests like these

/// States are the library's float32; ours are float64. Its largest error is 1e-5.
constexpr double state_tolerance = 5e-5;

class DecoderGoldens : public ::testing::Test {
 protected:
  void SetUp() override {
    const auto root = golden("hf-goldens");
    if (!root) GTEST_SKIP() << skip_reason("HYLO_TEST_DATA", "hf-goldens");
    folders_ = checkpoints_of(*root);
    ASSERT_FALSE(folders_.empty()) << "no checkpoint in " << *root;
  }
  std::vector<std::filesystem::path> folders_;
};

TEST_F(DecoderGoldens, BothDialectsOfConfigJsonMeanTheSame) {
  for (const auto& folder : folders_) {
    SCOPED_TRACE(folder.filename());
    auto legacy =
        parse_hf_config(read_json_file(folder / "config.legacy.json"), "config.legacy.json");
    auto config = parse_hf_config(read_json_file(folder / "config.json"), "config.json");
    EXPECT_EQ(legacy, config);
    EXPECT_EQ(parse_hf_config(Json::parse(write_hf_config(config).dump()), "written"), config);
  }
}

TEST_F(DecoderGoldens, ParametersAreCountedToTheUnit) {
  for (const auto& folder : folders_) {
    SCOPED_TRACE(folder.filename());
    EXPECT_EQ(count_parameters(read_hf_config(folder)),
              read_json_file(folder / "reference.json").at("n_params").get<int64_t>());
  }
}

TEST_F(DecoderGoldens, Float64LogitsAreTheTruth) {
  for (const auto& folder : folders_) {
    SCOPED_TRACE(folder.filename());
    GoldenCase c(folder, NumberType::Float64);
    EXPECT_LE(max_difference(c.all_rows(), c.reference.tensor("logits_exact")), float64_tolerance);
  }
}

TEST_F(DecoderGoldens, Float32LogitsEqualTheLibrarys) {
  for (const auto& folder : folders_) {
    for (const auto rotary : {RotaryPrecision::Exact, RotaryPrecision::Float32}) {
      SCOPED_TRACE(folder.filename());
      GoldenCase c(folder, NumberType::Float32);
      c.rotary = rotary;
      const auto logits = c.all_rows();
      for (const auto* name : {"logits", "logits_exact"}) {
        const auto expected = c.reference.tensor(name);
        EXPECT_LE(max_difference(logits, expected), c.limit("max_abs_diff_fp32_fp64", "logits"))
            << name;
        EXPECT_LE(rms_difference(logits, expected), c.limit("rms_diff_fp32_fp64", "logits"))
            << name;
      }
    }
  }
}

TEST_F(DecoderGoldens, HiddenStatesEqualTheLibrarys) {
  for (const auto& folder : folders_) {
    SCOPED_TRACE(folder.filename());
    GoldenCase c(folder, NumberType::Float32);
    const auto ids = c.reference.tensor("input_ids");
    for (int64_t b = 0; b < ids.size(0); ++b) {
      const auto row = row_of(ids, b);
      auto sequence = c.cache.new_sequence();
      const auto out = c.decoder.forward(row, {{{&sequence, static_cast<int64_t>(row.size())}}},
                                         {.keep_hidden = true});
      for (size_t i = 0; i < out.hidden_ND.size(); ++i) {
        const auto name = fmt::format("hidden.{}", i);
        EXPECT_LE(max_difference(out.hidden_ND[i], c.reference.tensor(name).select(0, b)),
                  c.limit("max_abs_diff_fp32_fp64", name.c_str()))
            << name;
      }
      EXPECT_LE(max_difference(out.normed_ND, c.reference.tensor("hidden.norm").select(0, b)),
                c.limit("max_abs_diff_fp32_fp64", "hidden.norm"));
    }
  }
}

TEST_F(DecoderGoldens, TokenByTokenEqualsTheLibrarysCache) {
  for (const auto& folder : folders_) {
    SCOPED_TRACE(folder.filename());
    GoldenCase c(folder, NumberType::Float32);
    const auto ids = row_of(c.reference.tensor("input_ids"), 0);
    // Both runs are float32: each may be off by its own error.
    EXPECT_LE(max_difference(c.in_pieces(ids, {1}), c.reference.tensor("step_logits").select(0, 0)),
              2 * c.limit("max_abs_diff_fp32_fp64", "logits"));
    // The rotation of dynamic scaling depends on the call, so pieces differ from one call by
    // nature.
    if (depends_on_call_length(c.checkpoint.config)) continue;
    const auto pieces = c.measured.at("pieces").get<std::vector<int64_t>>();
    EXPECT_LE(
        max_difference(c.in_pieces(ids, pieces), c.reference.tensor("logits_exact").select(0, 0)),
        float32_allowance * c.measured.at("max_abs_diff_pieces_full").get<double>());
  }
}

TEST_F(DecoderGoldens, Bfloat16IsNoWorseThanTwiceTheLibrarysBfloat16) {
  for (const auto& folder : folders_) {
    SCOPED_TRACE(folder.filename());
    GoldenCase c(folder, NumberType::BFloat16);
    if (!c.reference.entries().contains("logits_bf16")) continue;
    const auto exact = c.reference.tensor("logits_exact");
    const auto theirs = c.reference.tensor("logits_bf16").to(at::kFloat);
    const auto logits = c.all_rows();
    EXPECT_LE(max_difference(logits, exact), bfloat16_allowance * max_difference(theirs, exact));
    EXPECT_LE(rms_difference(logits, exact), bfloat16_allowance * rms_difference(theirs, exact));
  }
}

TEST_F(DecoderGoldens, RaggedRowsOfUnlikeLengthEqualPaddedRows) {
  for (const auto& folder : folders_) {
    SCOPED_TRACE(folder.filename());
    GoldenCase c(folder, NumberType::Float32);
    const auto ids = c.reference.tensor("padded.input_ids");
    const auto mask = c.reference.tensor("padded.attention_mask");
    const auto expected = c.reference.tensor("padded.logits");
    std::vector<SequenceCache> sequences;
    std::vector<int32_t> tokens;
    Batch batch;
    sequences.reserve(ids.size(0));
    for (int64_t b = 0; b < ids.size(0); ++b) {
      const auto length = mask.select(0, b).sum().item<int64_t>();
      const auto row = row_of(ids, b);
      tokens.insert(tokens.end(), row.begin(), row.begin() + length);
      sequences.push_back(c.cache.new_sequence());
      batch.sequences.push_back({&sequences.back(), length});
    }
    const auto logits =
        c.decoder.logits(c.decoder.forward(tokens, batch).normed_ND, kernels::RowGroups::Free);
    int64_t first = 0;
    for (int64_t b = 0; b < ids.size(0); ++b) {
      const int64_t length = batch.sequences[b].num_rows;
      EXPECT_LE(max_difference(logits.narrow(0, first, length),
                               expected.select(0, b).narrow(0, 0, length)),
                2 * c.limit("max_abs_diff_fp32_fp64", "logits"));
      first += length;
    }
  }
}

/// The last C - 1 inputs of the convolution and the state, as the library keeps them after a
/// prompt.
TEST_F(DecoderGoldens, StatesAfterThePromptEqualTheLibrarys) {
  int compared = 0;
  for (const auto& folder : folders_) {
    SCOPED_TRACE(folder.filename());
    GoldenCase c(folder, NumberType::Float64);
    const auto ids = c.reference.tensor("input_ids");
    for (int64_t b = 0; b < ids.size(0); ++b) {
      auto sequence = c.cache.new_sequence();
      const auto row = row_of(ids, b);
      (void)c.decoder.forward(row, {{{&sequence, static_cast<int64_t>(row.size())}}});
      for (size_t i = 0; i < c.checkpoint.config.layers.size(); ++i) {
        const auto& mixer = c.checkpoint.config.layers[i].mixer;
        if (!is_recurrent(mixer)) continue;
        const int32_t slot = sequence.pages(i)[0];
        const auto tail_CD = c.cache.pages(i).part(0).select(0, slot);
        const auto theirs_DC =
            c.reference.tensor(fmt::format("state.{}.conv", i)).select(0, b).to(at::kDouble);
        EXPECT_LE(max_difference(tail_CD.t(), theirs_DC.narrow(1, 1, theirs_DC.size(1) - 1)),
                  state_tolerance);
        auto state_HKV = c.cache.pages(i).part(1).select(0, slot);
        if (std::holds_alternative<Mamba2Spec>(mixer)) state_HKV = state_HKV.transpose(1, 2);
        EXPECT_LE(
            max_difference(state_HKV,
                           c.reference.tensor(fmt::format("state.{}.recurrent", i)).select(0, b)),
            state_tolerance);
        ++compared;
      }
    }
  }
  EXPECT_GT(compared, 0);
}

TEST_F(DecoderGoldens, RouterLogitsEqualTheLibrarys) {
  int compared = 0;
  for (const auto& folder : folders_) {
    SCOPED_TRACE(folder.filename());
    GoldenCase c(folder, NumberType::Float64);
    const auto ids = c.reference.tensor("input_ids");
    const int64_t length = ids.size(1);
    for (int64_t b = 0; b < ids.size(0); ++b) {
      auto sequence = c.cache.new_sequence();
      const auto out =
          c.decoder.forward(row_of(ids, b), {{{&sequence, length}}}, {.keep_hidden = true});
      for (size_t i = 0; i < out.router_logits_NE.size(); ++i) {
        if (!out.router_logits_NE[i].defined()) continue;
        const auto theirs = c.reference.tensor(fmt::format("router_logits.{}", i));
        EXPECT_LE(max_difference(out.router_logits_NE[i], theirs.narrow(0, b * length, length)),
                  c.limit("max_abs_diff_fp32_fp64", "logits"));
        ++compared;
      }
    }
  }
  EXPECT_GT(compared, 0);
}

}  // namespace
}  // namespace hylo::models
