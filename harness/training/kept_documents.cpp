#include "harness/training/kept_documents.h"

#include <ATen/ops/empty.h>

#include <system_error>
#include <vector>

#include "harness/base/error.h"
#include "harness/training/kept_file.h"
#include "models/weights/safetensors.h"

namespace hylo::harness {
namespace {

at::Tensor numbers(int64_t count, at::ScalarType type) {
  return at::empty({count}, at::TensorOptions().dtype(type));
}

/// Throws Error where the file is none that keep_documents() wrote.
models::TokenDocuments documents_in(const std::filesystem::path& file,
                                    const std::string& tokenizer_sha256) {
  const models::SafetensorsFile kept(file);
  const auto tokens = kept.tensor("tokens"), ends = kept.tensor("ends");
  require(tokens.scalar_type() == at::kInt && ends.scalar_type() == at::kLong,
          "{}: expected int32 tokens and int64 ends", file.string());
  models::TokenDocuments documents(tokenizer_sha256);
  const auto* bits = reinterpret_cast<const uint32_t*>(tokens.const_data_ptr<int32_t>());  // NOLINT
  int64_t first = 0;
  for (int64_t i = 0; i < ends.numel(); ++i) {
    const int64_t end = ends.const_data_ptr<int64_t>()[i];
    require(first <= end && end <= tokens.numel(), "{}: document {} ends at {} of {} tokens",
            file.string(), i, end, tokens.numel());
    std::vector<models::TrainingToken> document;
    for (; first < end; ++first) {
      document.push_back(models::TrainingToken::of_bits(bits[first]));
    }
    documents.add(document);
  }
  require(first == tokens.numel(), "{}: {} tokens belong to no document", file.string(),
          tokens.numel() - first);
  return documents;
}

}  // namespace

void keep_documents(const std::filesystem::path& file, const models::TokenDocuments& documents) {
  auto tokens = numbers(documents.num_tokens(), at::kInt);
  auto ends = numbers(documents.size(), at::kLong);
  auto* token = reinterpret_cast<uint32_t*>(tokens.mutable_data_ptr<int32_t>());  // NOLINT: bits
  int64_t end = 0;
  for (int64_t i = 0; i < documents.size(); ++i) {
    for (const auto& each : documents.at(i)) *token++ = each.bits();
    end += std::ssize(documents.at(i));
    ends.mutable_data_ptr<int64_t>()[i] = end;
  }
  std::error_code failure;
  std::filesystem::create_directories(file.parent_path(), failure);
  require(!failure, "{}: cannot be made: {}", file.parent_path().string(), failure.message());
  models::write_safetensors(file, {{"tokens", tokens}, {"ends", ends}});
}

models::TokenDocuments read_kept_documents(const std::filesystem::path& file,
                                           const std::string& tokenizer_sha256) {
  return read_kept(file, [&](const auto& from) { return documents_in(from, tokenizer_sha256); });
}

}  // namespace hylo::harness
