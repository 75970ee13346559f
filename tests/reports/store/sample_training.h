// Training runs that are easy to foretell: what a step says follows from its number.
#pragma once

#include "reports/store/training_log.h"

namespace hylo::reports::tests {

/// Two stages: 4 steps of alignment, then 10 of distillation; 100 tokens a step.
inline TrainingDescription sample_training(const std::string& name = "") {
  return {.name = name,
          .recipe_name = "stories",
          .recipe = {{"name", "stories"}, {"seed", 7}},
          .teacher_name = "tiny",
          .teacher_sha256 = "ab",
          .student = {{"parameters", 1000}},
          .dtype = "float32",
          .seed = 7,
          .output_folder = "/somewhere/out",
          .argv = {"hylo", "distill"},
          .stages = {{.name = "align",
                      .kind = "align_layers",
                      .num_steps = 4,
                      .tokens_per_step = 100,
                      .context_length = 32},
                     {.name = "distil",
                      .kind = "distil_logits",
                      .num_steps = 10,
                      .tokens_per_step = 100,
                      .context_length = 64}}};
}

inline TrainingHost sample_host() {
  return {.machine = {{"processor", "abacus"}}, .build = {{"version", "1"}}, .num_threads = 2};
}

/// Loss 8, 8/2, 8/3, ...; half a second each.
inline TrainingStep sample_step(int64_t stage, int64_t step) {
  return {.place = {stage, step},
          .loss = 8.0 / static_cast<double>(step + 1),
          .gradient_norm = 0.5,
          .learning_rate = 1e-3,
          .num_rows = 100,
          .num_labels = 99,
          .seconds = 0.5,
          .resident_bytes = 1 << 20};
}

/// Steps [first, end).
inline void add_steps(TrainingLog& log, int64_t stage, int64_t first, int64_t end) {
  for (int64_t step = first; step < end; ++step) log.add_step(sample_step(stage, step));
}

inline TrainingValidation sample_validation(int64_t stage, int64_t step, double cross_entropy) {
  return {.place = {stage, step},
          .data = "held_out",
          .num_tokens = 500,
          .cross_entropy = cross_entropy,
          .standard_error = 0.01,
          .teacher_cross_entropy = 1.0};
}

/// A complete run with two validations, the last of cross-entropy `cross_entropy`.
inline int64_t complete_training(Store& store, const std::string& name = "",
                                 double cross_entropy = 1.1) {
  auto log = TrainingLog::begin(store, sample_training(name), sample_host());
  add_steps(log, 0, 0, 4);
  log.add_validation(sample_validation(0, 4, 2.0));
  log.add_checkpoint(
      {.place = {0, 4}, .folder = "/somewhere/out/checkpoint", .seconds = 0.1, .bytes = 4096});
  add_steps(log, 1, 0, 10);
  log.add_validation(sample_validation(1, 10, cross_entropy));
  log.finish();
  return log.id();
}

}  // namespace hylo::reports::tests
