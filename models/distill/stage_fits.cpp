#include "models/distill/stage_fits.h"

#include <algorithm>

#include "harness/base/error.h"
#include "models/distill/objective.h"
#include "models/distill/trained_model.h"

namespace hylo::models {
namespace {

/// Throws Error unless layers of the student can take the inputs of the base's.
void check_alike(const std::string& stage, const ModelConfig& base, const ModelConfig& student) {
  require(base.layers.size() == student.layers.size() && base.width == student.width &&
              base.vocabulary_size == student.vocabulary_size,
          "stage '{}' aligns {} layers of width {} with {} of width {}; only a student that is "
          "made of its base can be aligned with it",
          stage, student.layers.size(), student.width, base.layers.size(), base.width);
}

/// Throws Error unless some layer's matrices can be aligned and none in vain.
void check_matrices(const Stage& stage, const ModelConfig& base, const ModelConfig& student) {
  int64_t num_layers = 0;
  for (size_t i = 0; i < student.layers.size(); ++i) {
    try {
      num_layers += has_matrix_to_align(base.layers[i], student.layers[i]) ? 1 : 0;
    } catch (const Error& error) {
      fail("stage '{}' (align_mixing): layer {}: {}; matrices are aligned head by head", stage.name,
           i, error.what());
    }
  }
  require(num_layers > 0,
          "stage '{}' (align_mixing): no layer of the student has a matrix to align; Mamba-2, "
          "discrete Mamba-2 and Gated DeltaNet in the place of attention have",
          stage.name);
}

bool has_experts(const ModelConfig& config) {
  return std::ranges::any_of(config.layers, [](const LayerSpec& layer) {
    return std::holds_alternative<MoeSpec>(layer.feed_forward);
  });
}

}  // namespace

void check_fits(const Stage& stage, const ModelConfig* base, const ModelConfig& student) {
  check_frozen(student, stage.frozen);
  require(!stage.router.is_active() || has_experts(student),
          "stage '{}': router: no layer of the student has experts", stage.name);
  if (!aligns_with_base(stage.objective)) return;
  require(base, "stage '{}' ({}) aligns with a base; name one", stage.name,
          name_of(stage.objective));
  check_alike(stage.name, *base, student);
  if (std::holds_alternative<AlignMixing>(stage.objective)) check_matrices(stage, *base, student);
}

void check_vocabulary(const ModelConfig& teacher, const ModelConfig& student) {
  require(teacher.vocabulary_size == student.vocabulary_size,
          "the teacher's vocabulary has {} tokens, the student's {}; a student learns from a "
          "teacher of the same vocabulary",
          teacher.vocabulary_size, student.vocabulary_size);
}

}  // namespace hylo::models
