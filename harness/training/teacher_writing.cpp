#include "harness/training/teacher_writing.h"

#include <algorithm>

#include "harness/base/error.h"
#include "harness/training/kept_documents.h"

namespace hylo::harness {
namespace {

namespace fs = std::filesystem;

models::TokenDocuments piece(const TeacherWriting& writing, int64_t first, const fs::path& file) {
  auto wanted = writing.wanted;
  wanted.first_document = first;
  wanted.num_documents = std::min(documents_of_a_piece, writing.wanted.num_documents - first);
  if (fs::exists(file)) {
    auto kept = read_kept_documents(file, writing.tokenizer_sha256);
    require(kept.size() == wanted.num_documents,
            "{}: holds {} documents, expected {}; remove it, and it is written anew", file.string(),
            kept.size(), wanted.num_documents);
    return kept;
  }
  auto documents =
      models::teacher_text(writing.teacher, writing.tokenizer_sha256, wanted, [&](int64_t done) {
        if (writing.on_document) {
          writing.on_document(first + done);
        }
      });
  keep_documents(file, documents);
  return documents;
}

}  // namespace

models::TokenDocuments teacher_writing(const TeacherWriting& writing) {
  if (fs::exists(writing.file)) {
    return read_kept_documents(writing.file, writing.tokenizer_sha256);
  }
  const fs::path pieces = writing.file.string() + ".pieces";
  models::TokenDocuments documents(writing.tokenizer_sha256);
  for (int64_t first = 0; first < writing.wanted.num_documents; first += documents_of_a_piece) {
    const auto more = piece(writing, first, pieces / fmt::format("{:010}.safetensors", first));
    for (int64_t i = 0; i < more.size(); ++i) documents.add(more.at(i));
  }
  keep_documents(writing.file, documents);
  fs::remove_all(pieces);
  return documents;
}

}  // namespace hylo::harness
