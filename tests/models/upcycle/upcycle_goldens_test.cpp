// Students made from the goldens' teachers, against those that the sources' rules give.
#include <ATen/TensorOperators.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/matmul.h>
#include <gtest/gtest.h>

#include "models/upcycle/attention_to_mla.h"
#include "models/upcycle/initial_mixer.h"
#include "models/upcycle/mla_ranks.h"
#include "models/upcycle/svd.h"
#include "models/upcycle/upcycle.h"
#include "models/weights/hf_names.h"
#include "tests/models/upcycle/conversion_case.h"
#include "tests/support/test_data.h"

namespace hylo::models {
namespace {

using hylo::tests::golden;
using hylo::tests::skip_reason;
using namespace tests;  // NOLINT: the whole header is for tests like these

/// Of a float64 value rounded to float32, relative to values of a few units.
constexpr double rounding = 2e-6;

class UpcycleGoldens : public ::testing::Test {
 protected:
  void SetUp() override {
    const auto root = golden("lineage-goldens/convert");
    if (!root) GTEST_SKIP() << skip_reason("HYLO_TEST_DATA", "lineage-goldens");
    for (const auto& folder : checkpoints_of(*root)) {
      if (std::filesystem::exists(folder / "student.safetensors")) folders_.push_back(folder);
    }
    ASSERT_EQ(folders_.size(), 10U) << *root;
    ranks_ = *root / "dynamic_ranks.json";
  }
  std::vector<std::filesystem::path> folders_;
  std::filesystem::path ranks_;
};

at::Tensor query_product(const MlaWeights& w) {
  if (w.query.weight_OI.defined()) return w.query.weight_OI;
  return at::matmul(w.query_up.weight_OI.to(at::kDouble), w.query_down.weight_OI.to(at::kDouble));
}
at::Tensor latent_product(const MlaSpec& s, const MlaWeights& w) {
  const auto latent = w.latent_down.weight_OI.narrow(0, 0, s.latent_rank);
  return at::matmul(w.latent_up.weight_OI.to(at::kDouble), latent.to(at::kDouble));
}

TEST_F(UpcycleGoldens, ProductsOfTheFactorsEqualTheReference) {
  int compared = 0;
  for (const auto& folder : folders_) {
    SCOPED_TRACE(folder.filename());
    const ConversionCase c(folder);
    for (size_t i = 0; i < c.config.layers.size(); ++i) {
      const auto* s = c.mla(i);
      if (!s) continue;
      const auto check = [&](const at::Tensor& ours, const std::string& name) {
        EXPECT_LE(max_difference(ours, c.reference.tensor(name)), rounding) << name;
        ++compared;
      };
      const auto query = query_product(c.mla_weights(i));
      if (c.rope_rows == RopeRows::Filled) {
        check(query, fmt::format("q_product.{}", i));
      } else {
        const auto heads = query.unflatten(0, {s->num_heads, -1});
        check(heads.narrow(1, 0, s->nope_width).flatten(0, 1), fmt::format("q_product_nope.{}", i));
      }
      check(latent_product(*s, c.mla_weights(i)), fmt::format("kv_product.{}", i));
    }
  }
  EXPECT_EQ(compared, 40);
}

TEST_F(UpcycleGoldens, SingularValuesEqualTheReference) {
  int compared = 0;
  for (const auto& folder : folders_) {
    SCOPED_TRACE(folder.filename());
    const ConversionCase c(folder);
    for (size_t i = 0; i < c.config.layers.size(); ++i) {
      if (!c.mla(i)) continue;
      const auto check = [&](const at::Tensor& weight, const std::string& name) {
        if (!c.reference.entries().contains(name)) return;
        const auto theirs = c.reference.tensor(name);
        EXPECT_LE(max_difference(singular_values(weight).narrow(0, 0, theirs.size(0)), theirs),
                  rounding)
            << name;
        ++compared;
      };
      const auto teacher = c.attention_teacher(i);
      check(teacher.weights.query.weight_OI, fmt::format("q_singular.{}", i));
      check(stacked_keys_and_values(teacher, c.mla(i)->num_kv_heads),
            fmt::format("kv_singular.{}", i));
    }
  }
  EXPECT_EQ(compared, 37);
}

/// What is copied is the same to the bit; what is decomposed is rounded to float32 once.
TEST_F(UpcycleGoldens, TensorsThatTheConversionWritesEqualTheStoredStudents) {
  int copied = 0, decomposed = 0;
  for (const auto& folder : folders_) {
    SCOPED_TRACE(folder.filename());
    const ConversionCase c(folder);
    for (size_t i = 0; i < c.config.layers.size(); ++i) {
      const bool is_mla = c.mla(i) != nullptr;
      visit_stored(c.config, i, c.weights.layers[i].mixer,
                   [&](const WeightSlot& slot, const at::Tensor& ours, const std::string& name) {
                     if (!c.stored.entries().contains(name)) return;
                     const auto theirs = c.stored.tensor(name).view(slot.shape);
                     const bool factor = is_mla && (name.find("_a_proj") != std::string::npos ||
                                                    name.find("_b_proj") != std::string::npos);
                     EXPECT_EQ(max_difference(ours, theirs), 0) << name;
                     ++(factor ? decomposed : copied);
                   });
    }
  }
  EXPECT_EQ(copied, 53);
  EXPECT_EQ(decomposed, 74);
}

/// On the teacher's tokens, of a student that was never rounded to float32.
TEST_F(UpcycleGoldens, Float64LogitsAndMixersOfTheUntrainedStudentAreTheTruth) {
  for (const auto& folder : folders_) {
    SCOPED_TRACE(folder.filename());
    const ConversionCase c(folder, NumberType::Float64);
    const Decoder decoder(c.config, c.weights);
    const auto ids =
        SafetensorsFile(c.teacher.folder / "reference.safetensors").tensor("input_ids");
    for (int64_t b = 0; b < ids.size(0); ++b) {
      const auto row = row_of(ids, b);
      const auto out = decoder.forward(row, {{{nullptr, std::ssize(row)}}}, {.keep_hidden = true});
      EXPECT_LE(max_difference(decoder.logits(out.normed_ND, kernels::RowGroups::Free),
                               c.reference.tensor("logits_exact").select(0, b)),
                float64_tolerance);
      if (b > 0) continue;
      for (size_t i = 0; i < out.mixed_ND.size(); ++i) {
        EXPECT_LE(max_difference(out.mixed_ND[i],
                                 c.reference.tensor(fmt::format("mixer.{}", i)).select(0, 0)),
                  float64_tolerance)
            << i;
      }
    }
  }
}

TEST_F(UpcycleGoldens, Float32LogitsAreWithinTheReferencesOwnError) {
  for (const auto& folder : folders_) {
    SCOPED_TRACE(folder.filename());
    const ConversionCase c(folder);
    const auto& measured = c.measured.at("max_abs_diff_fp32_fp64");
    if (!measured.contains("logits")) continue;  // rows that met another basis of the latent
    const auto tolerance = float32_allowance * measured.at("logits").get<double>();
    const Decoder decoder(c.config, c.weights);
    const auto ids =
        SafetensorsFile(c.teacher.folder / "reference.safetensors").tensor("input_ids");
    for (int64_t b = 0; b < ids.size(0); ++b) {
      const auto row = row_of(ids, b);
      const auto out = decoder.forward(row, {{{nullptr, std::ssize(row)}}});
      EXPECT_LE(max_difference(decoder.logits(out.normed_ND, kernels::RowGroups::Free),
                               c.reference.tensor("logits_exact").select(0, b)),
                tolerance);
    }
  }
}

TEST_F(UpcycleGoldens, RanksByEnergyEqualTheReference) {
  const auto expected = read_json_file(ranks_);
  const auto teacher =
      open_checkpoint(ranks_.parent_path() / expected.at("teacher").get<std::string>());
  int compared = 0;
  for (const auto& [layer, by_energy] : expected.at("ranks").items()) {
    const auto i = std::stoul(layer);
    const AttentionTeacher attention{std::get<AttentionSpec>(teacher.config.layers[i].mixer),
                                     std::get<AttentionWeights>(teacher.weights.layers[i].mixer)};
    for (const auto& [energy, ranks] : by_energy.items()) {
      EXPECT_EQ(ranks_by_energy(attention, std::stod(energy)),
                (MlaRanks{.query_rank = ranks.at("q_rank").get<int64_t>(),
                          .latent_rank = ranks.at("kv_rank").get<int64_t>()}))
          << layer << " " << energy;
      ++compared;
    }
  }
  EXPECT_EQ(compared, 21);
}

}  // namespace
}  // namespace hylo::models
