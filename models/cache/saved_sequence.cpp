#include "models/cache/saved_sequence.h"

#include <ATen/ops/cat.h>
#include <ATen/ops/empty.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <string>
#include <utility>

#include "harness/base/error.h"
#include "models/weights/safetensors.h"

namespace hylo::models {
namespace {

std::string name_of(size_t layer, size_t part) {
  return fmt::format("layers.{}.parts.{}", layer, part);
}

at::Tensor bytes_of(std::string_view text) {
  auto bytes = at::empty({static_cast<int64_t>(text.size())}, at::TensorOptions().dtype(at::kByte));
  std::ranges::copy(text, reinterpret_cast<char*>(bytes.mutable_data_ptr<uint8_t>()));
  return bytes;
}

std::string text_of(const at::Tensor& bytes) {
  const auto* begin = reinterpret_cast<const char*>(bytes.const_data_ptr<uint8_t>());
  return {begin, static_cast<size_t>(bytes.numel())};
}

at::Tensor tensor_of(std::span<const int32_t> tokens) {
  auto tensor =
      at::empty({static_cast<int64_t>(tokens.size())}, at::TensorOptions().dtype(at::kInt));
  std::ranges::copy(tokens, tensor.mutable_data_ptr<int32_t>());
  return tensor;
}

/// Rows of a page that hold tokens.
int64_t rows_in_page(int64_t page, int64_t page_tokens, int64_t num_tokens) {
  return std::min(page_tokens, num_tokens - page * page_tokens);
}

/// How many of the last tokens the next query sees.
int64_t rows_needed(const Cache& cache, size_t layer, int64_t num_tokens) {
  return std::min(num_tokens, cache.window(layer).value_or(num_tokens + 1) - 1);
}

/// [rows, ...]: the last tokens, as many as the next query sees.
at::Tensor last_rows(const SequenceCache& sequence, size_t layer, const at::Tensor& pages) {
  const int64_t page_tokens = pages.size(1), num_tokens = sequence.num_tokens();
  const int64_t first = num_tokens - rows_needed(sequence.owner(), layer, num_tokens);
  std::vector<at::Tensor> rows{pages.select(0, 0).narrow(0, 0, 0)};
  for (int64_t position = first; position < num_tokens;) {
    const int64_t page = position / page_tokens, skipped = position % page_tokens;
    const int64_t count = rows_in_page(page, page_tokens, num_tokens) - skipped;
    rows.push_back(pages.select(0, sequence.pages(layer)[page]).narrow(0, skipped, count));
    position += count;
  }
  return at::cat(rows);
}

/// A file that says what it holds, with the geometry of the cache that will take it.
class Reader {
 public:
  Reader(const std::filesystem::path& file, std::string_view model) : stored_(file) {
    const auto found = text_of(tensor("model", at::kByte));
    require(found == model, "{}: the memory of model '{}', expected '{}'; feed the text again",
            file.string(), found, model);
  }

  std::vector<int32_t> tokens() const {
    const auto tensor = this->tensor("tokens", at::kInt);
    const auto* data = tensor.const_data_ptr<int32_t>();
    return {data, data + tensor.numel()};
  }

  /// [rows, sizes...]
  at::Tensor rows(const std::string& name, const at::Tensor& pages, int64_t num_rows) const {
    const auto found = tensor(name, pages.scalar_type());
    require(found.dim() == pages.dim() - 1 && found.sizes().slice(1) == pages.sizes().slice(2) &&
                found.size(0) == num_rows,
            "{}: {} is [{}], expected {} rows of [{}]", path(), name,
            fmt::join(found.sizes(), ", "), num_rows, fmt::join(pages.sizes().slice(2), ", "));
    return found;
  }

  at::Tensor state(const std::string& name, const at::Tensor& pages) const {
    const auto found = tensor(name, pages.scalar_type());
    require(found.sizes() == pages.sizes().slice(1), "{}: {} is [{}], expected [{}]", path(), name,
            fmt::join(found.sizes(), ", "), fmt::join(pages.sizes().slice(1), ", "));
    return found;
  }

