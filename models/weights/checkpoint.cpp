#include "models/weights/checkpoint.h"

#include <ATen/ops/equal.h>
#include <ATen/ops/isfinite.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <set>

#include "harness/base/hash.h"
#include "harness/base/json.h"
#include "models/config/hf_config.h"
#include "models/config/own_config.h"
#include "models/weights/number_types.h"
#include "models/weights/readings.h"
#include "models/weights/tensor_source.h"

namespace hylo::models {
namespace {

/// Shapes are compared less their dims of size 1: checkpoints differ in those.
std::vector<int64_t> without_ones(at::IntArrayRef shape) {
  std::vector<int64_t> widths(shape.begin(), shape.end());
  std::erase(widths, 1);
  return widths;
}

at::Tensor load(const TensorSource& source, const StoredTensor& stored, const WeightSlot& slot,
                const std::string& folder) {
  require(source.has(stored.name), "{}: tensor '{}' [{}] is missing", folder, stored.name,
          fmt::join(stored.shape, ", "));
  auto tensor = source.tensor(stored.name);
  const auto file = source.file_of(stored.name).path().string();
  require(without_ones(tensor.sizes()) == without_ones(stored.shape),
          "{}: tensor '{}' is [{}], config.json makes it [{}]", file, stored.name,
          fmt::join(tensor.sizes(), ", "), fmt::join(stored.shape, ", "));
  require(number_type(tensor.scalar_type()).has_value(),
          "{}: tensor '{}' is of type {}, expected a float", file, stored.name,
          c10::toString(tensor.scalar_type()));
  return part_of(tensor.view(stored.shape), stored, slot);
}

/// Vector loads want elements at multiples of their size; safetensors promises no alignment.
bool is_aligned(const at::Tensor& tensor) {
  return reinterpret_cast<uintptr_t>(tensor.const_data_ptr()) % tensor.element_size() == 0;
}

at::Tensor as_type(const at::Tensor& tensor, const std::optional<NumberType>& type) {
  const auto wanted = type ? scalar_type(*type) : tensor.scalar_type();
  if (tensor.scalar_type() != wanted)
    return is_aligned(tensor) ? tensor.to(wanted) : tensor.clone().to(wanted);
  return is_aligned(tensor) ? tensor : tensor.clone();
}

void take_note_of_head(const TensorSource& source, Checkpoint& checkpoint) {
  const std::string head(hf_head_name);
  if (!checkpoint.config.tied_head || !source.has(head)) return;
  const WeightSlot slot{"embedding.weight", {}};
  const auto embedding = source.tensor(stored_tensor(checkpoint.config, slot).name);
  require(
      at::equal(source.tensor(head), embedding),
      "{}: config.json ties the head to the embedding, but '{}' is there and differs from it; set "
      "tie_word_embeddings to false or remove the tensor",
      checkpoint.folder.string(), head);
  checkpoint.notes.push_back("the head is stored although it is tied; it equals the embedding");
}

/// Layers behind the last that predict further tokens; the network does not use them.
std::set<std::string> further_token_layers(const TensorSource& source, const ModelConfig& config) {
  std::set<std::string> prefixes;
  if (config.family != Family::DeepseekV3) return prefixes;
  const auto first = fmt::format("{}{}.", layer_prefix(config, {}), config.layers.size());
  for (const auto& name : source.names()) {
    if (name == fmt::format("{}{}", first, further_token_projection)) prefixes.insert(first);
  }
  return prefixes;
}

void refuse_left_over(const TensorSource& source, const std::set<std::string>& used,
                      Checkpoint& checkpoint) {
  const auto& config = checkpoint.config;
  const auto unused = further_token_layers(source, config);
  for (const auto& prefix : unused) {
    checkpoint.notes.push_back(
        fmt::format("the tensors '{}*' predict further tokens and are not used", prefix));
  }
  for (const auto& name : source.names()) {
    const bool known = used.contains(name) || is_derived_tensor(name) ||
                       (config.tied_head && name == hf_head_name) ||
                       std::ranges::any_of(unused, [&](const std::string& prefix) {
                         return name.starts_with(prefix);
                       });
    require(known, "{}: tensor '{}' is left over: config.json ({}, {} layers) has no place for it",
            source.file_of(name).path().string(), name, family_name(config.family),
            config.layers.size());
  }
}

void take_note_of_types(const std::set<at::ScalarType>& stored, const OpenOptions& options,
                        Checkpoint& checkpoint) {
  auto& config = checkpoint.config;
  if (stored.size() > 1) {
    require(options.type.has_value() || options.allow_several_types,
            "{}: tensors are of several types; name one with --dtype", checkpoint.folder.string());
    checkpoint.notes.push_back("tensors are stored in several types");
  } else if (number_type(*stored.begin()) != config.stored) {
    checkpoint.notes.push_back(fmt::format("config.json says {}, the tensors are {}",
                                           type_name(config.stored),
                                           type_name(*number_type(*stored.begin()))));
  }
  for (const auto type : stored) checkpoint.stored_types.push_back(*number_type(type));
  config.stored = checkpoint.stored_types.front();
}

/// transformers keeps the sums of Mamba-2's residual stream in float32 where a key asks for it, and
/// asks for it where there is none. Other families have the key and no use for it.
void take_note_of_residual(const OpenOptions& options, Checkpoint& checkpoint) {
  if (checkpoint.config.family != Family::Mamba2 || checkpoint.spelling.own) return;
  const auto type = options.type.value_or(checkpoint.config.stored);
  const bool is_wide = type == NumberType::Float32 || type == NumberType::Float64;
  const auto json = read_json_file(checkpoint.folder / "config.json");
  if (is_wide || !json.value("residual_in_fp32", true)) return;
  checkpoint.notes.push_back(fmt::format(
      "residual_in_fp32 is not followed: the sums of the residual stream are {}", type_name(type)));
}

/// Reads what is written about the weights beside config.json's description of the network.
Spelling settle(Checkpoint& checkpoint, const TensorSource& source) {
  const auto file = checkpoint.folder / "config.json";
  const auto json = read_json_file(file);
  checkpoint.provenance = read_provenance(json, file.string());
  if (is_own_config(json)) return {.own = true};
  auto readings = settle_by_tensors(checkpoint.config, source.names(), checkpoint.folder.string());
  checkpoint.notes = std::move(readings.notes);
  return readings.spelling;
}

}  // namespace

Checkpoint open_checkpoint(const std::filesystem::path& folder, const OpenOptions& options) {
  Checkpoint checkpoint{.folder = folder, .config = read_hf_config(folder), .weights = {}};
  const TensorSource source(folder);
  checkpoint.spelling = settle(checkpoint, source);
  const auto& spelling = checkpoint.spelling;
  const auto& config = checkpoint.config;
  checkpoint.weights = empty_weights(config);
  std::set<std::string> used;
  std::set<at::ScalarType> stored;
  visit_weights(config, checkpoint.weights, [&](const WeightSlot& slot, at::Tensor& tensor) {
    const auto place = stored_tensor(config, slot, spelling);
    const auto found = load(source, place, slot, folder.string());
    stored.insert(found.scalar_type());
    tensor = as_type(found, options.type);
    used.insert(place.name);
  });
  refuse_left_over(source, used, checkpoint);
  take_note_of_head(source, checkpoint);
  take_note_of_types(stored, options, checkpoint);
  take_note_of_residual(options, checkpoint);
  for (const auto& file : source.files()) {
    checkpoint.weight_files.push_back(file.path());
    checkpoint.stored_bytes += static_cast<int64_t>(file.data_bytes());
  }
  return checkpoint;
}

std::vector<std::string> find_non_finite(const ModelConfig& config, const ModelWeights& weights,
                                         const Spelling& spelling) {
  std::vector<std::string> names;
  visit_weights(config, weights, [&](const WeightSlot& slot, const at::Tensor& tensor) {
    // By rows, so that the table of truth values stays small.
    const auto flat = tensor.reshape({-1});
    constexpr int64_t piece = 1 << 24;
    for (int64_t begin = 0; begin < flat.numel(); begin += piece) {
      const auto part = flat.narrow(0, begin, std::min(piece, flat.numel() - begin));
      if (at::isfinite(part).all().item<bool>()) continue;
      // Ours may be several parts of one of theirs, such as experts.
      const auto name = stored_tensor(config, slot, spelling).name;
      if (std::ranges::find(names, name) == names.end()) names.push_back(name);
      return;
    }
  });
  return names;
}

std::string hash_weights(const Checkpoint& checkpoint) {
  Sha256 hash;
  for (const auto& file : checkpoint.weight_files) hash.update(sha256_of_file(file));
  return hash.hex();
}

}  // namespace hylo::models
