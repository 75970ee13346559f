// The documents of a recipe as token ids: read or written by the teacher, and some held out.
#pragma once

#include <ATen/core/Tensor.h>

#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "models/decoder/decoder.h"
#include "models/distill/recipe.h"
#include "models/distill/token_stream.h"
#include "models/tokenizer/tokenizer.h"

namespace hylo::harness {

struct TrainingData {
  std::vector<models::TokenSource> sources;
  std::shared_ptr<const models::TokenDocuments> held_out;  ///< null: the recipe holds nothing out
  std::shared_ptr<const models::TokenDocuments> held_out_pairs;  ///< of preferences; may be null
  std::vector<std::string> notes;  ///< what was read and left out, a line each
};

/// What the teacher finds likeliest, for a stage that learns from that: by source, mapped from
/// files.
using KeptLogits = std::vector<std::pair<std::string, at::Tensor>>;

struct TrainingDataOptions {
  const models::Decoder* teacher = nullptr;  ///< who writes; null: nobody can
  std::string teacher_sha256;
  std::filesystem::path folder;  ///< what the teacher writes is kept in `folder`/teacher-text
  bool skip_bad_lines = false;
  /// Told "source", documents that the teacher has written, and all; may be empty. May throw to end
  /// the writing, which goes on behind the last whole piece.
  std::function<void(const std::string&, int64_t, int64_t)> on_written;
  /// Told "source", tokens whose logits are kept, and all; may be empty. May throw to end it.
  std::function<void(const std::string&, int64_t, int64_t)> on_kept = {};
};

/// Of all documents of the stage's sources, in `folder`/teacher-logits: files named by the hash of
/// all that they depend on, written where they are not there. `on_note` is told how many bytes a
/// file will have before it is written. Empty for other stages. Throws Error: nobody to ask, full
/// disk.
KeptLogits keep_teacher_logits(const models::Recipe& recipe, const models::Stage& stage,
                               const std::vector<models::TokenSource>& sources,
                               const TrainingDataOptions& options,
                               const std::function<void(const std::string&)>& on_note);

/// Throws Error naming file and line, or the source of the recipe, for what cannot be read.
TrainingData read_training_data(const models::Recipe& recipe, const models::Tokenizer& tokenizer,
                                const TrainingDataOptions& options);

}  // namespace hylo::harness