  void require_no_more_than(size_t num_tensors) const {
    require(stored_.entries().size() == num_tensors,
            "{}: {} tensors, expected {}; it was written for a network of other layers", path(),
            stored_.entries().size(), num_tensors);
  }

 private:
  [[nodiscard]] std::string path() const { return stored_.path().string(); }
  [[nodiscard]] at::Tensor tensor(const std::string& name, at::ScalarType type) const {
    require(stored_.entries().contains(name),
            "{}: no tensor '{}'; is it the saved memory of this model?", path(), name);
    const auto found = stored_.tensor(name);
    require(found.scalar_type() == type, "{}: {} is {}, expected {}", path(), name,
            c10::toString(found.scalar_type()), c10::toString(type));
    return found;
  }

  SafetensorsFile stored_;
};

void fill_rows(SequenceCache& sequence, size_t layer, const at::Tensor& pages,
               const at::Tensor& rows, int64_t num_tokens) {
  const int64_t page_tokens = pages.size(1), skipped = num_tokens - rows.size(0);
  for (int64_t position = skipped; position < num_tokens;) {
    const int64_t page = position / page_tokens, first = position % page_tokens;
    const int64_t count = rows_in_page(page, page_tokens, num_tokens) - first;
    pages.select(0, sequence.pages(layer)[page])
        .narrow(0, first, count)
        .copy_(rows.narrow(0, position - skipped, count));
    position += count;
  }
}

}  // namespace

void save_sequence(const std::filesystem::path& file, const SequenceCache& sequence,
                   std::span<const int32_t> tokens, std::string_view model) {
  invariant(std::ssize(tokens) == sequence.num_tokens(), "{} tokens for a memory of {}",
            tokens.size(), sequence.num_tokens());
  sequence.check_whole();
  std::vector<std::pair<std::string, at::Tensor>> tensors{{"tokens", tensor_of(tokens)},
                                                          {"model", bytes_of(model)}};
  for (size_t layer = 0; layer < sequence.owner().num_layers(); ++layer) {
    if (tokens.empty()) break;
    const auto& pool = sequence.owner().pages(layer);
    for (size_t part = 0; part < pool.num_parts(); ++part) {
      const auto& pages = pool.part(part);
      tensors.emplace_back(name_of(layer, part),
                           sequence.owner().is_state(layer)
                               ? pages.select(0, sequence.pages(layer).front())
                               : last_rows(sequence, layer, pages));
    }
  }
  write_safetensors(file, tensors);
}

SavedSequence load_sequence(const std::filesystem::path& file, Cache& cache,
                            std::string_view model) {
  const Reader stored(file, model);
  auto tokens = stored.tokens();
  auto sequence = cache.new_sequence();
  const auto num_tokens = std::ssize(tokens);
  if (num_tokens == 0) return {std::move(sequence), std::move(tokens)};
  sequence.reserve(num_tokens);
  size_t num_parts = 0;
  bool lacks_rows = false;
  for (size_t layer = 0; layer < cache.num_layers(); ++layer) {
    const auto& pool = cache.pages(layer);
    num_parts += pool.num_parts();
    for (size_t part = 0; part < pool.num_parts(); ++part) {
      const auto& pages = pool.part(part);
      const auto name = name_of(layer, part);
      if (cache.is_state(layer)) {
        pages.select(0, sequence.pages(layer).front()).copy_(stored.state(name, pages));
        continue;
      }
      const int64_t needed = rows_needed(cache, layer, num_tokens);
      lacks_rows = lacks_rows || needed < num_tokens;
      fill_rows(sequence, layer, pages, stored.rows(name, pages, needed), num_tokens);
    }
  }
  stored.require_no_more_than(2 + num_parts);
  sequence.advance(num_tokens);
  if (lacks_rows) sequence.forbid_cuts();
  return {std::move(sequence), std::move(tokens)};
}

}  // namespace hylo::models
