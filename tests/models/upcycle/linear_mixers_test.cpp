// Attention to the recurrent mixers: which rows come from where, and what is left as it was.
#include <ATen/ops/cat.h>
#include <gmock/gmock.h>

#include "models/upcycle/attention_to_discrete_mamba2.h"
#include "models/upcycle/attention_to_gated_delta.h"
#include "models/upcycle/attention_to_jet_block.h"
#include "models/upcycle/attention_to_mamba2.h"
#include "models/upcycle/initial_mixer.h"
#include "tests/models/upcycle/tiny_attention.h"
#include "tests/support/test_data.h"

namespace hylo::models {
namespace {

using hylo::tests::error_of;
using namespace tests;  // NOLINT: the whole header is for tests like these

constexpr int64_t width = 15;

/// A layer of `grouped`: 24 rows of queries, 12 of keys and of values.
class LinearMixers : public ::testing::Test {
 protected:
  ModelWeights model_ = random_weights(dense_teacher(grouped, 1), NumberType::Float32, 11);
  const AttentionWeights& own_ = mixer_of<AttentionWeights>(model_, 0);
  AttentionTeacher teacher_{grouped, own_};

  template <class Spec>
  static auto initial(const Spec& spec) {
    return std::get<typename WeightsOf<Spec>::type>(
        initial_mixer(spec, "layers.0.mixer", width, at::kFloat, 2));
  }
};

at::Tensor rows(const at::Tensor& tensor, int64_t begin, int64_t count) {
  return tensor.narrow(0, begin, count);
}

TEST_F(LinearMixers, RepeatedHeadsStandOneAfterTheOther) {
  EXPECT_TRUE(
      at::equal(repeat_heads(matrix({1, 2, 3, 4}, 1), 2, 2), matrix({1, 2, 1, 2, 3, 4, 3, 4}, 1)));
}

TEST_F(LinearMixers, AnOverlayReplacesWhatBothHave) {
  EXPECT_TRUE(at::equal(overlay(matrix({1, 2, 3}, 1), matrix({7, 8}, 1), 0), matrix({7, 8, 3}, 1)));
  EXPECT_TRUE(at::equal(overlay(matrix({1, 2}, 1), matrix({7, 8, 9}, 1), 0), matrix({7, 8}, 1)));
  EXPECT_TRUE(at::equal(overlay(matrix({1, 2, 3}, 3), matrix({7}, 1), 1), matrix({7, 2, 3}, 3)));
}

TEST_F(LinearMixers, Mamba2TakesXFromVBFromKCFromQ) {
  const Mamba2Spec spec{.num_heads = 4,
                        .num_value_heads = 2,
                        .num_key_heads = 2,
                        .num_query_heads = 4,
                        .key_width = 6,
                        .value_width = 6,
                        .norm_groups = 4};
  check_attention_to_mamba2(grouped, spec, "layers.0.mixer");
  const auto before = initial(spec);
  const auto after = attention_to_mamba2(teacher_, spec, before);
  const auto& input = after.input.weight_OI;
  EXPECT_EQ(input.sizes(), before.input.weight_OI.sizes());
  EXPECT_TRUE(at::equal(rows(input, 0, 24), rows(before.input.weight_OI, 0, 24)));
  EXPECT_TRUE(at::equal(rows(input, 24, 12), own_.value.weight_OI));
  EXPECT_TRUE(at::equal(rows(input, 36, 12), own_.key.weight_OI));
  EXPECT_TRUE(at::equal(rows(input, 48, 24), own_.query.weight_OI));
  EXPECT_TRUE(at::equal(rows(input, 72, 4), rows(before.input.weight_OI, 72, 4)));
  EXPECT_TRUE(at::equal(after.output.weight_OI, own_.output.weight_OI));
  EXPECT_TRUE(at::equal(after.conv.weight_DC, before.conv.weight_DC));
}

TEST_F(LinearMixers, Mamba2OfMoreKeyAndValueHeadsHasTheTeachersRepeated) {
  const Mamba2Spec spec{.num_heads = 4,
                        .num_value_heads = 4,
                        .num_key_heads = 2,
                        .num_query_heads = 4,
                        .key_width = 6,
                        .value_width = 6};
  const auto after = attention_to_mamba2(teacher_, spec, initial(spec));
  EXPECT_TRUE(at::equal(rows(after.input.weight_OI, 24, 24), expanded_values(teacher_)));
  EXPECT_TRUE(at::equal(rows(after.input.weight_OI, 48, 12), own_.key.weight_OI));
}

TEST_F(LinearMixers, Mamba2OfOtherHeadsIsRefused) {
  const Mamba2Spec fits{.num_heads = 4,
                        .num_value_heads = 2,
                        .num_key_heads = 2,
                        .num_query_heads = 4,
                        .key_width = 6,
                        .value_width = 6};
  const auto refusal = [&](auto change) {
    auto spec = fits;
    change(spec);
    return error_of([&] { check_attention_to_mamba2(grouped, spec, "layers.1.mixer"); });
  };
  EXPECT_EQ(refusal([](Mamba2Spec& s) { s.key_width = 8; }),
            "layers.1.mixer.key_width: expected the teacher's 6, found 8");
  EXPECT_EQ(refusal([](Mamba2Spec& s) { s.num_query_heads = 2; }),
            "layers.1.mixer.num_query_heads: expected the teacher's 4, found 2");
  EXPECT_EQ(refusal([](Mamba2Spec& s) { s.num_key_heads = 1; }),
            "layers.1.mixer.num_key_heads: expected a multiple of the teacher's 2, found 1");
}

TEST_F(LinearMixers, GatedDeltaTakesTheFirstRowsOfNarrowKeysAndFillsHalfOfWideValues) {
  const GatedDeltaSpec spec{
      .num_key_heads = 2, .num_heads = 2, .key_width = 9, .value_width = 18};  // 18 and 36 rows
  const auto before = initial(spec);
  const auto after = attention_to_gated_delta(teacher_, before);
  EXPECT_TRUE(at::equal(after.query.weight_OI, rows(own_.query.weight_OI, 0, 18)));
  EXPECT_TRUE(at::equal(after.key.weight_OI, rows(expanded_keys(teacher_), 0, 18)));
  EXPECT_TRUE(at::equal(rows(after.value.weight_OI, 0, 24), expanded_values(teacher_)));
  EXPECT_TRUE(at::equal(rows(after.value.weight_OI, 24, 12), rows(before.value.weight_OI, 24, 12)));
  EXPECT_TRUE(at::equal(after.output.weight_OI.narrow(1, 0, 24), own_.output.weight_OI));
  EXPECT_TRUE(at::equal(after.output.weight_OI.narrow(1, 24, 12),
                        before.output.weight_OI.narrow(1, 24, 12)));
  EXPECT_TRUE(at::equal(after.gate.weight_OI, before.gate.weight_OI));
  EXPECT_TRUE(at::equal(after.a_log_H, before.a_log_H));
}

TEST_F(LinearMixers, GatedDeltaWithPackedProjectionsIsRefused) {
  EXPECT_THAT(error_of([] {
                check_attention_to_gated_delta({.grouped_projections = true}, "layers.2.mixer");
              }),
              ::testing::HasSubstr("layers.2.mixer.grouped_projections"));
}

TEST_F(LinearMixers, JetBlockTakesWhatGatedDeltaTakes) {
  const JetBlockSpec spec{.num_heads = 2, .key_width = 9, .value_width = 18, .generator_width = 4};
  const auto before = initial(spec);
  const auto after = attention_to_jet_block(teacher_, before);
  EXPECT_TRUE(at::equal(after.query.weight_OI, rows(own_.query.weight_OI, 0, 18)));
  EXPECT_TRUE(at::equal(after.key.weight_OI, rows(expanded_keys(teacher_), 0, 18)));
  EXPECT_TRUE(at::equal(rows(after.value.weight_OI, 0, 24), expanded_values(teacher_)));
  EXPECT_TRUE(at::equal(after.output.weight_OI.narrow(1, 0, 24), own_.output.weight_OI));
  EXPECT_TRUE(at::equal(after.generator_up.bias_O, before.generator_up.bias_O));
}

TEST_F(LinearMixers, DiscreteMamba2OfTheTeachersHeadsHasTheRowsOfMamba2) {
  const DiscreteMamba2Spec spec{
      .num_heads = 4, .num_key_heads = 4, .key_width = 6, .value_width = 6};
  const auto before = initial(spec);
  const auto after = attention_to_discrete_mamba2(teacher_, spec, before);
  const auto& input = after.input.weight_OI;
  EXPECT_TRUE(at::equal(rows(input, 0, 24), expanded_values(teacher_)));
  EXPECT_TRUE(at::equal(rows(input, 24, 24), expanded_keys(teacher_)));
  EXPECT_TRUE(at::equal(rows(input, 48, 24), own_.query.weight_OI));
  EXPECT_TRUE(at::equal(rows(input, 72, 28), rows(before.input.weight_OI, 72, 28)));
  EXPECT_TRUE(at::equal(after.output.weight_OI, own_.output.weight_OI));
}

TEST_F(LinearMixers, DiscreteMamba2OfOtherHeadsTakesTheFirstRows) {
  const DiscreteMamba2Spec spec{
      .num_heads = 4, .num_key_heads = 2, .key_width = 5, .value_width = 7};
  const auto before = initial(spec);
  const auto after = attention_to_discrete_mamba2(teacher_, spec, before);
  const auto& input = after.input.weight_OI;
  EXPECT_TRUE(at::equal(rows(input, 0, 24), expanded_values(teacher_)));
  EXPECT_TRUE(at::equal(rows(input, 24, 4), rows(before.input.weight_OI, 24, 4)));
  EXPECT_TRUE(at::equal(rows(input, 28, 10), rows(expanded_keys(teacher_), 0, 10)));
  EXPECT_TRUE(at::equal(rows(input, 38, 10), rows(own_.query.weight_OI, 0, 10)));
}

}  // namespace
}  // namespace hylo::models
