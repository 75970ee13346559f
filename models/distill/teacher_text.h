// Documents that a model writes by itself: data to distil on where there is none.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "models/decoder/decoder.h"
#include "models/distill/token_documents.h"
#include "models/engine/sampling.h"

namespace hylo::models {

struct TeacherTextOptions {
  int64_t num_documents = 0;
  int64_t first_document = 0;  ///< the number of the first; a document's draws depend on its number
  int64_t max_tokens = 0;      ///< of a document, the prompt included
  SamplingOptions sampling{.temperature = 1};
  uint64_t seed = 0;
  std::vector<int32_t> prompt;      ///< every document begins with it; at least one token
  std::vector<int32_t> end_tokens;  ///< one of them ends a document, and belongs to it
};

/// Samples the documents, in calls of many sequences. A document's draws come from (seed, its
/// number) alone; whether its ids are the same on other machines is up to the last bits of the
/// model's logits. `on_document` (may be empty) is told how many are done. Throws Error for options
/// that cannot be.
TokenDocuments teacher_text(const Decoder& teacher, const std::string& tokenizer_sha256,
                            const TeacherTextOptions& options,
                            const std::function<void(int64_t)>& on_document);

}  // namespace hylo::models
