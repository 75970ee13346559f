// The documents of a recipe as token ids: read or written by the teacher, and some held out.
#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "models/decoder/decoder.h"
#include "models/distill/recipe.h"
#include "models/distill/token_stream.h"
#include "models/tokenizer/tokenizer.h"

namespace hylo::harness {

struct TrainingData {
  std::vector<models::TokenSource> sources;
  std::shared_ptr<const models::TokenDocuments> held_out;  ///< null: the recipe holds nothing out
  std::vector<std::string> notes;  ///< what was read and left out, a line each
};

struct TrainingDataOptions {
  const models::Decoder* teacher = nullptr;  ///< who writes; null: nobody can
  std::string teacher_sha256;
  std::filesystem::path folder;  ///< what the teacher writes is kept in `folder`/teacher-text
  bool skip_bad_lines = false;
  /// Told "source", documents that the teacher has written, and all; may be empty. May throw to end
  /// the writing, which goes on behind the last whole piece.
  std::function<void(const std::string&, int64_t, int64_t)> on_written;
};

/// Throws Error naming file and line, or the source of the recipe, for what cannot be read.
TrainingData read_training_data(const models::Recipe& recipe, const models::Tokenizer& tokenizer,
                                const TrainingDataOptions& options);

}  // namespace hylo::harness
