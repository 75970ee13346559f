// A small hybrid that learns, and who listens to its training.
#pragma once

#include <ATen/Parallel.h>
#include <ATen/ops/equal.h>
#include <gtest/gtest.h>

#include <limits>
#include <memory>
#include <string>
#include <vector>

#include "models/distill/training.h"
#include "tests/models/hybrids.h"

namespace hylo::models::tests {

/// Documents in which each token follows from the one before it: something that can be learnt.
inline std::shared_ptr<TokenDocuments> counting_documents(int64_t count) {
  auto documents = std::make_shared<TokenDocuments>("tokens of the test");
  for (int64_t d = 0; d < count; ++d) {
    std::vector<int32_t> ids;
    for (int64_t t = 0; t < 5 + d % 9; ++t) ids.push_back(static_cast<int32_t>((3 * d + t) % 37));
    documents->add(ids);
  }
  return documents;
}

inline Stage stage_of(const std::string& name, const Objective& objective, int64_t steps) {
  return {.name = name,
          .objective = objective,
          .steps = steps,
          .context_length = 8,
          .tokens_per_step = 24,
          .tokens_per_pass = 16,
          .peak_learning_rate = 1e-2,
          .schedule = CosineRate{.warmup_steps = 1, .min_ratio = 0.1},
          .optimizer = {.weight_decay = 0.1}};
}

struct Learner {
  Learner()
      : config(tests::all_kinds()),
        weights(random_weights(config, NumberType::Float32, 7)),
        teacher(config, random_weights(config, NumberType::Float32, 8)) {}

  TrainingPlan plan(std::vector<Stage> stages) const {
    auto recipe = OrderedJson::array();
    for (const auto& stage : stages) recipe.push_back(describe(stage));
    return {.recipe = {{"stages", Json::parse(recipe.dump())}},
            .stages = std::move(stages),
            .seed = 3,
            .base = &teacher,
            .teacher = &teacher,
            .student = config,
            .initial = [this] { return weights; },
            .sources = {{"counting", counting_documents(40), 1}},
            .held_out = counting_documents(3)};
  }

  ModelConfig config;
  ModelWeights weights;
  Decoder teacher;
};

/// What a run tells, and when it is to stop.
struct Listener {
  TrainingEvents events() {
    return {.on_step = [this](int64_t, const StepReport& report) { steps.push_back(report); },
            .on_validation = [this](const Validation& v) { validations.push_back(v); },
            .on_checkpoint = [](const TrainingPlace&, const std::filesystem::path&) {},
            .should_stop = [this] { return steps.size() >= stop_after; }};
  }
  std::vector<StepReport> steps;
  std::vector<Validation> validations;
  size_t stop_after = std::numeric_limits<size_t>::max();
};

/// One thread: small models, on a machine that tests share.
class TrainingTest : public ::testing::Test {
 protected:
  void SetUp() override {
    threads_ = at::get_num_threads();
    at::set_num_threads(1);
  }
  void TearDown() override { at::set_num_threads(threads_); }

 private:
  int threads_ = 1;
};

inline void expect_same_weights(const TrainedModel& a, const TrainedModel& b) {
  ASSERT_EQ(a.tensors().size(), b.tensors().size());
  for (size_t i = 0; i < a.tensors().size(); ++i) {
    EXPECT_TRUE(at::equal(a.tensors()[i].value, b.tensors()[i].value)) << a.tensors()[i].name;
  }
}

}  // namespace hylo::models::tests
