// Experts of a dense feed-forward: copies that give its output, and copies that differ.
#include "models/upcycle/dense_to_moe.h"

#include <ATen/Parallel.h>
#include <ATen/TensorOperators.h>
#include <ATen/ops/full.h>
#include <gmock/gmock.h>

#include <cmath>

#include "models/decoder/decoder.h"
#include "tests/models/upcycle/tiny_attention.h"
#include "tests/support/test_data.h"

namespace hylo::models {
namespace {

using hylo::tests::error_of;
using ::testing::HasSubstr;
using namespace tests;  // NOLINT: the whole header is for tests like these

constexpr int64_t dense_width = 11;

MoeSpec four_experts(const RouterSpec& router) {
  return {.num_experts = 4, .experts_per_token = 2, .width = dense_width, .router = router};
}
const MoeSpec normalised = four_experts({.normalised = true});

ModelConfig teacher_config() { return dense_teacher(grouped, 3); }
ModelWeights teacher_weights(NumberType type = NumberType::Float32) {
  return random_weights(teacher_config(), type, 21);
}
ModelConfig with_experts(const MoeSpec& spec) {
  auto student = teacher_config();
  for (auto& layer : student.layers) layer.feed_forward = spec;
  return student;
}
const SwiGluWeights& dense_of(const ModelWeights& weights, size_t layer) {
  return std::get<SwiGluWeights>(weights.layers.at(layer).feed_forward);
}
const MoeWeights& experts_of(const ModelWeights& weights, size_t layer) {
  return std::get<MoeWeights>(weights.layers.at(layer).feed_forward);
}
MoeWeights experts_of_teacher(const SparseUpcycling& options, uint64_t seed = 5) {
  const auto weights = upcycle(teacher_config(), teacher_weights(), with_experts(normalised),
                               {.seed = seed, .experts = options});
  return experts_of(weights, 1);
}

at::Tensor hidden(const ModelConfig& config, const ModelWeights& weights) {
  const auto tokens = random_tokens(40, 1);
  return Decoder(config, weights).forward(tokens, {{{nullptr, 40}}}).normed_ND;
}
/// The largest difference between what the teacher and its student with these experts give.
double gap_to_teacher(const MoeSpec& spec, const SparseUpcycling& options = {}) {
  const auto teacher = teacher_weights();
  const auto student =
      upcycle(teacher_config(), teacher, with_experts(spec), {.seed = 5, .experts = options});
  return max_gap(hidden(with_experts(spec), student), hidden(teacher_config(), teacher));
}

/// Of the rows of a dim, those that differ.
std::vector<int64_t> changed(const at::Tensor& a, const at::Tensor& b, int64_t dim) {
  std::vector<int64_t> rows;
  for (int64_t i = 0; i < a.size(dim); ++i) {
    if (!at::equal(a.select(dim, i), b.select(dim, i))) rows.push_back(i);
  }
  return rows;
}

TEST(DenseToMoe, ExpertsAreCopiesAndTheRouterIsDrawn) {
  const auto teacher = teacher_weights();
  const auto student = upcycle(teacher_config(), teacher, with_experts(normalised), {.seed = 5});
  const auto& moe = experts_of(student, 1);
  ASSERT_EQ(moe.experts.size(), 4U);
  for (const auto& expert : moe.experts) {
    EXPECT_TRUE(at::equal(expert.gate.weight_OI, dense_of(teacher, 1).gate.weight_OI));
    EXPECT_TRUE(at::equal(expert.up.weight_OI, dense_of(teacher, 1).up.weight_OI));
    EXPECT_TRUE(at::equal(expert.down.weight_OI, dense_of(teacher, 1).down.weight_OI));
    EXPECT_NE(expert.up.weight_OI.const_data_ptr(),
              dense_of(teacher, 1).up.weight_OI.const_data_ptr());
  }
  EXPECT_NE(moe.experts[0].up.weight_OI.const_data_ptr(),
            moe.experts[1].up.weight_OI.const_data_ptr());
  const auto router = moe.router.weight_OI.to(at::kDouble);
  EXPECT_EQ(router.sizes().vec(), (std::vector<int64_t>{4, 15}));
  EXPECT_NEAR(router.square().mean().sqrt().item<double>(), 0.02, 0.006);  // 60 draws
  EXPECT_FALSE(at::equal(router, experts_of(student, 2).router.weight_OI.to(at::kDouble)));
}

TEST(DenseToMoe, EveryTensorOfAStudentHasItsShapeAndType) {
  auto spec = four_experts({.kind = RouterKind::Sigmoid, .selection_bias = true});
  spec.shared_width = dense_width;
  spec.shared_gate = true;
  const auto config = with_experts(spec);
  const auto weights = upcycle(teacher_config(), teacher_weights(NumberType::BFloat16), config,
                               {.experts = {.noise_deviation = 0.01, .drop_share = 0.5}});
  visit_weights(config, weights, [](const WeightSlot& slot, const at::Tensor& tensor) {
    ASSERT_TRUE(tensor.defined()) << slot.name;
    EXPECT_EQ(tensor.sizes().vec(), slot.shape) << slot.name;
    EXPECT_EQ(tensor.scalar_type(), at::kBFloat16) << slot.name;
  });
}

// Hidden states after a norm are of size 1; weights of float32 add up to 1 within its rounding.
TEST(DenseToMoe, WithARouterThatNormalisesTheNetworkGivesWhatTheDenseOneGives) {
  constexpr double rounding = 1e-5;
  const SparseUpcycling wild{.router_deviation = 1};
  EXPECT_LT(gap_to_teacher(normalised, wild), rounding);
  EXPECT_LT(gap_to_teacher(four_experts({.kind = RouterKind::TopThenSoftmax}), wild), rounding);
  EXPECT_LT(gap_to_teacher(four_experts({.kind = RouterKind::Sigmoid,
                                         .normalised = true,
                                         .scale = 2.5,
                                         .selection_bias = true}),
                           wild),
            rounding);
  auto shared = normalised;
  shared.shared_width = dense_width;
  EXPECT_LT(gap_to_teacher(shared, wild), rounding);
  shared.shared_gate = true;
  EXPECT_LT(gap_to_teacher(shared, wild), rounding);
}

TEST(DenseToMoe, WithARouterThatDoesNotNormaliseItDoesSoWhereLogitsAre0Alone) {
  for (const auto kind : {RouterKind::SoftmaxThenTop, RouterKind::Sigmoid}) {
    const auto spec = four_experts({.kind = kind});
    EXPECT_LT(gap_to_teacher(spec, {.router_deviation = 0}), 1e-5);
    EXPECT_GT(gap_to_teacher(spec, {.router_deviation = 1}), 1e-2);
  }
}

TEST(DenseToMoe, TheTotalWeightIsWhatATokensWeightsAddUpTo) {
  EXPECT_EQ(total_weight(normalised), 1);
  EXPECT_EQ(total_weight(four_experts({.normalised = true, .scale = 2.5})), 2.5);
  EXPECT_EQ(total_weight(four_experts({})), 0.5);                           // 2 of 4
  EXPECT_EQ(total_weight(four_experts({.kind = RouterKind::Sigmoid})), 1);  // 2 x 1/2
  auto shared = four_experts({.kind = RouterKind::TopThenSoftmax});
  shared.shared_width = dense_width;
  EXPECT_EQ(total_weight(shared), 2);
  shared.shared_gate = true;
  EXPECT_EQ(total_weight(shared), 1.5);
}

TEST(DenseToMoe, UnitsDrawnAnewAreOneSetForTheThreeTensorsOfAnExpert) {
  const auto teacher = teacher_weights();
  const auto moe = experts_of_teacher({.drop_share = 0.5});
  std::vector<std::vector<int64_t>> sets;
  for (const auto& expert : moe.experts) {
    const auto units = changed(expert.gate.weight_OI, dense_of(teacher, 1).gate.weight_OI, 0);
    EXPECT_EQ(units.size(), 6U);  // half of 11, rounded
    EXPECT_EQ(changed(expert.up.weight_OI, dense_of(teacher, 1).up.weight_OI, 0), units);
    EXPECT_EQ(changed(expert.down.weight_OI, dense_of(teacher, 1).down.weight_OI, 1), units);
    sets.push_back(units);
  }
  EXPECT_TRUE(sets[0] != sets[1] || sets[1] != sets[2]);
}

// What is all 3 has mean 3 and deviation 0, so what replaces it is 3 too.
TEST(DenseToMoe, UnitsDrawnAnewHaveMeanAndDeviationOfWhatTheyReplace) {
  const auto constant = [](int64_t rows, int64_t columns) {
    return LinearWeights{at::full({rows, columns}, 3.0, at::kFloat), {}};
  };
  const SwiGluWeights teacher{constant(200, 30), constant(200, 30), constant(30, 200)};
  const MoeSpec spec{
      .num_experts = 2, .experts_per_token = 1, .width = 200, .router = {.normalised = true}};
  const auto same = dense_to_moe(teacher, spec, "f", 1, {.drop_share = 1});
  EXPECT_TRUE(at::equal(same.experts[0].gate.weight_OI, teacher.gate.weight_OI));
  auto spread = teacher;
  spread.up.weight_OI = teacher.up.weight_OI.clone();
  spread.up.weight_OI.narrow(1, 0, 15).fill_(-1);  // half -1, half 3: mean 1, deviation 2
  const auto anew = dense_to_moe(spread, spec, "f", 1, {.drop_share = 1}).experts[1];
  const auto up = anew.up.weight_OI.to(at::kDouble);
  EXPECT_NEAR(up.mean().item<double>(), 1, 0.1);  // of 6000 draws
  EXPECT_NEAR((up - 1).square().mean().sqrt().item<double>(), 2, 0.1);
  EXPECT_GT((up - spread.up.weight_OI).abs().min().item<double>(), 0);
}

TEST(DenseToMoe, NoiseIsAddedToAShareOfTheUnits) {
  const auto teacher = teacher_weights();
  const auto moe = experts_of_teacher({.noise_deviation = 0.01, .noise_share = 0.25});
  for (const auto& expert : moe.experts) {
    const auto units = changed(expert.gate.weight_OI, dense_of(teacher, 1).gate.weight_OI, 0);
    EXPECT_EQ(units.size(), 3U);  // a quarter of 11, rounded
    EXPECT_EQ(changed(expert.down.weight_OI, dense_of(teacher, 1).down.weight_OI, 1), units);
    EXPECT_LT(max_gap(expert.gate.weight_OI, dense_of(teacher, 1).gate.weight_OI), 0.06);
  }
  EXPECT_FALSE(at::equal(moe.experts[0].gate.weight_OI, moe.experts[1].gate.weight_OI));
}

TEST(DenseToMoe, TheSameSeedGivesTheSameBitsForEveryNumberOfThreads) {
  const SparseUpcycling options{.noise_deviation = 0.01, .drop_share = 0.5};
  const auto up = [&](uint64_t seed) {
    return experts_of_teacher(options, seed).experts[2].up.weight_OI;
  };
  const auto first = up(3);
  const int threads = at::get_num_threads();
  at::set_num_threads(threads == 1 ? 2 : 1);
  EXPECT_TRUE(at::equal(first, up(3)));
  at::set_num_threads(threads);
  EXPECT_FALSE(at::equal(first, up(4)));
}

TEST(DenseToMoe, MixturesThatDoNotFollowAreRefusedByKey) {
  const auto refused = [](auto change) {
    auto spec = normalised;
    change(spec);
    return error_of([&] { check_student(teacher_config(), with_experts(spec)); });
  };
  EXPECT_EQ(refused([](MoeSpec& s) { s.width = 12; }),
            "layers.0.feed_forward.width: expected the teacher's 11, for experts are copies of it, "
            "found 12");
  EXPECT_EQ(refused([](MoeSpec& s) { s.shared_width = 4; }),
            "layers.0.feed_forward.shared_width: expected 0 or the teacher's 11, found 4");
  EXPECT_THAT(refused([](MoeSpec& s) { s.experts_per_token = 5; }),
              HasSubstr("layers.0.feed_forward.experts_per_token: 5 of 4 experts"));
  EXPECT_THAT(refused([](MoeSpec& s) { s.num_experts = 0; }),
              HasSubstr("layers.0.feed_forward.num_experts"));
  EXPECT_THAT(refused([](MoeSpec& s) { s.router.scale = 0; }), HasSubstr("router.scale"));
  auto biased = teacher_config();
  biased.layers[0].feed_forward = SwiGluSpec{.width = dense_width, .bias = true};
  EXPECT_THAT(error_of([&] { check_student(biased, with_experts(normalised)); }),
              HasSubstr("layers.0.feed_forward.bias"));
  // Back from a mixture to a dense feed-forward there is no rule.
  EXPECT_THAT(error_of([&] { check_student(with_experts(normalised), teacher_config()); }),
              HasSubstr("layers.0.feed_forward.router.weight"));
}

TEST(DenseToMoe, OptionsThatCannotBeAreRefusedByKey) {
  const auto refused = [](const SparseUpcycling& options) {
    return error_of([&] { (void)experts_of_teacher(options); });
  };
  EXPECT_EQ(refused({.drop_share = 1.5}),
            "dense_to_moe: drop_share: expected a share from 0 to 1, found 1.5");
  EXPECT_THAT(refused({.noise_share = -0.1}), HasSubstr("noise_share"));
  EXPECT_THAT(refused({.noise_deviation = -1}), HasSubstr("noise_deviation"));
  EXPECT_THAT(refused({.router_deviation = std::nan("")}), HasSubstr("router_deviation"));
}

}  // namespace
}  // namespace hylo::models
