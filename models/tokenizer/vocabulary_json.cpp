#include "models/tokenizer/vocabulary_json.h"

#include "harness/base/error.h"
#include "harness/base/files.h"

namespace hylo::models {

namespace dom = simdjson::dom;

ParsedFile::ParsedFile(const std::filesystem::path& file) {
  const std::string text = read_text_file(file);
  const auto error = parser.parse(text).get(root);
  require(!error, "{}: expected JSON, found: {}; the file may be cut off: copy it again",
          file.string(), simdjson::error_message(error));
  require(root.is_object(), "{}: expected a JSON object", file.string());
}

Vocabulary vocabulary_of(const dom::element& element, const std::string& where) {
  dom::object entries;
  require(!element.get(entries), "{}: expected an object of token to id", where);
  Vocabulary vocabulary;
  vocabulary.reserve(entries.size());
  for (const auto& [token, value] : entries) {
    int64_t id = 0;
    require(!value.get(id), "{}: the id of '{}' is {}, expected an integer", where, token,
            std::string(simdjson::minify(value)));
    try {
      vocabulary.add(token, id);
    } catch (const Error& error) {
      fail("{}: {}", where, error.what());
    }
  }
  return vocabulary;
}

Vocabulary read_vocab_json(const std::filesystem::path& file) {
  const ParsedFile parsed(file);
  return vocabulary_of(parsed.root, file.string());
}

}  // namespace hylo::models
