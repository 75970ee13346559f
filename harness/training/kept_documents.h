// Documents of token ids in a file, so that what a teacher wrote is written once.
#pragma once

#include <filesystem>
#include <string>

#include "models/distill/token_documents.h"

namespace hylo::harness {

/// A safetensors file: "tokens", int32 ids one document after another with the mark of trained ones
/// in the highest bit, and "ends", int64, behind the last token of each.
void keep_documents(const std::filesystem::path& file, const models::TokenDocuments& documents);

/// Throws Error when the file is damaged.
models::TokenDocuments read_kept_documents(const std::filesystem::path& file,
                                           const std::string& tokenizer_sha256);

}  // namespace hylo::harness
