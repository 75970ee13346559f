// Vocabularies in JSON: vocab.json, and the one inside tokenizer.json.
#pragma once

#include <simdjson.h>

#include <filesystem>
#include <string>

#include "models/tokenizer/vocabulary.h"

namespace hylo::models {

/// A file parsed by simdjson: vocabularies are too long for anything slower. Throws Error when it
/// cannot be read, is cut off or is no object.
struct ParsedFile {
  simdjson::dom::parser parser;
  simdjson::dom::element root;

  explicit ParsedFile(const std::filesystem::path& file);
};

/// An object of token to id; `where` opens messages.
Vocabulary vocabulary_of(const simdjson::dom::element& element, const std::string& where);

/// Reads vocab.json.
Vocabulary read_vocab_json(const std::filesystem::path& file);

}  // namespace hylo::models
