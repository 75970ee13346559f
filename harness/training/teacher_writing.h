// What a teacher writes, kept piece by piece: an interrupted writing goes on where it was.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>

#include "models/distill/teacher_text.h"
#include "models/distill/token_documents.h"

namespace hylo::harness {

struct TeacherWriting {
  const models::Decoder& teacher;
  std::string tokenizer_sha256;
  models::TeacherTextOptions wanted;
  std::filesystem::path file;                     ///< named by all that the documents depend on
  std::function<void(int64_t)> on_document = {};  ///< told how many are done; may throw
};

/// Documents of a piece, which are written together and kept when all of them are there.
inline constexpr int64_t documents_of_a_piece = 256;

/// The documents of `file`, or newly written ones, which are then kept there. The pieces do not
/// depend on interruptions, so neither do the documents.
models::TokenDocuments teacher_writing(const TeacherWriting& writing);

}  // namespace hylo::harness
