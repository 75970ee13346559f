// What a stage is planned to take: operations by hand, memory that adds up.
#include "models/distill/plan.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "models/distill/devices.h"
#include "tests/support/test_data.h"

namespace hylo::models {
namespace {

using ::hylo::tests::error_of;

/// One layer: attention of one head of 4, a feed-forward of 8, 32 tokens.
ModelConfig tiny() {
  return {.backbone = {},
          .vocabulary_size = 32,
          .width = 4,
          .layers = {{AttentionSpec{.num_heads = 1, .num_kv_heads = 1, .head_width = 4},
                      SwiGluSpec{.width = 8}}},
          .final_norm_epsilon = {},
          .bos = {},
          .eos = {},
          .pad = {}};
}

/// Of one row that has a label.
StageFlop flop_of(const Stage& stage, const StageModels& models) {
  return flop_of_row(stage, models).of(1, 1);
}

Stage stage_of(const Objective& objective) {
  return {.name = "stage",
          .objective = objective,
          .steps = 10,
          .context_length = 16,
          .tokens_per_step = 64,
          .tokens_per_pass = 32};
}

// Four projections of 4 x 4 and three of 4 x 8 are 160 multiplications and additions; a query
// sees 8 keys on average, whose scores and values take 2 x 2 x 4 x 8.
TEST(TrainingFlop, OfALayerWorkedByHand) {
  EXPECT_EQ(layer_flop(tiny(), 0, 16), 2 * 160 + 128);
  EXPECT_EQ(head_flop(tiny()), 2 * 4 * 32);
}

TEST(TrainingFlop, AWindowBoundsWhatAttentionSees) {
  auto config = tiny();
  std::get<AttentionSpec>(config.layers[0].mixer).window = 2;
  EXPECT_EQ(layer_flop(config, 0, 16), 2 * 160 + 2 * 2 * 4 * 2);
}

TEST(TrainingFlop, ARowMeetsTheExpertsThatItIsSentToOnly) {
  auto dense = tiny(), sparse = tiny();
  dense.layers[0].feed_forward = SwiGluSpec{.width = 16};
  sparse.layers[0].feed_forward = MoeSpec{.num_experts = 6, .experts_per_token = 2, .width = 8};
  constexpr double router = 2 * 4 * 6;
  EXPECT_NEAR(layer_flop(sparse, 0, 16), layer_flop(dense, 0, 16) + router, 1e-9);
}

TEST(TrainingFlop, BackwardIsTwiceForwardAndTheTeacherOnlyGoesForward) {
  const auto config = tiny();
  auto stage = stage_of(DistilLogits{});
  stage.recompute_layers = true;
  const auto flop = flop_of(stage, {config, &config});
  EXPECT_EQ(flop.forward, 448 + 256);
  EXPECT_EQ(flop.backward, 2 * flop.forward);
  EXPECT_EQ(flop.recomputation, 448);
  EXPECT_EQ(flop.teacher, flop.forward);
}

TEST(TrainingFlop, AlignmentLeavesLayersOfTheBaseAloneAndMeetsNoHead) {
  const auto base = tiny();
  auto student = tiny();
  EXPECT_EQ(flop_of(stage_of(AlignLayers{}), {student, &base}).forward, 0);
  student.layers[0].mixer = Mamba2Spec{.num_heads = 1,
                                       .num_value_heads = 1,
                                       .num_key_heads = 1,
                                       .num_query_heads = 1,
                                       .key_width = 4,
                                       .value_width = 4};
  const auto flop = flop_of(stage_of(AlignLayers{}), {student, &base});
  EXPECT_EQ(flop.forward, layer_flop(student, 0, 16));
  EXPECT_EQ(flop.teacher, 448);
}

// Kept logits need no teacher; preferences meet the head for the slopes and for the gradients.
TEST(TrainingFlop, KeptLogitsHaveNoTeacherAndPreferencesTwoHeads) {
  const auto config = tiny();
  const StageModels models{.student = config, .base = &config, .teacher = &config};
  EXPECT_EQ(flop_of(stage_of(DistilLogits{.top_k = 4}), models).teacher, 0);
  const auto once = flop_of(stage_of(NextToken{}), models);
  const auto twice = flop_of(stage_of(Prefer{}), models);
  EXPECT_EQ(twice.forward - once.forward, head_flop(config));
  EXPECT_EQ(twice.backward, once.backward);
}

TEST(TrainingFlop, TwoLossesWalkOverTheLogitsTwice) {
  const auto config = tiny();
  const StageModels models{.student = config, .base = &config, .teacher = &config};
  const auto one = flop_of(stage_of(DistilLogits{}), models);
  const auto two = flop_of(stage_of(DistilLogits{.ce_weight = 1}), models);
  EXPECT_EQ(two.forward + two.backward - one.forward - one.backward, 3 * head_flop(config));
}

// A layer takes 448, the head 256: forward once, backward twice.
TEST(TrainingFlop, RowsWithoutALabelFormNoLogits) {
  const auto config = tiny();
  const auto flop = flop_of_row(stage_of(NextToken{}), {config}).of(10, 4);
  EXPECT_EQ(flop.forward, 10 * 448 + 4 * 256);
  EXPECT_EQ(flop.backward, 2 * flop.forward);
}

TEST(TrainingFlop, ADivergenceOfLabelsAloneFormsNoLogitsOfOtherRowsNorDoesItsTeacher) {
  const auto config = tiny();
  const StageModels models{.student = config, .base = &config, .teacher = &config};
  const auto of = [&](const DistilLogits& objective) {
    return flop_of_row(stage_of(objective), models).of(10, 4);
  };
  EXPECT_EQ(of({}).forward, 10 * (448 + 256));
  EXPECT_EQ(of({}).teacher, 10 * (448 + 256));
  EXPECT_EQ(of({.ce_weight = 1}).forward, 10 * (448 + 256) + 4 * 256);
  EXPECT_EQ(of({.only_labels = true}).forward, 10 * 448 + 4 * 256);
  EXPECT_EQ(of({.only_labels = true}).teacher, 10 * 448 + 4 * 256);
}

TEST(TrainingFlop, LabelsDecideWhereCrossEntropyIsOrADivergenceOfLabelsAlone) {
  EXPECT_TRUE(labels_decide_logits(NextToken{}));
  EXPECT_TRUE(labels_decide_logits(DistilLogits{.ce_weight = 0.5}));
  EXPECT_TRUE(labels_decide_logits(DistilLogits{.only_labels = true}));
  EXPECT_FALSE(labels_decide_logits(DistilLogits{}));
  EXPECT_FALSE(labels_decide_logits(Prefer{}));
  EXPECT_FALSE(labels_decide_logits(AlignLayers{}));
}

// The reference is asked before the first step.
TEST(TrainingFlop, StepsOfPreferencesHaveNoTeacher) {
  const auto config = tiny();
  const StageModels models{.student = config, .base = &config, .teacher = &config};
  const Prefer objective{.reference = Prefer::Reference::Teacher};
  EXPECT_EQ(flop_of(stage_of(objective), models).teacher, 0);
}

Mamba2Spec mamba2_of(int64_t heads) {
  return {.num_heads = heads,
          .num_value_heads = heads,
          .num_key_heads = heads,
          .num_query_heads = heads,
          .key_width = 4,
          .value_width = 4};
}

// Two heads of key width 4: a row's products with 16 keys are 2 x 2 x 4 x 16.
TEST(TrainingFlop, MatricesCostTheProductsOfQueriesAndKeysBesideTheLayer) {
  auto base = tiny(), student = tiny();
  std::get<AttentionSpec>(base.layers[0].mixer).num_heads = 2;
  student.layers[0].mixer = mamba2_of(2);
  const StageModels models{.student = student, .base = &base, .teacher = nullptr};
  const auto flop = flop_of(stage_of(AlignMixing{}), models);
  EXPECT_EQ(flop.forward, layer_flop(student, 0, 16) + 2 * 2 * 4 * 16);
  EXPECT_EQ(flop.teacher, layer_flop(base, 0, 16));
}

TEST(StagePlan, CountsTokensAndOperationsOfTheWholeStage) {
  const auto config = tiny();
  const auto plan = plan_stage(stage_of(NextToken{}), {config}, NumberType::Float32);
  EXPECT_EQ(plan.tokens, 640);
  EXPECT_EQ(plan.flop.total(), 640 * 3 * (448 + 256));
  EXPECT_EQ(plan.flop.teacher, 0);
}

// 2 x 128 of embedding and head, 160 of matrices, 3 norms of 4: 428 parameters of 4 bytes.
TEST(StagePlan, WeightsAndTheOptimisersMomentsStandAllTheTime) {
  const auto config = tiny();
  for (const auto& moment :
       plan_stage(stage_of(DistilLogits{}), {config, &config}, NumberType::Float32).moments) {
    EXPECT_EQ(moment.weights, 428 * 4);
    EXPECT_EQ(moment.masters, 0);
    EXPECT_EQ(moment.teachers, 428 * 4);
    EXPECT_EQ(moment.optimizer, 2 * 428 * 4);
  }
}

// 32 rows of 4 numbers are 512 bytes: what the last projection is given, copied, and the gradient
// of that; of the teacher's too where the divergence is of labels alone. Logits of all 32 rows
// are a piece of 4096 bytes.
TEST(StagePlan, RowsThatAreTakenOutForTheirLogitsAreThereTwice) {
  const auto config = tiny();
  const auto loss_of = [&](const Objective& objective) {
    return plan_stage(stage_of(objective), {config, &config}, NumberType::Float32)
        .moments.front()
        .loss;
  };
  EXPECT_EQ(loss_of(NextToken{}), 4096 + 512 + 512);
  EXPECT_EQ(loss_of(DistilLogits{}), 2 * 4096 + 512);
  EXPECT_EQ(loss_of(DistilLogits{.only_labels = true}), 2 * 4096 + 512 + 2 * 512);
  // Two kept tokens of a row: 16 bytes of the file, ids of 8 and probabilities of 4 each.
  EXPECT_EQ(loss_of(DistilLogits{.top_k = 2}), 4096 + 512 + 32 * (16 + 16 + 8));
}

TEST(StagePlan, MatricesAreFormedWithoutFeedForwards) {
  const auto step_of = [](int64_t feed_forward_width) {
    auto base = tiny();
    base.layers[0].feed_forward = SwiGluSpec{.width = feed_forward_width};
    auto student = base;
    student.layers[0].mixer = mamba2_of(1);
    const StageModels models{.student = student, .base = &base, .teacher = nullptr};
    return plan_stage(stage_of(AlignMixing{}), models, NumberType::Float32).moments;
  };
  const auto narrow = step_of(8), wide = step_of(800);
  ASSERT_EQ(narrow.size(), wide.size());
  for (size_t i = 0; i < narrow.size(); ++i) {
    EXPECT_EQ(narrow[i].activations, wide[i].activations) << narrow[i].moment;
    EXPECT_EQ(narrow[i].gradients, wide[i].gradients) << narrow[i].moment;
  }
}

TEST(StagePlan, BehindTheLastStageThatAlignsNoneNeedsTheBase) {
  const std::vector stages{stage_of(DistilLogits{}), stage_of(AlignLayers{}),
                           stage_of(NextToken{})};
  EXPECT_TRUE(any_aligns_with_base(stages));
  EXPECT_TRUE(any_aligns_with_base(std::span(stages).subspan(1)));
  EXPECT_FALSE(any_aligns_with_base(std::span(stages).subspan(2)));
  EXPECT_TRUE(any_aligns_with_base(std::vector{stage_of(AlignMixing{})}));
}

TEST(StagePlan, HalfTypesKeepMastersBesideTheirWeights) {
  const auto config = tiny();
  const auto step =
      plan_stage(stage_of(NextToken{}), {config}, NumberType::BFloat16).moments.back();
  EXPECT_EQ(step.moment, "step of the optimiser");
  EXPECT_EQ(step.weights, 428 * 2);
  EXPECT_EQ(step.masters, 428 * 4);
  EXPECT_EQ(step.gradients, 428 * 4);
}

TEST(StagePlan, FrozenTensorsHaveNeitherGradientsNorMoments) {
  const auto config = tiny();
  auto stage = stage_of(NextToken{});
  stage.frozen = {"embedding.weight", "head.weight"};
  const auto step = plan_stage(stage, {config}, NumberType::Float32).moments.back();
  EXPECT_EQ(step.optimizer, 2 * 172 * 4);
  EXPECT_EQ(step.gradients, 172 * 4);
}

TEST(StagePlan, LayersThatAreComputedAgainKeepTheirInputsOnly) {
  auto config = tiny();
  config.layers.resize(6, config.layers[0]);
  auto stage = stage_of(NextToken{});
  const auto whole = plan_stage(stage, {config}, NumberType::Float32);
  stage.recompute_layers = true;
  const auto again = plan_stage(stage, {config}, NumberType::Float32);
  // Six inputs of 32 rows of 4 numbers, and two around the final norm.
  EXPECT_EQ(again.moments.front().activations, 8 * 32 * 4 * 4);
  EXPECT_LT(again.largest().total(), whole.largest().total());
}

TEST(Devices, AnUnknownOneIsRefusedWithTheNamesThatAreKnown) {
  EXPECT_EQ(device_named("mi300x").memory_bytes, int64_t{192} << 30);
  EXPECT_THAT(error_of([] { (void)device_named("abacus"); }), ::testing::HasSubstr("mi300x"));
}

// Sheets state products with sparsity, or in a narrower type, beside these: twice and more as many.
TEST(Devices, ProductsInBfloat16AreDenseAndThoseInFloat32Fewer) {
  EXPECT_EQ(device_named("h100-sxm").flop_per_second(NumberType::BFloat16), 989.4e12);
  EXPECT_EQ(device_named("a100-80gb").flop_per_second(NumberType::Float32), 19.5e12);
  for (const auto& device : known_devices()) {
    EXPECT_LT(device.float32_flop_per_second, device.half_flop_per_second) << device.name;
    EXPECT_FALSE(device.source.empty()) << device.name;
  }
}

}  // namespace
}  // namespace hylo::models
