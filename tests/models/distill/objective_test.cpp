// Losses of rows of which only some are to be learnt.
#include "models/distill/objective.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/allclose.h>
#include <ATen/ops/zeros_like.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

#include "kernels/ops/token_losses.h"
#include "models/distill/trained_model.h"
#include "tests/models/distill/learner.h"

namespace hylo::models {
namespace {

using kernels::no_label;
using namespace hylo::models::tests;
using ObjectiveTest = TrainingTest;

const std::vector<int32_t> tokens{1, 2, 3, 4, 5, 6, 7, 8};
const std::vector<int64_t> one_sequence{8};

struct Pass {
  LossParts loss;
  std::vector<at::Tensor> gradients;
};

Pass pass_of(const Learner& learner, const Objective& objective,
             const std::vector<int64_t>& labels) {
  TrainedModel student(learner.config, learner.weights, {});
  Pass pass;
  const TrainingRows rows{.tokens_N = tokens, .labels_N = labels, .sequence_rows = one_sequence};
  // A mean over a number that is not the labels of this pass: passes are parts of a step.
  const PassOptions options{{.num_rows = 8, .num_labels = 4}};
  pass.loss = add_gradients(objective, &learner.teacher, student.decoder(), rows, options);
  student.collect_gradients();
  const auto gradients = student.gradients();
  for (size_t i = 0; i < gradients.size(); ++i) {  // Undefined: nothing arrived.
    pass.gradients.push_back(gradients[i].defined() ? gradients[i].clone()
                                                    : at::zeros_like(student.tensors()[i].value));
  }
  return pass;
}

void expect_sum(const Pass& whole, const Pass& first, const Pass& second) {
  EXPECT_NEAR(whole.loss.total, first.loss.total + second.loss.total, 1e-5);
  ASSERT_EQ(whole.gradients.size(), first.gradients.size());
  for (size_t i = 0; i < whole.gradients.size(); ++i) {
    EXPECT_TRUE(
        at::allclose(whole.gradients[i], first.gradients[i] + second.gradients[i], 1e-4, 1e-6))
        << i;
  }
}

// A loss is a sum over labels: of two halves of them it is the sum of both.
TEST_F(ObjectiveTest, OfTwoHalvesOfTheLabelsIsThatOfAll) {
  const Learner learner;
  const std::vector<int64_t> all{2, 3, 4, 5, 6, 7, 8, no_label};
  auto first = all, second = all;
  std::fill_n(first.begin(), 5, no_label);
  std::fill(second.begin() + 5, second.end(), no_label);
  const std::vector<Objective> objectives{
      NextToken{.z_loss = 1e-3}, DistilLogits{.ce_weight = 0.5, .only_labels = true},
      DistilLogits{.direction = kernels::KlDirection::Reverse, .only_labels = true}};
  for (const auto& objective : objectives) {
    expect_sum(pass_of(learner, objective, all), pass_of(learner, objective, first),
               pass_of(learner, objective, second));
  }
}

TEST_F(ObjectiveTest, OfNoLabelsIs0AndMovesNothing) {
  const Learner learner;
  const std::vector<int64_t> none(8, no_label);
  for (const Objective& objective :
       std::vector<Objective>{NextToken{}, DistilLogits{.ce_weight = 1, .only_labels = true}}) {
    const auto pass = pass_of(learner, objective, none);
    EXPECT_EQ(pass.loss.total, 0);
    for (const auto& gradient : pass.gradients) EXPECT_EQ(gradient.abs().sum().item<double>(), 0);
  }
}

}  // namespace
}  // namespace hylo::models
