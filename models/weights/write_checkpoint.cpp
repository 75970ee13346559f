#include <ATen/ops/empty.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <map>
#include <system_error>

#include "harness/base/json.h"
#include "models/config/write_config.h"
#include "models/weights/checkpoint.h"
#include "models/weights/hf_names.h"
#include "models/weights/number_types.h"
#include "models/weights/tensor_source.h"

namespace hylo::models {
namespace {

using NamedTensors = std::vector<std::pair<std::string, at::Tensor>>;

/// Tensors under the names and with the shapes of the format, in files of limited size.
class Packing {
 public:
  Packing(const std::string& folder, int64_t max_file_bytes)
      : folder_(folder), max_file_bytes_(max_file_bytes) {}

  void add(const WeightSlot& slot, const StoredTensor& stored, const at::Tensor& tensor) {
    require(tensor.defined() && tensor.sizes() == at::IntArrayRef(slot.shape),
            "{}: tensor '{}' is not [{}]", folder_, slot.name, fmt::join(slot.shape, ", "));
    if (stored.index || stored.rows) return add_part(slot, stored, tensor);
    add_whole(stored.name, tensor.contiguous().view(stored.shape));
  }

  /// To be called when all are added.
  void check_parts() const {
    for (const auto& [name, packed] : packed_) {
      invariant(packed.missing == 0, "'{}' was written with {} elements missing", name,
                packed.missing);
    }
  }

  std::vector<NamedTensors> files{1};
  int64_t total_bytes = 0;

 private:
  /// A stored tensor of which ours are parts, and how many of its elements are not there yet.
  struct Packed {
    at::Tensor whole;
    int64_t missing = 0;
  };

  void add_whole(const std::string& name, const at::Tensor& tensor) {
    const auto size = static_cast<int64_t>(tensor.nbytes());
    if (bytes_ > 0 && bytes_ + size > max_file_bytes_) {
      files.emplace_back();
      bytes_ = 0;
    }
    files.back().emplace_back(name, tensor);
    bytes_ += size;
    total_bytes += size;
  }

  void add_part(const WeightSlot& slot, const StoredTensor& stored, const at::Tensor& tensor) {
    auto [found, is_new] = packed_.try_emplace(stored.name);
    auto& packed = found->second;
    if (is_new) {
      packed.whole = at::empty(stored.shape, tensor.options());
      packed.missing = packed.whole.numel();
      add_whole(stored.name, packed.whole);
    }
    require(packed.whole.scalar_type() == tensor.scalar_type(),
            "{}: '{}' holds '{}' ({}) and others ({}); a stored tensor has one type", folder_,
            stored.name, slot.name, c10::toString(tensor.scalar_type()),
            c10::toString(packed.whole.scalar_type()));
    part_of(packed.whole, stored, slot).copy_(tensor);
    packed.missing -= tensor.numel();
  }

  std::string folder_;
  int64_t max_file_bytes_ = 0, bytes_ = 0;
  std::map<std::string, Packed> packed_;
};

std::string file_name(size_t index, size_t count) {
  return count == 1 ? std::string(weights_single_name)
                    : fmt::format("model-{:05}-of-{:05}.safetensors", index + 1, count);
}

void make_folder(const std::filesystem::path& folder) {
  std::error_code made;
  std::filesystem::create_directories(folder, made);
  require(!made, "{}: cannot be made: {}", folder.string(), made.message());
}

void write_files(const std::filesystem::path& folder, const Packing& packing) {
  OrderedJson map = OrderedJson::object();
  for (size_t i = 0; i < packing.files.size(); ++i) {
    const auto name = file_name(i, packing.files.size());
    write_safetensors(folder / name, packing.files[i]);
    for (const auto& [tensor, value] : packing.files[i]) map[tensor] = name;
  }
  if (packing.files.size() == 1) return;
  write_json_file(folder / weights_index_name,
                  {{"metadata", {{"total_size", packing.total_bytes}}}, {"weight_map", map}});
}

/// Plans that lie in the folder would be read beside the new config.json.
void refuse_other_plans(const std::filesystem::path& folder,
                        const std::vector<std::pair<std::string, OrderedJson>>& files) {
  for (const auto* plan : {"hybrid_config.json", "MLA_config.json", "mamba_config.json"}) {
    const bool own =
        std::ranges::find(files, plan, [](const auto& f) { return f.first; }) != files.end();
    require(own || !std::filesystem::exists(folder / plan),
            "{}: belongs to a checkpoint of another format and would be read with this one; remove "
            "that first or write to another folder",
            (folder / plan).string());
  }
}

}  // namespace

void write_checkpoint(const std::filesystem::path& folder, const ModelConfig& config,
                      const ModelWeights& weights, const WriteOptions& options) {
  const auto format = options.format.value_or(natural_format(config.family));
  const Spelling spelling{.own = format == CheckpointFormat::Own};
  Packing packing(folder.string(), options.max_file_bytes);
  visit_weights(config, weights, [&](const WeightSlot& slot, const at::Tensor& tensor) {
    packing.add(slot, stored_tensor(config, slot, spelling), tensor);
  });
  packing.check_parts();
  require(packing.files.size() > 1 || !std::filesystem::exists(folder / weights_index_name),
          "{}: belongs to a checkpoint of several files, which would be opened in place of this "
          "one; remove that first or write to another folder",
          (folder / weights_index_name).string());
  auto described = config;
  described.stored = number_type(weights.embedding_WD.scalar_type()).value();
  const auto files = config_files(described, format, options.provenance);
  refuse_other_plans(folder, files);
  make_folder(folder);
  write_files(folder, packing);
  for (const auto& [name, json] : files) write_json_file(folder / name, json);
}

}  // namespace hylo::models
