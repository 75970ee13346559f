// The decoder against the upcycled hybrids of the lineage: HyLo, Zebra-Llama, X-EcoMLA,
// MambaInLlama, Llamba, Jet-Nemotron.
#include <ATen/ops/argmax.h>
#include <gtest/gtest.h>

#include "harness/base/overloaded.h"
#include "tests/models/decoder/golden_case.h"
#include "tests/support/test_data.h"

namespace hylo::models {
namespace {

using hylo::tests::golden;
using hylo::tests::skip_reason;
using namespace tests;  // NOLINT: the whole header is for tests like these

class LineageGoldens : public ::testing::Test {
 protected:
  void SetUp() override {
    const auto root = golden("lineage-goldens");
    if (!root) GTEST_SKIP() << skip_reason("HYLO_TEST_DATA", "lineage-goldens");
    folders_ = checkpoints_of(*root);
    ASSERT_EQ(folders_.size(), 9U) << *root;
  }
  std::vector<std::filesystem::path> folders_;
};

TEST_F(LineageGoldens, ParametersAreCountedToTheUnit) {
  for (const auto& folder : folders_) {
    SCOPED_TRACE(folder.filename());
    EXPECT_EQ(count_parameters(open_checkpoint(folder).config),
              read_json_file(folder / "reference.json").at("parameters").get<int64_t>());
  }
}

TEST_F(LineageGoldens, Float64LogitsAreTheTruth) {
  for (const auto& folder : folders_) {
    SCOPED_TRACE(folder.filename());
    GoldenCase c(folder, NumberType::Float64);
    EXPECT_LE(max_difference(c.all_rows(), c.reference.tensor("logits_exact")), float64_tolerance);
  }
}

TEST_F(LineageGoldens, Float32LogitsEqualTheReference) {
  for (const auto& folder : folders_) {
    SCOPED_TRACE(folder.filename());
    GoldenCase c(folder, NumberType::Float32);
    const auto logits = c.all_rows();
    for (const auto* name : {"logits", "logits_exact"}) {
      const auto expected = c.reference.tensor(name);
      EXPECT_LE(max_difference(logits, expected), c.limit("max_abs_diff_fp32_fp64", "logits"));
      EXPECT_LE(rms_difference(logits, expected), c.limit("rms_diff_fp32_fp64", "logits"));
    }
  }
}

TEST_F(LineageGoldens, EveryMixerAndHiddenStateEqualsTheReference) {
  for (const auto& folder : folders_) {
    SCOPED_TRACE(folder.filename());
    GoldenCase c(folder, NumberType::Float32);
    const auto row = row_of(c.reference.tensor("input_ids"), 0);
    auto sequence = c.cache.new_sequence();
    const auto out = c.decoder.forward(row, {{{&sequence, static_cast<int64_t>(row.size())}}},
                                       {.keep_hidden = true});
    const auto check = [&](const at::Tensor& ours, const std::string& name) {
      EXPECT_LE(max_difference(ours, c.reference.tensor(name).select(0, 0)),
                c.limit("max_abs_diff_fp32_fp64", name.c_str()) + float64_tolerance)
          << name;
    };
    for (size_t i = 0; i < out.hidden_ND.size(); ++i) {
      check(out.hidden_ND[i], fmt::format("hidden.{}", i));
      check(out.mixed_ND[i], fmt::format("mixer.{}", i));
    }
    check(out.normed_ND, "hidden.norm");
  }
}

TEST_F(LineageGoldens, TokenByTokenAndInPiecesEqualsOneCall) {
  for (const auto& folder : folders_) {
    SCOPED_TRACE(folder.filename());
    GoldenCase c(folder, NumberType::Float32);
    const auto ids = row_of(c.reference.tensor("input_ids"), 0);
    EXPECT_LE(max_difference(c.in_pieces(ids, {1}), c.reference.tensor("step_logits").select(0, 0)),
              2 * c.limit("max_abs_diff_fp32_fp64", "logits"));
    const auto pieces = c.measured.at("pieces").get<std::vector<int64_t>>();
    EXPECT_LE(
        max_difference(c.in_pieces(ids, pieces), c.reference.tensor("logits_exact").select(0, 0)),
        float32_allowance * c.measured.at("max_abs_diff_pieces_full").get<double>());
    GoldenCase exact(folder, NumberType::Float64);
    const auto truth = exact.reference.tensor("logits_exact").select(0, 0);
    for (const auto& cut : {std::vector<int64_t>{1}, {3}, {2, 64, 1}, pieces}) {
      EXPECT_LE(max_difference(exact.in_pieces(ids, cut), truth), float64_tolerance);
    }
  }
}

/// What a layer remembers of one sequence, under the names of the reference.
struct Remembered {
  std::string name;
  at::Tensor tensor;
};

std::vector<Remembered> recurrent(size_t layer, at::Tensor tail_CD, at::Tensor state_HKV,
                                  bool state_is_transposed,
                                  const std::vector<std::pair<const char*, int64_t>>& convs) {
  std::vector<Remembered> all;
  int64_t first = 0;
  for (const auto& [name, channels] : convs) {
    all.push_back(
        {fmt::format("state.{}.{}", layer, name), tail_CD.narrow(1, first, channels).t()});
    first += channels;
  }
  all.push_back({fmt::format("state.{}.recurrent", layer),
                 state_is_transposed ? state_HKV.transpose(1, 2) : state_HKV});
  return all;
}

std::vector<Remembered> memory_of(GoldenCase& c, const SequenceCache& sequence, size_t i) {
  auto& pool = c.cache.pages(i);
  const auto part = [&](size_t p) { return pool.part(p).select(0, sequence.pages(i)[0]); };
  const auto latents = [&] {
    std::vector<at::Tensor> rows;
    for (const int32_t page : sequence.pages(i)) rows.push_back(pool.part(0).select(0, page));
    return at::cat(rows).narrow(0, 0, sequence.num_tokens()).squeeze(1);
  };
  return std::visit(
      overloaded{
          [](const AttentionSpec&) { return std::vector<Remembered>{}; },
          [&](const MlaSpec& s) {
            if (s.head_norms) return std::vector<Remembered>{};
            return std::vector<Remembered>{
                {fmt::format("state.{}.latent", i), latents().narrow(1, 0, s.latent_rank)},
                {fmt::format("state.{}.k_rope", i),
                 latents().narrow(1, s.latent_rank, s.rope_width)}};
          },
          [&](const Mamba2Spec& s) {
            return recurrent(i, part(0), part(1), true, {{"conv", s.conv_channels()}});
          },
          [&](const DiscreteMamba2Spec& s) {
            return recurrent(i, part(0), part(1), true, {{"conv", s.conv_channels()}});
          },
          [&](const GatedDeltaSpec& s) {
            const int64_t keys = s.num_key_heads * s.key_width;
            return recurrent(
                i, part(0), part(1), false,
                {{"conv_q", keys}, {"conv_k", keys}, {"conv_v", s.num_heads * s.value_width}});
          },
          [](const KimiDeltaSpec&) { return std::vector<Remembered>{}; },
          [&](const JetBlockSpec& s) {
            return recurrent(i, part(0), part(1), false, {{"conv", s.conv_channels()}});
          },
      },
      c.checkpoint.config.layers[i].mixer);
}

TEST_F(LineageGoldens, LatentsTailsAndStatesEqualTheReference) {
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
        for (const auto& [name, ours] : memory_of(c, sequence, i)) {
          auto theirs = c.reference.tensor(name).select(0, b);
          // The reference keeps one input more than the convolution will read again.
          if (name.find("conv") != std::string::npos) {
            theirs = theirs.narrow(1, 1, theirs.size(1) - 1);
          }
          EXPECT_LE(max_difference(ours, theirs),
                    c.limit("max_abs_diff_state_fp32_fp64", name.c_str()) + float64_tolerance)
              << name;
          ++compared;
        }
      }
    }
  }
  EXPECT_GE(compared, 60);
}

