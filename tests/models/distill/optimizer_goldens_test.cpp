// AdamW, clipping and learning rates against PyTorch and transformers (hf-goldens/ops/optimizer).
#include <ATen/TensorOperators.h>
#include <gtest/gtest.h>

#include "harness/base/json.h"
#include "models/distill/adamw.h"
#include "models/distill/learning_rate.h"
#include "models/weights/safetensors.h"
#include "tests/support/test_data.h"

namespace hylo::models {
namespace {

using hylo::tests::golden;
using hylo::tests::skip_reason;

/// Both sides step in float64 from the same float32 numbers.
constexpr double float64_tolerance = 1e-12;
/// A rounding or two of values near 1 in each of five steps.
constexpr double float32_tolerance = 1e-6;

double max_difference(const at::Tensor& a, const at::Tensor& b) {
  return (a.to(at::kDouble) - b.to(at::kDouble)).abs().max().item<double>();
}

class OptimizerGoldens : public ::testing::Test {
 protected:
  void SetUp() override {
    const auto root = golden("hf-goldens");
    if (!root) GTEST_SKIP() << skip_reason("HYLO_TEST_DATA", "hf-goldens");
    stored = std::make_unique<SafetensorsFile>(*root / "ops/optimizer.safetensors");
    cases = read_json_file(*root / "ops/cases.json");
  }
  [[nodiscard]] std::vector<std::string> named(const std::string& prefix) const {
    std::vector<std::string> names;
    for (const auto& [name, value] : cases.items()) {
      if (name.starts_with(prefix)) names.push_back(name);
    }
    return names;
  }
  [[nodiscard]] at::Tensor tensor(const std::string& name) const { return stored->tensor(name); }
  [[nodiscard]] const Json& attributes(const std::string& name) const {
    return cases.at(name).at("attributes");
  }

  std::unique_ptr<SafetensorsFile> stored;
  Json cases;
};

TEST_F(OptimizerGoldens, EveryStepOfAdamWIsLibTorchs) {
  const auto names = named("adamw");
  EXPECT_EQ(names.size(), 3U);
  for (const auto& name : names) {
    const auto& settings = attributes(name);
    const AdamWOptions options{settings["betas"][0], settings["betas"][1], settings["eps"],
                               settings["weight_decay"]};
    for (const auto type : {at::kDouble, at::kFloat}) {
      std::vector<OptimizedTensor> values;
      for (const char* i : {"0", "1"}) {
        values.push_back({i, tensor(name + "/input/param." + i).to(type).clone()});
      }
      AdamW optimizer(values, options);
      for (int step = 1; step <= 5; ++step) {
        SCOPED_TRACE(name + " step " + std::to_string(step));
        const auto of = [&](const std::string& kind, const std::string& what, const char* i) {
          return tensor(name + "/" + kind + "/" + what + "." + i + ".step" + std::to_string(step));
        };
        std::vector<at::Tensor> gradients;
        for (const char* i : {"0", "1"}) gradients.push_back(of("input", "grad", i).to(type));
        optimizer.step(gradients, settings["lr_per_step"][static_cast<size_t>(step) - 1]);
        const auto state = optimizer.state();
        for (size_t i = 0; i < 2; ++i) {
          const auto* at = i == 0 ? "0" : "1";
          const auto& value = optimizer.tensors()[i].value;
          if (type == at::kFloat) {
            EXPECT_LT(max_difference(value, of("output", "param_f32", at)), float32_tolerance);
            continue;
          }
          EXPECT_LT(max_difference(value, of("output", "param", at)), float64_tolerance);
          EXPECT_LT(max_difference(state[3 * i].second, of("output", "m", at)), float64_tolerance);
          EXPECT_LT(max_difference(state[3 * i + 1].second, of("output", "v", at)),
                    float64_tolerance);
        }
      }
    }
  }
}

TEST_F(OptimizerGoldens, GradientsAreClippedByTheNormOfAll) {
  const auto names = named("clip");
  EXPECT_EQ(names.size(), 2U);
  for (const auto& name : names) {
    SCOPED_TRACE(name);
    std::vector<at::Tensor> gradients;
    std::vector<std::string> keys;
    for (const auto& [key, entry] : stored->entries()) {
      if (!key.starts_with(name + "/input/grad.")) continue;
      keys.push_back(key.substr(key.rfind('.') + 1));
      gradients.push_back(tensor(key).to(at::kDouble).clone());
    }
    ASSERT_FALSE(keys.empty());
    const double norm = norm_of(gradients);
    EXPECT_NEAR(norm, tensor(name + "/output/total_norm").to(at::kDouble).item<double>(),
                float64_tolerance);
    clip_gradients(gradients, norm, attributes(name)["max_norm"]);
    for (size_t i = 0; i < keys.size(); ++i) {
      EXPECT_LT(max_difference(gradients[i], tensor(name + "/output/grad." + keys[i])),
                float64_tolerance);
    }
  }
}

Ramp ramp_of(const std::string& name) {
  if (name == "linear") return Ramp::Linear;
  return name == "cosine" ? Ramp::Cosine : Ramp::Sqrt;
}

/// The golden's settings as ours, and the number of steps.
std::pair<RateSchedule, int64_t> schedule_of(const Json& settings) {
  const std::string kind = settings["kind"];
  const int64_t warmup = settings["warmup"];
  if (kind == "wsd") {
    const int64_t stable = settings["stable"], decay = settings["decay"];
    return {WarmupStableDecay{warmup, decay, ramp_of(settings["warmup_type"]),
                              ramp_of(settings["decay_type"]), settings["min_lr_ratio"]},
            warmup + stable + decay};
  }
  if (kind == "linear") return {LinearRate{warmup}, settings["total"]};
  return {CosineRate{warmup, settings.value("min_lr_rate", 0.0)}, settings["total"]};
}

TEST_F(OptimizerGoldens, LearningRatesFollowTheSchedulesOfTransformers) {
  const auto names = named("schedule");
  EXPECT_EQ(names.size(), 10U);
  for (const auto& name : names) {
    SCOPED_TRACE(name);
    const auto [schedule, steps] = schedule_of(attributes(name));
    const auto expected = tensor(name + "/output/factor").to(at::kDouble);
    ASSERT_GE(expected.numel(), steps);
    // Behind the last step transformers' cosine rises again; there is no such step.
    for (int64_t i = 0; i < steps; ++i) {
      EXPECT_NEAR(rate_factor(schedule, i, steps), expected[i].item<double>(), float64_tolerance)
          << "step " << i;
    }
  }
}

}  // namespace
}  // namespace hylo::models
