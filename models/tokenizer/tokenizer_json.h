// Reading Hugging Face's tokenizer.json.
// Source: huggingface/tokenizers, the serialised form of its components.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "models/tokenizer/bpe.h"
#include "models/tokenizer/tokenizer_parts.h"

namespace hylo::models {

/// Reads a file whose model is BPE. Throws Error with the file and the JSON path of what is damaged
/// or not understood: another kind of model, normalizer, pre-tokenizer, post-processor or decoder,
/// an unknown key.
TokenizerParts read_tokenizer_json(const std::filesystem::path& file);

}  // namespace hylo::models
