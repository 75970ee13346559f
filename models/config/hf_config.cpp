#include "models/config/hf_config.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <memory>
#include <utility>

#include "models/config/architectures.h"
#include "models/config/families/base_fields.h"
#include "models/config/families/families.h"
#include "models/config/own_config.h"

namespace hylo::models {
namespace {

namespace fs = std::filesystem;

/// Keys about training, about other programs, and those that only count beside others.
constexpr std::array without_effect{"_attn_implementation",
                                    "_name_or_path",
                                    "attention_dropout",
                                    "auto_map",
                                    "aux_loss_alpha",
                                    "chunk_size",
                                    "decoder_sparse_step",
                                    "efficient_attention_config",
                                    "ep_size",
                                    "first_k_dense_replace",
                                    "initializer_range",
                                    "linear_a_log_max",
                                    "linear_a_log_min",
                                    "linear_dt_init_floor",
                                    "linear_dt_max",
                                    "linear_dt_min",
                                    "mamba_chunk_size",
                                    "max_window_layers",
                                    "model_type",
                                    "num_key_value_heads",
                                    "num_logits_to_keep",
                                    "num_nextn_predict_layers",
                                    "output_attentions",
                                    "output_hidden_states",
                                    "output_router_logits",
                                    "pretraining_tp",
                                    "provenance",
                                    "qk_head_dim",
                                    "rescale_prenorm_residual",
                                    "resid_dropout",
                                    "residual_in_fp32",
                                    "rope_scaling",
                                    "rope_theta",
                                    "router_aux_loss_coef",
                                    "router_jitter_noise",
                                    "seq_aux",
                                    "sliding_window",
                                    "time_step_floor",
                                    "time_step_max",
                                    "time_step_min",
                                    "time_step_rank",
                                    "torch_dtype",
                                    "transformers_version",
                                    "use_cache",
                                    "use_sliding_window",
                                    "z_loss_coefficient"};

/// Keys of mla_layer_config.json that its class carries along from DeepSeek's; sizes and norms come
/// from the other files.
constexpr std::array unused_by_x_ecomla{"aux_loss_alpha",
                                        "bos_token_id",
                                        "eos_token_id",
                                        "ep_size",
                                        "first_k_dense_replace",
                                        "hidden_act",
                                        "initializer_range",
                                        "intermediate_size",
                                        "kv_energy_ratio",
                                        "kv_svd_norm",
                                        "llama_num_key_value_heads",
                                        "max_position_embeddings",
                                        "mla_num_key_value_heads",
                                        "model_type",
                                        "n_group",
                                        "norm_topk_prob",
                                        "num_hidden_layers",
                                        "num_nextn_predict_layers",
                                        "pretraining_tp",
                                        "q_energy_ratio",
                                        "q_svd_norm",
                                        "qkv_rank_divisor",
                                        "rms_norm_eps",
                                        "routed_scaling_factor",
                                        "scoring_func",
                                        "seq_aux",
                                        "tie_word_embeddings",
                                        "topk_group",
                                        "topk_method",
                                        "transformers_version",
                                        "use_cache",
                                        "use_fixed_rank_for_first_and_last_block",
                                        "vocab_size",
                                        "attention_dropout"};

/// One file of a folder and what was asked of it.
struct ReadFile {
  ReadFile(const Json& json, std::string name, const std::string& where)
      : name(std::move(name)), json(json), reader(this->json, where) {}
  std::string name;
  Json json;
  JsonReader reader;
};
using ReadFiles = std::vector<std::unique_ptr<ReadFile>>;

ReadFile& open(ReadFiles& files, const fs::path& file) {
  files.push_back(
      std::make_unique<ReadFile>(read_json_file(file), file.filename().string(), file.string()));
  return *files.back();
}

ModelConfig parse(JsonReader& reader, const Json& json, const std::string& where) {
  if (is_own_config(json)) {
    for (const auto& [key, value] : json.items()) reader.ignore(key);  // It refuses them itself.
    return read_own_config(json, where);
  }
  const auto& architecture = architecture_of(reader, where);
  return architecture.read(reader, architecture.family);
}

/// config.json and the plan beside it; `files` keeps what was read.
ModelConfig read_files(const fs::path& folder, ReadFiles& files) {
  auto& file = open(files, folder / "config.json");
  auto config = parse(file.reader, file.json, (folder / "config.json").string());
  if (is_own_config(file.json)) return config;
  const auto is_there = [&](const char* name) { return fs::exists(folder / name); };
  const bool hybrid = is_there("hybrid_config.json"), mla = is_there("MLA_config.json"),
             mamba = is_there("mamba_config.json");
  require(hybrid + mla + mamba <= 1,
          "{}: holds several plans (hybrid_config.json, MLA_config.json, mamba_config.json); a "
          "checkpoint has one",
          folder.string());
  if (hybrid) return read_hylo(config, open(files, folder / "hybrid_config.json").reader);
  if (mamba) return read_mamba_in_llama(config, open(files, folder / "mamba_config.json").reader);
  if (!mla) return config;
  require(is_there("mla_layer_config.json"),
          "{}: not found; MLA_config.json needs it for the ranks and widths of the layers",
          (folder / "mla_layer_config.json").string());
  auto& plan = open(files, folder / "MLA_config.json").reader;
  auto& layers = open(files, folder / "mla_layer_config.json").reader;
  config = read_x_ecomla(config, plan, layers);
  for (const auto* key : unused_by_x_ecomla) layers.ignore(key);
  return config;
}

std::vector<std::string> unknown_keys(JsonReader& reader, const Json& json) {
  for (const auto* key : without_effect) reader.ignore(key);
  auto keys = reader.unread();
  std::erase_if(keys, [&](const std::string& key) { return json.at(key).is_null(); });  // not set
  return keys;
}

void require_config(const fs::path& folder) {
  require(fs::is_directory(folder),
          "{}: no such folder; expected a checkpoint folder with config.json", folder.string());
  require(fs::exists(folder / "config.json"),
          "{}: not found; a checkpoint folder holds config.json and *.safetensors",
          (folder / "config.json").string());
}

}  // namespace

ModelConfig parse_hf_config(const Json& json, const std::string& where) {
  JsonReader reader(json, where);
  return parse(reader, json, where);
}

std::vector<std::string> unknown_hf_keys(const Json& json, const std::string& where) {
  JsonReader reader(json, where);
  (void)parse(reader, json, where);
  return unknown_keys(reader, json);
}

std::vector<UnknownKey> unknown_hf_keys(const fs::path& folder) {
  ReadFiles files;
  (void)read_files(folder, files);
  std::vector<UnknownKey> unknown;
  for (const auto& file : files) {
    for (const auto& key : unknown_keys(file->reader, file->json)) {
      unknown.push_back({file->name, key});
    }
  }
  return unknown;
}

ModelConfig read_hf_config(const fs::path& folder) {
  require_config(folder);
  ReadFiles files;
  auto config = read_files(folder, files);
  const auto generation = folder / "generation_config.json";
  if (fs::exists(generation)) {
    const auto json = read_json_file(generation);
    JsonReader reader(json, generation.string());
    if (auto eos = token_ids(reader, "eos_token_id"); !eos.empty()) config.eos = std::move(eos);
    if (!config.bos) config.bos = given<int32_t>(reader, "bos_token_id");
  }
  return config;
}

}  // namespace hylo::models
