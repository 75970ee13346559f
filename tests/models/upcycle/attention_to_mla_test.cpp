// Attention to MLA: by hand, and what must hold at full rank.
#include "models/upcycle/attention_to_mla.h"

#include <ATen/ops/cat.h>
#include <ATen/ops/matmul.h>
#include <ATen/ops/stack.h>
#include <ATen/ops/zeros.h>
#include <gmock/gmock.h>

#include "models/decoder/decoder.h"
#include "models/upcycle/initial_mixer.h"
#include "tests/models/upcycle/tiny_attention.h"
#include "tests/support/test_data.h"

namespace hylo::models {
namespace {

using hylo::tests::error_of;
using ::testing::HasSubstr;
using namespace tests;  // NOLINT: the whole header is for tests like these

at::Tensor product(const LinearWeights& up, const at::Tensor& down) {
  return at::matmul(up.weight_OI, down);
}
at::Tensor query_product(const MlaWeights& w) {
  return product(w.query_up, w.query_down.weight_OI);
}
at::Tensor latent_product(const MlaSpec& s, const MlaWeights& w) {
  return product(w.latent_up, w.latent_down.weight_OI.narrow(0, 0, s.latent_rank));
}

MlaWeights initial_of(const MlaSpec& spec, int64_t width) {
  return std::get<MlaWeights>(initial_mixer(spec, "layers.0.mixer", width, at::kDouble, 1));
}

/// Two heads of width 4, a model of width 2.
const AttentionSpec two_heads{.num_heads = 2, .num_kv_heads = 2, .head_width = 4};
AttentionWeights two_heads_by_hand() {
  AttentionWeights w;
  // Columns are orthogonal: singular values 5 and 2, right vectors the axes.
  w.query.weight_OI = matrix({3, 0, 0, 0, 0, 0, 0, 2, /**/ 4, 0, 0, 0, 0, 0, 0, 0}, 2);
  // Keys and values together: singular values 10 and 3.
  w.key.weight_OI = matrix({6, 0, 0, 0, 0, 0, 0, 1, /**/ 0, 0, 0, 2, 0, 0, 0, 0}, 2);
  w.value.weight_OI = matrix({8, 0, 0, 0, 0, 0, 0, 0, /**/ 0, 0, 0, 2, 0, 0, 0, 0}, 2);
  w.output.weight_OI = matrix({0, 1, 2, 3, 4, 5, 6, 7, /**/ 8, 9, 10, 11, 12, 13, 14, 15}, 8);
  return w;
}
const MlaSpec one_rank{.num_heads = 2,
                       .num_kv_heads = 2,
                       .latent_rank = 1,
                       .query_rank = 1,
                       .nope_width = 1,
                       .rope_width = 2,
                       .value_width = 3,
                       .scale = 1};

TEST(AttentionToMla, TheLargestSingularValueStaysAndLiesInTheDownProjection) {
  const auto teacher = two_heads_by_hand();
  const auto student =
      attention_to_mla({two_heads, teacher}, one_rank, initial_of(one_rank, 2), RopeRows::Filled);
  EXPECT_LT(max_gap(student.query_down.weight_OI, matrix({5, 0}, 2)), 1e-12);
  // Row 0 of each head, then rows 2 and 3.
  EXPECT_LT(max_gap(student.query_up.weight_OI, matrix({0.6, 0, 0, /**/ 0.8, 0, 0}, 1)), 1e-12);
  // The latent, then the mean of rows 2 and 3 of both key heads.
  EXPECT_LT(max_gap(student.latent_down.weight_OI, matrix({10, 0, /**/ 0, 0, 0, 0.5}, 2)), 1e-12);
  // Per head: a key row, three value rows.
  EXPECT_LT(max_gap(student.latent_up.weight_OI, matrix({0.6, 0.8, 0, 0, /**/ 0, 0, 0, 0}, 1)),
            1e-12);
  // Columns of the values that are kept, three of each head.
  EXPECT_TRUE(at::equal(student.output.weight_OI,
                        matrix({0, 1, 2, 4, 5, 6, /**/ 8, 9, 10, 12, 13, 14}, 6)));
}

TEST(AttentionToMla, KeptRopeRowsAreThoseItWasInitialisedWith) {
  const auto teacher = two_heads_by_hand();
  const auto initial = initial_of(one_rank, 2);
  const auto student = attention_to_mla({two_heads, teacher}, one_rank, initial, RopeRows::Kept);
  const auto rope = [](const at::Tensor& up_OR) { return up_OR.view({2, 3, 1}).narrow(1, 1, 2); };
  EXPECT_TRUE(at::equal(rope(student.query_up.weight_OI), rope(initial.query_up.weight_OI)));
  EXPECT_TRUE(at::equal(student.latent_down.weight_OI.narrow(0, 1, 2),
                        initial.latent_down.weight_OI.narrow(0, 1, 2)));
  EXPECT_LT(max_gap(student.latent_down.weight_OI[0], matrix({10, 0}, 2)), 1e-12);
}

TEST(AttentionToMla, WithoutQueryCompressionRowsOfQueriesAreCopied) {
  const auto teacher = two_heads_by_hand();
  auto spec = one_rank;
  spec.query_rank = 0;
  const auto student =
      attention_to_mla({two_heads, teacher}, spec, initial_of(spec, 2), RopeRows::Filled);
  EXPECT_TRUE(
      at::equal(student.query.weight_OI, matrix({3, 0, 0, 0, 0, 2, /**/ 4, 0, 0, 0, 0, 0}, 2)));
  EXPECT_FALSE(student.query_up.weight_OI.defined());
}

TEST(AttentionToMla, AtFullRankProductsAreTheTeachersProjections) {
  const auto config = dense_teacher(grouped, 1);
  const auto weights = random_weights(config, NumberType::Float64, 4);
  const auto& teacher = mixer_of<AttentionWeights>(weights, 0);
  const auto spec = mla_of_grouped(15, 15);
  const auto student =
      attention_to_mla({grouped, teacher}, spec, initial_of(spec, 15), RopeRows::Filled);
  EXPECT_LT(max_gap(query_product(student), teacher.query.weight_OI), 1e-13);
  const auto heads_GOD = latent_product(spec, student).view({2, 10, 15});
  const auto keys_GKD = teacher.key.weight_OI.view({2, 6, 15});
  EXPECT_LT(max_gap(heads_GOD.narrow(1, 0, 4), keys_GKD.narrow(1, 0, 4)), 1e-13);
  EXPECT_LT(max_gap(heads_GOD.narrow(1, 4, 6), teacher.value.weight_OI.view({2, 6, 15})), 1e-13);
  EXPECT_TRUE(at::equal(student.output.weight_OI, teacher.output.weight_OI));
}

TEST(AttentionToMla, RepeatedHeadsHaveTheProductsOfTheTeachersHeads) {
  const auto config = dense_teacher(grouped, 1);
  const auto weights = random_weights(config, NumberType::Float64, 4);
  const auto& teacher = mixer_of<AttentionWeights>(weights, 0);
  auto spec = mla_of_grouped(15, 15);
  spec.num_kv_heads = 4;
  const auto student =
      attention_to_mla({grouped, teacher}, spec, initial_of(spec, 15), RopeRows::Filled);
  const auto heads_HOD = latent_product(spec, student).view({4, 10, 15});
  const auto values_GVD = teacher.value.weight_OI.view({2, 6, 15});
  for (int64_t head = 0; head < 4; ++head) {
    EXPECT_LT(max_gap(heads_HOD[head].narrow(0, 4, 6), values_GVD[head / 2]), 1e-13);
  }
}

/// The largest difference of logits between a teacher with one key head, which all MLA heads may
/// share, and its student of full rank; no positions in either.
double full_rank_difference(NumberType type) {
  const AttentionSpec one_key_head{.num_heads = 3, .num_kv_heads = 1, .head_width = 6};
  const MlaSpec mla{.num_heads = 3,
                    .num_kv_heads = 1,
                    .latent_rank = 12,
                    .query_rank = 15,
                    .nope_width = 4,
                    .rope_width = 2,
                    .value_width = 6,
                    .scale = std::pow(6, -0.5)};
  const auto teacher = dense_teacher(one_key_head, 3);
  auto student = teacher;
  for (auto& layer : student.layers) layer.mixer = mla;
  const auto weights = random_weights(teacher, type, 8);
  const auto tokens = random_tokens(50, 2);
  const auto logits = [&](const ModelConfig& config, const ModelWeights& w) {
    const Decoder decoder(config, w);
    return decoder.logits(decoder.forward(tokens, {{{nullptr, 50}}}).normed_ND,
                          kernels::RowGroups::Free);
  };
  return max_gap(logits(teacher, weights), logits(student, upcycle(teacher, weights, student)));
}

TEST(AttentionToMla, AtFullRankWithoutPositionsTheLogitsAreTheTeachers) {
  EXPECT_LT(full_rank_difference(NumberType::Float32), 1e-4);
  EXPECT_LT(full_rank_difference(NumberType::Float64), 1e-9);
}

TEST(AttentionToMla, NormsOfHeadsAreCopiedAndTheOutputsBiasToo) {
  auto spec = two_heads;
  spec.head_norms = HeadNorms::PerHead;
  spec.input_bias = spec.output_bias = true;
  auto teacher = two_heads_by_hand();
  teacher.query_norm = at::tensor({1.0, 2.0, 3.0, 4.0});
  teacher.key_norm = at::tensor({5.0, 6.0, 7.0, 8.0});
  teacher.output.bias_O = at::tensor({1.0, -1.0});
  auto mla = one_rank;
  mla.head_norms = mla.bias = true;
  const auto student = attention_to_mla({spec, teacher}, mla, initial_of(mla, 2), RopeRows::Filled);
  EXPECT_TRUE(at::equal(student.query_norm_K, at::tensor({1.0, 3.0, 4.0})));
  EXPECT_TRUE(at::equal(student.key_norm_K, at::tensor({5.0, 7.0, 8.0})));
  EXPECT_TRUE(at::equal(student.output.bias_O, teacher.output.bias_O));
  EXPECT_TRUE(at::equal(student.query_down.bias_O, at::zeros({1}, at::kDouble)));
  EXPECT_TRUE(at::equal(student.latent_down.bias_O, at::zeros({3}, at::kDouble)));
}

TEST(AttentionToMla, ShapesThatDoNotFollowAreRefused) {
  const auto refusal = [](auto change) {
    auto spec = mla_of_grouped(15, 15);
    change(spec);
    return error_of([&] { check_attention_to_mla(grouped, spec, 15, "layers.3.mixer"); });
  };
  EXPECT_EQ(refusal([](MlaSpec& s) { s.num_heads = 8; }),
            "layers.3.mixer.num_heads: expected the teacher's 4, found 8");
  EXPECT_EQ(refusal([](MlaSpec& s) { s.num_kv_heads = 1; }),
            "layers.3.mixer.num_kv_heads: expected a multiple of the teacher's 2, found 1");
  EXPECT_THAT(refusal([](MlaSpec& s) { s.rope_width = 4; }),
              HasSubstr("expected at most the teacher's head_width 6, found 4 + 4"));
  EXPECT_THAT(refusal([](MlaSpec& s) { s.value_width = 7; }),
              HasSubstr("value_width: expected at most the teacher's head_width 6, found 7"));
  EXPECT_EQ(refusal([](MlaSpec& s) { s.query_rank = 16; }),
            "layers.3.mixer.query_rank: a matrix of 24 x 15 has rank 15 at most, found 16");
  EXPECT_THAT(refusal([](MlaSpec& s) { s.latent_rank = 16; }), HasSubstr("latent_rank"));
  EXPECT_THAT(refusal([](MlaSpec& s) { s.head_norms = true; }),
              HasSubstr("head_norms: the teacher has no norms of single heads to copy"));
}

}  // namespace
}  // namespace hylo::models
