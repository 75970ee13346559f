// A tokenizer as a counting function, held against what prompts need.
#pragma once

#include <string_view>
#include <vector>

#include "models/tokenizer/tokenizer.h"
#include "tasks/ruler/sample.h"
#include "tasks/ruler/sources.h"

namespace hylo::harness {

/// The tokenizer must outlive the function.
tasks::ruler::CountTokens counter_of(const models::Tokenizer& tokenizer);

/// Throws Error where the tokenizer loses characters of RULER's prompts (encoding and decoding does
/// not give them back), or has only its unknown token for a character of the sources.
void check_has_characters(const models::Tokenizer& tokenizer, std::string_view name,
                          const tasks::ruler::Sources& sources);

}  // namespace hylo::harness
