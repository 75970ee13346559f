#include "models/weights/checkpoint.h"

#include <ATen/ops/equal.h>
#include <ATen/ops/isfinite.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <map>
#include <set>

#include "harness/base/hash.h"
#include "harness/base/json.h"
#include "models/config/hf_config.h"
#include "models/weights/hf_names.h"
#include "models/weights/number_types.h"
#include "models/weights/safetensors.h"

namespace hylo::models {
namespace {

constexpr const char* index_name = "model.safetensors.index.json";
constexpr const char* single_name = "model.safetensors";

/// All tensors of a folder, each with the file that holds it.
class TensorSource {
 public:
  explicit TensorSource(const std::filesystem::path& folder) {
    if (std::filesystem::exists(folder / index_name)) {
      open_indexed(folder);
    } else {
      require(std::filesystem::exists(folder / single_name),
              "{}: holds neither {} nor {}; pickled checkpoints (*.bin, *.pt) are not read",
              folder.string(), single_name, index_name);
      add_file(folder / single_name);
    }
  }

  [[nodiscard]] const std::vector<SafetensorsFile>& files() const { return files_; }
  [[nodiscard]] bool has(const std::string& name) const { return file_of_.contains(name); }
  [[nodiscard]] const std::map<std::string, size_t>& names() const { return file_of_; }
  [[nodiscard]] const SafetensorsFile& file_of(const std::string& name) const {
    return files_[file_of_.at(name)];
  }
  [[nodiscard]] at::Tensor tensor(const std::string& name) const {
    return file_of(name).tensor(name);
  }

 private:
  void add_file(const std::filesystem::path& file) {
    files_.emplace_back(file);
    for (const auto& [name, entry] : files_.back().entries()) {
      const auto [other, is_new] = file_of_.emplace(name, files_.size() - 1);
      require(is_new, "{}: tensor '{}' is also in {}", file.string(), name,
              files_[other->second].path().string());
    }
  }

  void open_indexed(const std::filesystem::path& folder) {
    const auto where = (folder / index_name).string();
    const auto json = read_json_file(folder / index_name);
    JsonReader reader(json, where);
    const auto map = reader.get<std::map<std::string, std::string>>("weight_map");
    std::set<std::string> names;
    for (const auto& [tensor, file] : map) {
      require(std::filesystem::path(file).filename() == file,
              "{}: '{}' is not the name of a neighbour", where, file);
      names.insert(file);
    }
    for (const auto& name : names) {
      require(std::filesystem::exists(folder / name),
              "{}: names {}, which is not there; download it again", where, name);
      add_file(folder / name);
    }
    for (const auto& [tensor, file] : map) {
      const auto found = file_of_.find(tensor);
      require(found != file_of_.end() && files_[found->second].path().filename() == file,
              "{}: says that '{}' is in {}, which does not have it", where, tensor, file);
    }
  }

