// A recipe: teacher, student, data and stages as data, in a file that one can read to a colleague.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "datasets/training_text.h"
#include "harness/base/json.h"
#include "models/config/placement.h"
#include "models/distill/stage.h"
#include "models/distill/token_documents.h"
#include "models/engine/sampling.h"
#include "models/upcycle/upcycle.h"

namespace hylo::models {

/// Texts of a file or folder, below the data folder unless the path is absolute.
struct TextData {
  datasets::TextSource text;
  TokenizeOptions tokens;
};
/// Texts that the teacher writes.
struct TeacherData {
  int64_t num_documents = 0, max_tokens = 0;
  SamplingOptions sampling{.temperature = 1};
  std::string prompt;  ///< empty: the tokenizer's BOS
};
struct DataSource {
  std::string name;
  std::variant<TextData, TeacherData> data;
  double weight = 1;
};

/// Documents that nobody trains on: a share of every text source, or a source of their own.
struct HeldOut {
  double share = 0;
  std::optional<TextData> text;
};

/// Dense feed-forwards of a student that become mixtures of experts; their numbers are
/// UpcycleOptions::experts.
struct UpcycledExperts {
  std::vector<int64_t> layers;  ///< empty: all
  MoeSpec spec;                 ///< without widths, which are the teacher's
  bool has_shared = false;      ///< a copy for every token beside them
};

/// A student by conversion of the teacher's layers.
struct UpcycledStudent {
  Json placement;  ///< as read_placement wants it; null: `like` says it, or mixers stay
  /// A row of the catalogue whose mixers are taken, and whether the head is untied; empty:
  /// placement.
  std::string like;
  std::optional<UpcycledExperts> experts;
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

struct Recipe {
  std::string name;
  Json json;                  ///< the whole, as written
  std::string base, teacher;  ///< folders, where the command line names none; may be empty
  NumberType type = NumberType::Float32;
  uint64_t seed = 0;
  std::variant<UpcycledStudent, FreshStudent> student;
  std::vector<DataSource> data;
  std::optional<HeldOut> held_out;
  std::vector<Stage> stages;
};

/// Throws Error with the path of a key that is missing, unknown, doubled or out of range.
/// `data_root` is where paths of data begin.
Recipe read_recipe(const Json& json, const std::string& where,
                   const std::filesystem::path& data_root);

/// The student's config. Throws Error when the placement does not fit the teacher.
ModelConfig student_config(const UpcycledStudent& student, const ModelConfig& teacher);
ModelConfig student_config(const FreshStudent& student, int64_t vocabulary_size);

}  // namespace hylo::models
