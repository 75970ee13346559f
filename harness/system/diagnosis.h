// What a user should be told of a checkpoint: doubts while it is opened, reasons when it fails.
#pragma once

#include <string>
#include <vector>

#include "models/tokenizer/tokenizer.h"
#include "models/weights/checkpoint.h"

namespace hylo::harness {

/// Keys of config.json that are not understood, and where config and tokenizer contradict each
/// other.
std::vector<std::string> disagreements(const models::Checkpoint& checkpoint,
                                       const models::TokenizerInfo& tokenizer);

/// Why a model gave NaN. Reads every weight.
std::string why_not_a_number(const models::Checkpoint& checkpoint);

}  // namespace hylo::harness
