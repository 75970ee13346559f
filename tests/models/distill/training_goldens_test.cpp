// Whole training steps against transformers (hf-goldens/training), and the alignment of layers
// against Zebra-Llama's trainer (lineage-goldens/train/ild).
#include <ATen/TensorOperators.h>
#include <gtest/gtest.h>

#include "models/distill/stage_run.h"
#include "models/weights/hf_names.h"
#include "tests/models/upcycle/conversion_case.h"
#include "tests/support/test_data.h"

namespace hylo::models {
namespace {

using hylo::tests::golden;
using hylo::tests::skip_reason;
using namespace tests;  // NOLINT: the whole header is for tests like these

/// Both sides computed in float64. The goldens of gradients and weights are rounded to float32.
constexpr double float64_tolerance = 1e-9;
constexpr double rounded_tolerance = 1e-7;

Checkpoint opened(const std::filesystem::path& folder, NumberType type) {
  return open_checkpoint(folder, {.type = type});
}

/// The tensors of a walk by the names of the checkpoint.
std::map<std::string, at::Tensor> by_stored_name(const ModelConfig& config,
                                                 const std::vector<OptimizedTensor>& tensors,
                                                 const std::vector<at::Tensor>& values) {
  std::map<std::string, std::string> names;
  auto weights = empty_weights(config);
  visit_weights(config, weights, [&](const WeightSlot& slot, at::Tensor&) {
    names[slot.name] = stored_tensor(config, slot).name;
  });
  std::map<std::string, at::Tensor> found;
  for (size_t i = 0; i < tensors.size(); ++i) found[names.at(tensors[i].name)] = values[i];
  return found;
}

/// Two rows of one step of the golden, packed. Its labels are the tokens themselves, to be shifted.
PackedBatch batch_of(const at::Tensor& ids_BT, const at::Tensor& labels_BT) {
  PackedBatch batch;
  const int64_t length = ids_BT.size(1);
  for (int64_t b = 0; b < ids_BT.size(0); ++b) {
    for (const auto id : row_of(ids_BT, b)) batch.tokens_N.push_back(id);
    for (int64_t t = 0; t < length; ++t) {
      batch.labels_N.push_back(t + 1 < length ? labels_BT[b][t + 1].item<int64_t>()
                                              : kernels::no_label);
    }
    batch.sequence_rows.push_back(length);
  }
  batch.num_labels =
      std::ssize(batch.labels_N) - std::ranges::count(batch.labels_N, kernels::no_label);
  return batch;
}

Stage golden_stage(const Objective& objective, int64_t rows) {
  return {.name = "golden",
          .objective = objective,
          .steps = 5,
          .context_length = rows,
          .tokens_per_step = 2 * rows,
          .tokens_per_pass = 2 * rows,
          .peak_learning_rate = 1e-3,
          .optimizer = {.beta1 = 0.9, .beta2 = 0.95, .epsilon = 1e-8, .weight_decay = 0.1},
          .decays_vectors = true};
}

struct TrainingCase {
  std::string name;
  Objective objective;
  int64_t rows_per_pass;  ///< 40: gradients are accumulated over two passes
  bool recompute_layers;
};

class TrainingGoldens : public ::testing::TestWithParam<TrainingCase> {};

TEST_P(TrainingGoldens, FiveStepsAreThoseOfTransformers) {
  const auto root = golden("hf-goldens");
  if (!root) GTEST_SKIP() << skip_reason("HYLO_TEST_DATA", "hf-goldens");
  const auto& [name, objective, rows_per_pass, recompute_layers] = GetParam();
  const auto folder = *root / "training" / name;
  const SafetensorsFile reference(folder / "reference.safetensors");
  const auto stated = read_json_file(folder / "reference.json");
  const auto teacher = opened(*root / "llama", NumberType::Float64);
  const Decoder teaching(teacher.config, teacher.weights);
  const auto start =
      needs_teacher(objective) ? opened(folder / "student", NumberType::Float64) : teacher;
  TrainedModel student(start.config, start.weights, {.type = at::kDouble, .decays_vectors = true});
  const auto ids = reference.tensor("input_ids");
  const auto labels = needs_teacher(objective) ? ids : reference.tensor("labels");
  auto stage = golden_stage(objective, ids.size(2));
  stage.tokens_per_pass = rows_per_pass;
  stage.recompute_layers = recompute_layers;

  // The gradients of the first step, before they are clipped.
  const auto first = batch_of(ids[0], labels[0]);
  for (const auto& rows : passes_of(first, rows_per_pass)) {
    add_gradients(objective, &teaching, student.decoder(), rows,
                  {{std::ssize(first.tokens_N), first.num_labels}, recompute_layers});
    student.collect_gradients();
  }
  const auto gradients =
      by_stored_name(student.decoder().config(), student.tensors(), student.gradients());
  for (const auto& [tensor, gradient] : gradients) {
    EXPECT_LT(max_difference(gradient, reference.tensor("grad.step1." + tensor)), rounded_tolerance)
        << tensor;
  }

  StageRun run(stage, &teaching, student, "");
  for (int64_t step = 0; step < 5; ++step) {
    const auto report = run.step(batch_of(ids[step], labels[step]));
    EXPECT_NEAR(report.loss.total, stated["losses"][static_cast<size_t>(step)].get<double>(),
                float64_tolerance);
    EXPECT_NEAR(report.gradient_norm, stated["grad_norms"][static_cast<size_t>(step)].get<double>(),
                float64_tolerance);
  }
  EXPECT_TRUE(run.is_done());
  std::vector<at::Tensor> values;
  for (const auto& tensor : student.tensors()) values.push_back(tensor.value.detach());
  for (const auto& [tensor, value] :
       by_stored_name(student.decoder().config(), student.tensors(), values)) {
    const auto& expected = stated["final_weights_sum_and_norm_fp64"].at(tensor);
    EXPECT_NEAR(value.sum().item<double>(), expected[0].get<double>(), float64_tolerance) << tensor;
    EXPECT_NEAR(value.norm().item<double>(), expected[1].get<double>(), float64_tolerance)
        << tensor;
  }
}

INSTANTIATE_TEST_SUITE_P(Of, TrainingGoldens,
                         ::testing::Values(TrainingCase{"llama_ce", NextToken{}, 80, false},
                                           TrainingCase{"llama_ce", NextToken{}, 40, true},
                                           TrainingCase{"llama_kd", DistilLogits{}, 80, true},
                                           TrainingCase{"llama_kd", DistilLogits{}, 40, false}),
                         [](const auto& tested) {
                           return tested.param.name +
                                  (tested.param.rows_per_pass == 40 ? "_in_two_passes" : "") +
                                  (tested.param.recompute_layers ? "_recomputed" : "");
                         });

class AlignmentGoldens : public ::testing::TestWithParam<std::string> {};

TEST_P(AlignmentGoldens, LossAndGradientsOfEveryLayerAreZebraLlamas) {
  const auto root = golden("lineage-goldens");
  if (!root) GTEST_SKIP() << skip_reason("HYLO_TEST_DATA", "lineage-goldens");
  const auto stated = read_json_file(*root / "train/ild.json").at(GetParam());
  const SafetensorsFile reference(*root / "train/ild.safetensors");
  ConversionCase start(*root / "convert" / GetParam(), NumberType::Float64);
  start.take_stored();
  const Decoder teaching(start.teacher.config, start.teacher.weights);
  TrainedModel student(start.config, start.weights, {.type = at::kDouble});
  const auto ids =
      SafetensorsFile(*root / "convert/teacher-llama/reference.safetensors").tensor("input_ids");
  const auto batch = batch_of(ids, ids);

  const auto loss = add_gradients(AlignLayers{}, &teaching, student.decoder(),
                                  passes_of(batch, std::ssize(batch.tokens_N)).front(),
                                  {{std::ssize(batch.tokens_N), batch.num_labels}});
  student.collect_gradients();

  EXPECT_NEAR(loss.total, stated["loss"].get<double>(), float64_tolerance);
  ASSERT_EQ(loss.layers.size(), stated["terms"].size());
  for (size_t i = 0; i < loss.layers.size(); ++i) {
    EXPECT_NEAR(loss.layers[i], stated["terms"][i][0].get<double>(), float64_tolerance);
    EXPECT_NEAR(loss.mixers[i], stated["terms"][i][1].get<double>(), float64_tolerance);
  }
  const auto gradients =
      by_stored_name(student.decoder().config(), student.tensors(), student.gradients());
  size_t num_compared = 0;
  for (const auto& [tensor, expected] : stated["grad"].items()) {
    const auto& gradient = gradients.at(tensor);
    ASSERT_TRUE(gradient.defined()) << tensor;
    EXPECT_NEAR(gradient.norm().item<double>(), expected[0].get<double>(), float64_tolerance);
    EXPECT_NEAR(gradient.sum().item<double>(), expected[1].get<double>(), float64_tolerance);
    const auto whole = GetParam() + "/grad/" + tensor;
    if (!reference.entries().contains(whole)) continue;
    const auto value = reference.tensor(whole).view_as(gradient);
    EXPECT_LT(max_difference(gradient, value),
              rounded_tolerance * std::max(1.0, value.abs().max().item<double>()))
        << tensor;
    ++num_compared;
  }
  EXPECT_GT(num_compared, 10U);
  for (const auto& [tensor, gradient] : gradients) {
    EXPECT_EQ(gradient.defined(), stated["grad"].contains(tensor)) << tensor;
  }
}

INSTANTIATE_TEST_SUITE_P(Of, AlignmentGoldens, ::testing::Values("mla-truncated", "gdn", "mamba2"),
                         [](const auto& tested) {
                           std::string name = tested.param;
                           std::ranges::replace(name, '-', '_');
                           return name;
                         });

}  // namespace
}  // namespace hylo::models
