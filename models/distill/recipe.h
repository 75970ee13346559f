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
#include "models/distill/stage.h"
#include "models/distill/student.h"
#include "models/distill/token_documents.h"
#include "models/engine/sampling.h"

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
/// Samples of RULER's tasks with their answers, made of generated texts.
struct RulerData {
  std::vector<std::string> tasks;
  std::vector<int64_t> prompt_tokens;  ///< the most that a prompt has; sets of each task
  int64_t num_documents = 0;           ///< of each task and length
  bool only_answers = false;           ///< prompts are read, and nobody learns to write them
  TokenizeOptions tokens;
};
/// Words of random hexadecimal digits, each said over and over.
struct CopiesData {
  int64_t num_documents = 0;
  int64_t num_digits = 0;                     ///< of a document
  int64_t least_copied = 0, most_copied = 0;  ///< of them, in a word
  TokenizeOptions tokens;
};
struct DataSource {
  std::string name;
  std::variant<TextData, TeacherData, RulerData, CopiesData> data;
  double weight = 1;
};

/// Documents that nobody trains on: a share of every text source, or a source of their own.
struct HeldOut {
  double share = 0;
  std::optional<TextData> text;
};

/// What is asked of the student as it learns. Names mean something to those who ask.
struct Evaluation {
  std::vector<std::string> tasks;
  int64_t every = 0;             ///< steps, counted over all stages; 0: at the end alone
  std::optional<int64_t> limit;  ///< of each task only the first so many documents
  std::filesystem::path sets;    ///< of prepared samples, for tasks that want some; may be empty
};

struct Recipe {
  std::string name;
  Json json;                  ///< the whole, as written
  std::string base, teacher;  ///< folders, where the command line names none; may be empty
  NumberType type = NumberType::Float32;
  uint64_t seed = 0;
  Student student;
  std::vector<DataSource> data;
  std::optional<HeldOut> held_out;
  std::vector<Stage> stages;
  std::optional<Evaluation> evaluation;
};

/// Throws Error with the path of a key that is missing, unknown, doubled or out of range.
/// `data_root` is where paths of data begin.
Recipe read_recipe(const Json& json, const std::string& where,
                   const std::filesystem::path& data_root);

}  // namespace hylo::models
