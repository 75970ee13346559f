// Documents to train on that are samples of RULER with their answers.
#pragma once

#include <cstdint>
#include <vector>

#include "datasets/training_text.h"
#include "models/distill/recipe.h"
#include "models/tokenizer/tokenizer.h"

namespace hylo::harness {

/// Prompts as `hylo data build` makes them in the mode strict, of generated texts, each followed by
/// its answer: " " and the references, with commas, and a full stop. Tasks and lengths take turns.
/// Throws Error for a task that is not there, a tokenizer that loses characters, and a length that
/// is too small (telling the smallest).
std::vector<datasets::TrainingDocument> ruler_documents(const models::RulerData& data,
                                                        const models::Tokenizer& tokenizer,
                                                        uint64_t seed);

}  // namespace hylo::harness
