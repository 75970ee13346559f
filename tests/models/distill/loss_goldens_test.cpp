// Losses of distillation against PyTorch (hf-goldens/ops) and against the fused algorithm's own
// definition (lineage-goldens/train).
#include <ATen/TensorOperators.h>
#include <ATen/ops/eye.h>
#include <gtest/gtest.h>

#include <set>

#include "harness/base/json.h"
#include "kernels/ops/cross_entropy.h"
#include "kernels/ops/kl_divergence.h"
#include "models/weights/safetensors.h"
#include "tests/support/test_data.h"

namespace hylo::models {
namespace {

using hylo::tests::golden;
using hylo::tests::skip_reason;
using kernels::KlDirection;

/// The goldens are float64 of float32 inputs.
constexpr double float64_tolerance = 1e-10;
/// SOURCE.md: about five times the float32 error that was measured.
constexpr double float32_allowance = 5;

double max_difference(const at::Tensor& a, const at::Tensor& b) {
  return (a.to(at::kDouble) - b.to(at::kDouble)).abs().max().item<double>();
}

double relative_difference(const at::Tensor& a, const at::Tensor& b) {
  const auto error = a.to(at::kDouble) - b.to(at::kDouble);
  return (error.square().sum() / b.to(at::kDouble).square().sum()).sqrt().item<double>();
}

class LossGoldens : public ::testing::Test {
 protected:
  std::filesystem::path file(const char* set, const char* name) {
    const auto root = golden(set);
    return root ? *root / name : std::filesystem::path();
  }
};

TEST_F(LossGoldens, DivergencesAndCrossEntropyOfLogitsAreTheDefinitions) {
  const auto path = file("hf-goldens", "ops/distillation_losses.safetensors");
  if (path.empty()) GTEST_SKIP() << skip_reason("HYLO_TEST_DATA", "hf-goldens");
  const SafetensorsFile stored(path);
  std::set<std::string> cases;
  for (const auto& [name, entry] : stored.entries()) cases.insert(name.substr(0, name.find('/')));
  EXPECT_EQ(cases.size(), 6U);
  for (const auto& name : cases) {
    SCOPED_TRACE(name);
    const auto tensor = [&](const std::string& what) { return stored.tensor(name + "/" + what); };
    const auto teacher = tensor("input/teacher").to(at::kDouble);
    const auto mask = tensor("input/mask").to(at::kBool);
    // Logits as hidden states of a network whose head is the identity.
    const auto head = at::eye(teacher.size(1), teacher.options());
    const double temperature = name.ends_with("tau2") ? 2 : 1;
    const double factor = 1 / mask.sum().item<double>();
    for (const auto direction : {KlDirection::Forward, KlDirection::Reverse}) {
      const std::string way = direction == KlDirection::Forward ? "forward" : "reverse";
      const auto student = tensor("input/student").to(at::kDouble).requires_grad_(true);
      const auto losses = kernels::kl_divergence(
          {{student, head}, {teacher, head}, mask, direction, temperature, factor});
      EXPECT_LT(max_difference(losses.sum, tensor("output/" + way + "_mean")), float64_tolerance);
      EXPECT_LT(max_difference(losses.of_each_N,
                               tensor("output/" + way + "_per_token") * mask.to(at::kDouble)),
                float64_tolerance);
      losses.sum.backward();
      EXPECT_LT(max_difference(student.grad(), tensor("grad/" + way + "_student")),
                float64_tolerance);
    }
    if (temperature != 1) continue;
    const auto student = tensor("input/student").to(at::kDouble).requires_grad_(true);
    const auto labels = tensor("input/labels");
    const double counted = (labels != kernels::no_label).sum().item<double>();
    const auto losses = kernels::cross_entropy(
        {.student = {student, head}, .labels_N = labels, .factor = 1 / counted});
    EXPECT_LT(max_difference(losses.sum, tensor("output/cross_entropy_mean")), float64_tolerance);
    losses.sum.backward();
    EXPECT_LT(max_difference(student.grad(), tensor("grad/cross_entropy_student")),
              float64_tolerance);
  }
}

TEST_F(LossGoldens, HiddenStateDivergencesAndTheirGradientsAreTheFusedAlgorithms) {
  const auto path = file("lineage-goldens", "train/hidden_kl.safetensors");
  if (path.empty()) GTEST_SKIP() << skip_reason("HYLO_TEST_DATA", "lineage-goldens");
  const SafetensorsFile stored(path);
  const auto measured = read_json_file(file("lineage-goldens", "train/hidden_kl.json"));
  EXPECT_EQ(measured.size(), 4U);
  for (const auto& [name, numbers] : measured.items()) {
    for (const auto type : {at::kDouble, at::kFloat}) {
      SCOPED_TRACE(name);
      const auto tensor = [&](const std::string& what) { return stored.tensor(name + "/" + what); };
      const auto input = [&](const std::string& what) {
        return tensor("input/" + what).to(type).clone();
      };
      const auto hidden = input("Xs").requires_grad_(true);
      const auto weight = input("Ws").requires_grad_(true);
      const auto losses =
          kernels::kl_divergence({.student = {hidden, weight},
                                  .teacher = {input("Xt"), input("Wt")},
                                  .factor = 1 / static_cast<double>(hidden.size(0))});
      losses.sum.backward();
      const auto limit = [&](const char* what) {
        return type == at::kDouble ? float64_tolerance
                                   : float32_allowance * numbers.at("fp32").at(what).get<double>();
      };
      const double loss = numbers.at("loss").get<double>();
      EXPECT_LT(std::abs(losses.sum.item<double>() - loss) / loss, limit("loss_rel"));
      EXPECT_LT(relative_difference(losses.of_each_N, tensor("output/per_token")),
                limit("grad_Xs_rel"));
      EXPECT_LT(relative_difference(hidden.grad(), tensor("grad/Xs")), limit("grad_Xs_rel"));
      EXPECT_LT(relative_difference(weight.grad(), tensor("grad/Ws")), limit("grad_Ws_rel"));
    }
  }
}

}  // namespace
}  // namespace hylo::models
