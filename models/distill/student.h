// What a recipe makes its student of: a teacher's layers, or nothing.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "harness/base/json.h"
#include "models/config/model_config.h"
#include "models/upcycle/dense_to_narrower.h"
#include "models/upcycle/upcycle.h"

namespace hylo::models {

/// Dense feed-forwards of a student that become mixtures of experts; their numbers are
/// UpcycleOptions::experts.
struct UpcycledExperts {
  std::vector<int64_t> layers;  ///< empty: all
  MoeSpec spec;                 ///< without widths, which are the teacher's
  bool has_shared = false;      ///< a copy for every token beside them
};

/// A dense student with fewer and narrower parts of the teacher's, those that do most on texts of
/// the training.
struct NarrowedStudent {
  NarrowerSizes sizes;
  int64_t sequences = 0,
          tokens = 0;  ///< that importance is measured on, and of each the first so many
};

/// A student by conversion of the teacher's layers.
struct UpcycledStudent {
  Json placement;  ///< as read_placement wants it; null: `like` says it, or mixers stay, as with []
  /// A row of the catalogue whose mixers are taken, and whether the head is untied; empty:
  /// placement.
  std::string like;
  std::optional<UpcycledExperts> experts;
  std::optional<NarrowedStudent> narrow;  ///< and nothing of the above
  UpcycleOptions options;
};
/// A network that begins with random weights; its vocabulary is the tokenizer's.
struct FreshStudent {
  int64_t width = 0, num_layers = 0, feed_forward_width = 0;
  AttentionSpec attention;
  bool tied_head = true;
  int64_t max_positions = 0;
  Json placement;  ///< null: attention everywhere
};
using Student = std::variant<UpcycledStudent, FreshStudent>;

/// "student" or "model" of a recipe. Throws Error with the path of what cannot be.
Student read_student(JsonReader& recipe);

/// The student's config. Throws Error when it does not fit the teacher.
ModelConfig student_config(const UpcycledStudent& student, const ModelConfig& teacher);
ModelConfig student_config(const FreshStudent& student, int64_t vocabulary_size);

}  // namespace hylo::models
