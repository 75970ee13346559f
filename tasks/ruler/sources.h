// The texts that samples are made of: words, essays, questions with their documents.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "harness/base/json.h"

namespace hylo::tasks::ruler {

struct Words {
  std::vector<std::string> nouns, adjectives, verbs;  ///< in the order of their lists
};

struct Question {
  std::string text;
  std::vector<std::string> answers;  ///< any of them is right
  std::vector<size_t> golden;        ///< documents that come with it: indices into QaSet::documents
  std::vector<size_t> related;       ///< other documents of the same article, in file order
  std::string article;               ///< questions of one article are not independent
  /// Golden documents that the answer needs, first the one that holds it; empty where not known.
  std::vector<size_t> supporting = {};
  bool has_answer_document = false;  ///< the first supporting one holds the answer as a text
};
struct QaSet {
  std::vector<std::string> documents;  ///< sorted by code point, no document twice
  std::vector<Question> questions;     ///< that have an answer, in the order of the file
};

/// Everything that a build may draw from. A part that was not given is the generated one of
/// generated_sources.h; `identity` says which, so that sets made of other texts differ.
struct Sources {
  Words words;
  /// Words for lists longer than `words` has distinct ones.
  std::vector<std::string> more_words;
  std::string essay;  ///< one text, as it was read
  QaSet squad, hotpotqa;
  OrderedJson identity = OrderedJson::object();  ///< part -> sha256, or generated_revision
};

/// Where the parts lie; an empty path stands for the generated part.
struct SourcePaths {
  std::filesystem::path words;       ///< folder with nounlist.txt, adjectivelist.txt, verblist.txt
  std::filesystem::path more_words;  ///< JSON object, its values in file order (english_words.json)
  std::filesystem::path essays;      ///< a text, a JSON file {"text": ...}, or a folder of texts
  std::filesystem::path squad;       ///< SQuAD JSON, v1.1 or v2.0
  std::filesystem::path hotpotqa;    ///< HotpotQA JSON list, or JSON lines
};

/// Throws Error for a file or folder that is missing, unreadable, empty, not UTF-8 or not of its
/// format.
Sources read_sources(const SourcePaths& paths);

}  // namespace hylo::tasks::ruler