  std::vector<SafetensorsFile> files_;
  std::map<std::string, size_t> file_of_;
};

at::Tensor load(const TensorSource& source, const std::string& name, const WeightSlot& slot,
                const std::string& folder) {
  require(source.has(name), "{}: tensor '{}' [{}] is missing", folder, name,
          fmt::join(slot.shape, ", "));
  auto tensor = source.tensor(name);
  const auto file = source.file_of(name).path().string();
  require(tensor.sizes() == at::IntArrayRef(slot.shape),
          "{}: tensor '{}' is [{}], config.json makes it [{}]", file, name,
          fmt::join(tensor.sizes(), ", "), fmt::join(slot.shape, ", "));
  require(number_type(tensor.scalar_type()).has_value(),
          "{}: tensor '{}' is of type {}, expected a float", file, name,
          c10::toString(tensor.scalar_type()));
  return tensor;
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
  const auto embedding = source.tensor(hf_name("embedding.weight"));
  require(
      at::equal(source.tensor(head), embedding),
      "{}: config.json ties the head to the embedding, but '{}' is there and differs from it; set "
      "tie_word_embeddings to false or remove the tensor",
      checkpoint.folder.string(), head);
  checkpoint.notes.push_back("the head is stored although it is tied; it equals the embedding");
}

void refuse_left_over(const TensorSource& source, const std::set<std::string>& used,
                      const ModelConfig& config) {
  for (const auto& [name, file] : source.names()) {
    const bool known = used.contains(name) || is_derived_tensor(name) ||
                       (config.tied_head && name == hf_head_name);
    require(known, "{}: tensor '{}' is left over: config.json ({}, {} layers) has no place for it",
            source.file_of(name).path().string(), name, family_name(config.family),
            config.layers.size());
  }
}

}  // namespace

Checkpoint open_checkpoint(const std::filesystem::path& folder, const OpenOptions& options) {
  Checkpoint checkpoint{.folder = folder, .config = read_hf_config(folder), .weights = {}};
  auto& config = checkpoint.config;
  const TensorSource source(folder);
  checkpoint.weights = empty_weights(config);
  std::set<std::string> used;
  std::set<at::ScalarType> stored;
  visit_weights(config, checkpoint.weights, [&](const WeightSlot& slot, at::Tensor& tensor) {
    const auto name = hf_name(slot.name);
    const auto found = load(source, name, slot, folder.string());
    stored.insert(found.scalar_type());
    tensor = as_type(found, options.type);
    used.insert(name);
  });
  refuse_left_over(source, used, config);
  take_note_of_head(source, checkpoint);
  if (stored.size() > 1) {
    require(options.type.has_value() || options.allow_several_types,
            "{}: tensors are of several types; name one with --dtype", folder.string());
    checkpoint.notes.push_back("tensors are stored in several types");
  } else if (number_type(*stored.begin()) != config.stored) {
    checkpoint.notes.push_back(fmt::format("config.json says {}, the tensors are {}",
                                           type_name(config.stored),
                                           type_name(*number_type(*stored.begin()))));
  }
  for (const auto type : stored) checkpoint.stored_types.push_back(*number_type(type));
  config.stored = checkpoint.stored_types.front();
  for (const auto& file : source.files()) {
    checkpoint.weight_files.push_back(file.path());
    checkpoint.stored_bytes += static_cast<int64_t>(file.data_bytes());
  }
  return checkpoint;
}

void write_checkpoint(const std::filesystem::path& folder, const ModelConfig& config,
                      const ModelWeights& weights, const WriteOptions& options) {
  std::vector<std::vector<std::pair<std::string, at::Tensor>>> files(1);
  int64_t bytes = 0, total = 0;
  visit_weights(config, weights, [&](const WeightSlot& slot, const at::Tensor& tensor) {
    require(tensor.defined() && tensor.sizes() == at::IntArrayRef(slot.shape),
            "{}: tensor '{}' is not [{}]", folder.string(), slot.name, fmt::join(slot.shape, ", "));
    const auto size = static_cast<int64_t>(tensor.nbytes());
    if (bytes > 0 && bytes + size > options.max_file_bytes) {
      files.emplace_back();
      bytes = 0;
    }
    files.back().emplace_back(hf_name(slot.name), tensor);
    bytes += size;
    total += size;
  });
  require(files.size() > 1 || !std::filesystem::exists(folder / index_name),
          "{}: belongs to a checkpoint of several files, which would be opened in place of this "
          "one; remove that first or write to another folder",
          (folder / index_name).string());
  std::error_code made;
  std::filesystem::create_directories(folder, made);
  require(!made, "{}: cannot be made: {}", folder.string(), made.message());
  auto described = config;
  described.stored = number_type(weights.embedding_WD.scalar_type()).value();
  OrderedJson map = OrderedJson::object();
  for (size_t i = 0; i < files.size(); ++i) {
    const auto name = files.size() == 1
                          ? std::string(single_name)
                          : fmt::format("model-{:05}-of-{:05}.safetensors", i + 1, files.size());
    write_safetensors(folder / name, files[i]);
    for (const auto& [tensor, value] : files[i]) map[tensor] = name;
  }
  if (files.size() > 1) {
    write_json_file(folder / index_name,
                    {{"metadata", {{"total_size", total}}}, {"weight_map", map}});
  }
  write_json_file(folder / "config.json", write_hf_config(described));
}

std::vector<std::string> find_non_finite(const ModelConfig& config, const ModelWeights& weights) {
  std::vector<std::string> names;
  visit_weights(config, weights, [&](const WeightSlot& slot, const at::Tensor& tensor) {
    // By rows, so that the table of truth values stays small.
    const auto flat = tensor.reshape({-1});
    constexpr int64_t piece = 1 << 24;
    for (int64_t begin = 0; begin < flat.numel(); begin += piece) {
      const auto part = flat.narrow(0, begin, std::min(piece, flat.numel() - begin));
      if (at::isfinite(part).all().item<bool>()) continue;
      names.push_back(hf_name(slot.name));
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
