// Reading vocab.json and merges.txt, the older form of byte-level BPE.
#pragma once

#include <filesystem>

#include "models/tokenizer/tokenizer_config.h"
#include "models/tokenizer/tokenizer_parts.h"

namespace hylo::models {

/// Reads the files of a folder, added_tokens.json too where it is. Which pattern and normalization
/// belong to them is said by the tokenizer_class of `config`: GPT-2's without one. GPT-2's
/// tokenizer gets its <|endoftext|> where the configuration names no tokens. Throws Error on
/// another class or a damaged file.
TokenizerParts read_vocab_and_merges(const std::filesystem::path& folder, TokenizerConfig& config);

}  // namespace hylo::models
