// What a teacher writes: the same documents, however often the writing was interrupted.
#include "harness/training/teacher_writing.h"

#include <gmock/gmock.h>

#include <stdexcept>

#include "models/weights/checkpoint.h"
#include "tests/models/hybrids.h"
#include "tests/support/test_data.h"

namespace hylo::harness {
namespace {

using models::TokenDocuments;

constexpr int64_t num_documents = documents_of_a_piece + 20;

struct Teacher {
  models::ModelConfig config =
      models::tests::config_of({{models::tests::attention, models::tests::dense}});
  models::Decoder decoder{config, models::random_weights(config, models::NumberType::Float32, 1)};
};

TeacherWriting writing_to(const std::filesystem::path& file, const Teacher& teacher) {
  return {.teacher = teacher.decoder,
          .tokenizer_sha256 = "a tokenizer",
          .wanted = {.num_documents = num_documents,
                     .max_tokens = 5,
                     .seed = 3,
                     .prompt = {1},
                     .end_tokens = {2}},
          .file = file};
}

std::vector<std::vector<int32_t>> ids_of(const TokenDocuments& documents) {
  std::vector<std::vector<int32_t>> all;
  for (int64_t i = 0; i < documents.size(); ++i) {
    auto& ids = all.emplace_back();
    for (const auto& token : documents.at(i)) ids.push_back(token.id());
  }
  return all;
}

TEST(TeacherWriting, InterruptedItGoesOnBehindThePiecesThatAreWhole) {
  const tests::TemporaryFolder folder;
  const Teacher teacher;
  const auto whole = teacher_writing(writing_to(folder / "whole.safetensors", teacher));
  EXPECT_EQ(whole.size(), num_documents);

  auto writing = writing_to(folder / "interrupted.safetensors", teacher);
  writing.on_document = [](int64_t done) {
    if (done > documents_of_a_piece + 3) throw std::runtime_error("interrupted");
  };
  EXPECT_THROW((void)teacher_writing(writing), std::runtime_error);
  EXPECT_FALSE(std::filesystem::exists(writing.file));
  int64_t first_told = 0;
  writing.on_document = [&](int64_t done) { first_told = first_told > 0 ? first_told : done; };
  EXPECT_EQ(ids_of(teacher_writing(writing)), ids_of(whole));
  EXPECT_EQ(first_told, documents_of_a_piece + 1);
}

TEST(TeacherWriting, WhatIsFinishedIsReadAndNothingElseStays) {
  const tests::TemporaryFolder folder;
  const Teacher teacher;
  auto writing = writing_to(folder / "text.safetensors", teacher);
  const auto first = teacher_writing(writing);
  writing.on_document = [](int64_t) { FAIL() << "nothing is to be written"; };
  EXPECT_EQ(ids_of(teacher_writing(writing)), ids_of(first));
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(folder.path())) {
    names.push_back(entry.path().filename());
  }
  EXPECT_EQ(names, std::vector<std::string>{"text.safetensors"});
}

}  // namespace
}  // namespace hylo::harness
