// The decoder against transformers on small random checkpoints: logits, hidden states, step by
// step.
#include <ATen/ops/argmax.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/max.h>
#include <ATen/ops/stack.h>
#include <ATen/ops/sub.h>
#include <gtest/gtest.h>

#include <cmath>

#include "harness/base/json.h"
#include "models/config/hf_config.h"
#include "models/decoder/decoder.h"
#include "models/weights/checkpoint.h"
#include "models/weights/safetensors.h"
#include "tests/support/test_data.h"

namespace hylo::models {
namespace {

using tests::golden;
using tests::skip_reason;

/// SOURCE.md of the goldens: about five times the library's own float32 error, as maximum and as
/// rms.
constexpr double float32_allowance = 5;
/// bfloat16: twice the error of the library's own bfloat16 run.
constexpr double bfloat16_allowance = 2;
/// The float64 reference is rounded to float32 at the end.
constexpr double float64_tolerance = 1e-6;

std::vector<int32_t> row_of(const at::Tensor& ids_BT, int64_t row) {
  const auto ids = ids_BT.select(0, row).contiguous();
  const auto* data = ids.const_data_ptr<int64_t>();
  return {data, data + ids.numel()};
}

double max_difference(const at::Tensor& a, const at::Tensor& b) {
  return at::sub(a.to(at::kDouble), b.to(at::kDouble)).abs().max().item<double>();
}

double rms_difference(const at::Tensor& a, const at::Tensor& b) {
  return std::sqrt(at::sub(a.to(at::kDouble), b.to(at::kDouble)).square().mean().item<double>());
}

/// Every checkpoint of the goldens whose family is known here.
std::vector<std::filesystem::path> known_checkpoints(const std::filesystem::path& root) {
  std::vector<std::filesystem::path> folders;
  for (const auto& entry : std::filesystem::directory_iterator(root)) {
    const auto file = entry.path() / "config.json";
    if (!std::filesystem::exists(file)) continue;
    const auto type = read_json_file(file).at("model_type").get<std::string>();
    if (type == "llama" || type == "mistral" || type == "qwen2" || type == "qwen3") {
      folders.push_back(entry.path());
    }
  }
  std::ranges::sort(folders);
  return folders;
}

struct Case {
  explicit Case(const std::filesystem::path& folder, NumberType type)
      : checkpoint(open_checkpoint(folder, {.type = type})),
        decoder(checkpoint.config, checkpoint.weights),
        cache(checkpoint.config, {.type = decoder.type(), .page_tokens = 16, .max_tokens = 4096}),
        reference(folder / "reference.safetensors"),
        measured(read_json_file(folder / "reference.json")) {}

  /// Logits of `ids` in calls of the given sizes; the last size repeats.
  at::Tensor in_pieces(const std::vector<int32_t>& ids, const std::vector<int64_t>& sizes) {
    auto sequence = cache.new_sequence();
    std::vector<at::Tensor> parts;
    size_t done = 0;
    for (size_t i = 0; done < ids.size(); ++i) {
      const auto n = std::min<size_t>(sizes[std::min(i, sizes.size() - 1)], ids.size() - done);
      const auto out =
          decoder.forward(std::span(ids).subspan(done, n), {{{&sequence, static_cast<int64_t>(n)}}},
                          {.rotary = rotary});
      parts.push_back(decoder.logits(out.normed_ND, kernels::RowGroups::Free));
      done += n;
    }
    return at::cat(parts);
  }

  at::Tensor all_rows() {
    const auto ids = reference.tensor("input_ids");
    std::vector<at::Tensor> rows;
    for (int64_t b = 0; b < ids.size(0); ++b) rows.push_back(in_pieces(row_of(ids, b), {100000}));
    return at::stack(rows);
  }

  double limit(const char* measure, const char* what) const {
    return float32_allowance * measured.at(measure).at(what).get<double>();
  }

  Checkpoint checkpoint;
  Decoder decoder;
  Cache cache;
  SafetensorsFile reference;
  Json measured;
  RotaryPrecision rotary = RotaryPrecision::Exact;
};

class DecoderGoldens : public ::testing::Test {
 protected:
  void SetUp() override {
    const auto root = golden("hf-goldens");
    if (!root) GTEST_SKIP() << skip_reason("HYLO_TEST_DATA", "hf-goldens");
    folders_ = known_checkpoints(*root);
    ASSERT_FALSE(folders_.empty()) << "no checkpoint of a known family in " << *root;
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
    Case c(folder, NumberType::Float64);
    EXPECT_LE(max_difference(c.all_rows(), c.reference.tensor("logits_exact")), float64_tolerance);
  }
}

TEST_F(DecoderGoldens, Float32LogitsEqualTheLibrarys) {
  for (const auto& folder : folders_) {
    for (const auto rotary : {RotaryPrecision::Exact, RotaryPrecision::Float32}) {
      SCOPED_TRACE(folder.filename());
      Case c(folder, NumberType::Float32);
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
    Case c(folder, NumberType::Float32);
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
    Case c(folder, NumberType::Float32);
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
    Case c(folder, NumberType::BFloat16);
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
    Case c(folder, NumberType::Float32);
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

}  // namespace
}  // namespace hylo::models
