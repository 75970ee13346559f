// A teacher's checkpoint turned into a student with other mixers, before any training.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "models/upcycle/conversions.h"
#include "models/upcycle/dense_to_moe.h"
#include "models/weights/weights.h"

namespace hylo::models {

struct UpcycleOptions {
  uint64_t seed = 0;  ///< of what no teacher's tensor sets (initial_mixer.h)
  RopeRows rope_rows = RopeRows::Filled;
  /// Mixers that the teacher has not stay as they were drawn: the student to compare with.
  bool random_mixers = false;
  SparseUpcycling experts;  ///< where a dense feed-forward becomes a mixture
};

/// Throws Error, naming layer and key, expected and found, when the student does not follow from
/// the teacher: another vocabulary, width, number of layers, norm, scale or place of norms; a
/// feed-forward that is neither the teacher's nor a mixture of copies of it; a mixer for which
/// there is no rule, or not as the rule wants it.
void check_student(const ModelConfig& teacher, const ModelConfig& student);

/// What of the teacher's layers a student that passed the check has no place for, a line each; to
/// be shown to the user.
std::vector<std::string> dropped_by_upcycling(const ModelConfig& teacher,
                                              const ModelConfig& student);

/// The student's weights, of the type of the teacher's. Mixers that stay (keeps_tensors),
/// embedding, norms, feed-forwards and an untied teacher's head are the teacher's tensors, and
/// copied projections may be: they share its memory, so copy before changing them. The head of a
/// student that unties it is a copy of the embedding. Other mixers are converted, and dense
/// feed-forwards that become mixtures (dense_to_moe.h). The same seed gives the same draws for
/// every number of threads. Throws Error as check_student does.
ModelWeights upcycle(const ModelConfig& teacher, const ModelWeights& weights,
                     const ModelConfig& student, const UpcycleOptions& options = {});

}  // namespace hylo::models