TEST_F(LineageGoldens, GreedyTokensEqualTheReference) {
  for (const auto& folder : folders_) {
    SCOPED_TRACE(folder.filename());
    GoldenCase c(folder, NumberType::Float64);
    auto tokens = row_of(c.reference.tensor("greedy.prompt"), 0);
    const auto expected = row_of(c.reference.tensor("greedy.tokens"), 0);
    const size_t prompt = tokens.size();
    auto sequence = c.cache.new_sequence();
    while (tokens.size() < prompt + expected.size()) {
      const auto fed = std::span(tokens).subspan(sequence.num_tokens());
      const auto out = c.decoder.forward(fed, {{{&sequence, static_cast<int64_t>(fed.size())}}});
      const auto logits = c.decoder.logits(out.normed_ND, kernels::RowGroups::Free);
      tokens.push_back(static_cast<int32_t>(at::argmax(logits[-1]).item<int64_t>()));
    }
    EXPECT_EQ(std::vector(tokens.begin() + static_cast<int64_t>(prompt), tokens.end()), expected);
  }
}

/// Expanded and absorbed, whatever the decoder would choose, give one set of logits.
TEST_F(LineageGoldens, FixedRowGroupsGiveTheTruthToo) {
  for (const auto& folder : folders_) {
    SCOPED_TRACE(folder.filename());
    GoldenCase c(folder, NumberType::Float64);
    const auto ids = row_of(c.reference.tensor("input_ids"), 0);
    auto sequence = c.cache.new_sequence();
    const auto out = c.decoder.forward(ids, {{{&sequence, static_cast<int64_t>(ids.size())}}},
                                       {.groups = kernels::RowGroups::Fixed});
    const auto logits = c.decoder.logits(out.normed_ND, kernels::RowGroups::Fixed);
    EXPECT_LE(max_difference(logits, c.reference.tensor("logits_exact").select(0, 0)),
              float64_tolerance);
  }
}

}  // namespace
}  // namespace hylo::models
