#include "models/config/hf_config.h"

#include <algorithm>
#include <array>

#include "harness/base/overloaded.h"

namespace hylo::models {
namespace {

struct Architecture {
  const char* name;
  const char* model_type;
  Family family;
};
constexpr std::array architectures{
    Architecture{"LlamaForCausalLM", "llama", Family::Llama},
    Architecture{"MistralForCausalLM", "mistral", Family::Mistral},
    Architecture{"Qwen2ForCausalLM", "qwen2", Family::Qwen2},
    Architecture{"Qwen3ForCausalLM", "qwen3", Family::Qwen3},
};

Family family_of(JsonReader& reader, const std::string& where) {
  std::string known;
  for (const auto& a : architectures) known += fmt::format(" {}", a.name);
  if (reader.has("architectures")) {
    const auto names = reader.get<std::vector<std::string>>("architectures");
    require(!names.empty(), "{}: architectures is empty", where);
    const auto* found = std::ranges::find(architectures, names.front(), &Architecture::name);
    require(found != architectures.end(), "{}: unknown architecture '{}'; known are{}", where,
            names.front(), known);
    return found->family;
  }
  const auto type = reader.get<std::string>("model_type");
  const auto* found = std::ranges::find(architectures, type, &Architecture::model_type);
  require(found != architectures.end(), "{}: unknown model_type '{}'; known are{}", where, type,
          known);
  return found->family;
}

/// Keys about training, about other programs, and those that only count beside others.
constexpr std::array without_effect{
    "_attn_implementation", "_name_or_path",        "attention_dropout", "initializer_range",
    "max_window_layers",    "model_type",           "output_attentions", "output_hidden_states",
    "pretraining_tp",       "rope_scaling",         "rope_theta",        "sliding_window",
    "torch_dtype",          "transformers_version", "use_cache",         "use_sliding_window"};

template <class T>
std::optional<T> optional(JsonReader& reader, std::string_view key) {
  return reader.has(key) ? std::optional(reader.get<T>(key)) : std::nullopt;
}

template <class T>
T above_zero(const JsonReader& reader, std::string_view key, T value) {
  require(value > 0, "{}: expected a number above 0, found {}", reader.path_of(key), value);
  return value;
}

template <class T>
T positive(JsonReader& reader, std::string_view key) {
  return above_zero(reader, key, reader.get<T>(key));
}

template <class T>
T positive_or(JsonReader& reader, std::string_view key, T otherwise) {
  return above_zero(reader, key, reader.get_or<T>(key, otherwise));
}

RopeScaling scaling_of(JsonReader& r, const std::string& type, int64_t max_positions) {
  if (type == "default") return {};
  if (type == "linear") return LinearScaling{positive<double>(r, "factor")};
  const auto original = positive_or<int64_t>(r, "original_max_position_embeddings", max_positions);
  if (type == "dynamic") return DynamicScaling{positive<double>(r, "factor"), original};
  if (type == "llama3") {
    return Llama3Scaling{.factor = positive<double>(r, "factor"),
                         .low_frequency_factor = positive<double>(r, "low_freq_factor"),
                         .high_frequency_factor = positive<double>(r, "high_freq_factor"),
                         .original_length = original};
  }
  if (type == "yarn") {
    YarnScaling yarn{.factor = positive<double>(r, "factor"),
                     .original_length = original,
                     .beta_fast = r.get_or<double>("beta_fast", 32),
                     .beta_slow = r.get_or<double>("beta_slow", 1),
                     .attention_factor = optional<double>(r, "attention_factor"),
                     .mscale = optional<double>(r, "mscale"),
                     .mscale_all_dim = optional<double>(r, "mscale_all_dim"),
                     .truncate = r.get_or<bool>("truncate", true)};
    return yarn;
  }
  fail("{}: unknown rope type '{}'; known are default, linear, dynamic, llama3, yarn",
       r.path_of("rope_type"), type);
}

void refuse_partial_rotation(JsonReader& reader) {
  const auto partial = reader.get_or<double>("partial_rotary_factor", 1.0);
  require(partial == 1.0, "{}: partial rotation ({}) is not known for this family",
          reader.path_of("partial_rotary_factor"), partial);
}

RopeSpec rope_of(JsonReader& config, int64_t head_width, int64_t max_positions) {
  RopeSpec rope{.theta = config.get_or<double>("rope_theta", 10000.0), .width = head_width};
  refuse_partial_rotation(config);
  const auto* key = config.has("rope_parameters") ? "rope_parameters" : "rope_scaling";
  if (config.has(key)) {
    JsonReader r(config.at(key), config.path_of(key));
    const auto type = r.get_or<std::string>("rope_type", r.get_or<std::string>("type", "default"));
    rope.theta = r.get_or<double>("rope_theta", rope.theta);
    refuse_partial_rotation(r);
    rope.scaling = scaling_of(r, type, max_positions);
    for (const auto* unused : {"original_max_position_embeddings", "factor", "type"})
      r.ignore(unused);
    r.done();
  }
  require(rope.theta > 0, "{}: expected a base above 0, found {}", config.path_of("rope_theta"),
          rope.theta);
  return rope;
}

/// Windows per layer: layer_types where given, else the rule of the family.
std::vector<std::optional<int64_t>> windows_of(JsonReader& reader, Family family,
                                               int64_t num_layers) {
  std::vector<std::optional<int64_t>> windows(num_layers);
  const auto window = optional<int64_t>(reader, "sliding_window");
  if (window) {
    require(*window > 0, "{}: expected at least 1, found {}", reader.path_of("sliding_window"),
            *window);
  }
  if (reader.has("layer_types")) {
    const auto types = reader.get<std::vector<std::string>>("layer_types");
    require(static_cast<int64_t>(types.size()) == num_layers, "{}: {} entries for {} layers",
            reader.path_of("layer_types"), types.size(), num_layers);
    for (int64_t i = 0; i < num_layers; ++i) {
      require(
          types[i] == "full_attention" || types[i] == "sliding_attention",
          "{}[{}]: unknown layer type '{}'; known here are full_attention and sliding_attention",
          reader.path_of("layer_types"), i, types[i]);
      if (types[i] == "full_attention") continue;
      require(window.has_value(), "{}[{}]: sliding_attention needs sliding_window",
              reader.path_of("layer_types"), i);
      windows[i] = window;
    }
    return windows;
  }
  if (family == Family::Mistral) {
    windows.assign(num_layers, window);
  } else if (family != Family::Llama && reader.get_or<bool>("use_sliding_window", false)) {
    const auto first = reader.get_or<int64_t>("max_window_layers", 28);
    require(first >= 0, "{}: expected 0 or more, found {}", reader.path_of("max_window_layers"),
            first);
    for (int64_t i = first; i < num_layers; ++i) windows[i] = window;
  }
  return windows;
}

std::vector<int32_t> token_ids(JsonReader& reader, std::string_view key) {
  if (!reader.has(key)) return {};
  const auto& value = reader.at(key);
  if (value.is_array()) return reader.get<std::vector<int32_t>>(key);
  return {reader.get<int32_t>(key)};
}

void refuse_what_is_not_understood(JsonReader& reader) {
  const auto activation = reader.get_or<std::string>("hidden_act", "silu");
  require(activation == "silu", "{}: '{}' is not known; expected silu",
          reader.path_of("hidden_act"), activation);
  require(!reader.has("quantization_config"),
          "{}: quantised checkpoints are not read; use the float version",
          reader.path_of("quantization_config"));
}

void check_divides(const AttentionSpec& spec, const std::string& where) {
  require(spec.num_heads % spec.num_kv_heads == 0,
          "{}: num_attention_heads {} is not a multiple of num_key_value_heads {}", where,
          spec.num_heads, spec.num_kv_heads);
  require(spec.head_width % 2 == 0, "{}: head_dim {} is odd; rotary pairs need an even width",
          where, spec.head_width);
}

OrderedJson scaling_json(const RopeScaling& scaling) {
  return std::visit(
      overloaded{
          [](std::monostate) { return OrderedJson(nullptr); },
          [](const LinearScaling& s) {
            return OrderedJson{{"rope_type", "linear"}, {"factor", s.factor}};
          },
          [](const DynamicScaling& s) {
            return OrderedJson{{"rope_type", "dynamic"},
                               {"factor", s.factor},
                               {"original_max_position_embeddings", s.original_length}};
          },
          [](const YarnScaling& s) {
            OrderedJson json{{"rope_type", "yarn"},
                             {"factor", s.factor},
                             {"original_max_position_embeddings", s.original_length},
                             {"beta_fast", s.beta_fast},
                             {"beta_slow", s.beta_slow}};
            if (s.attention_factor) json["attention_factor"] = *s.attention_factor;
            if (s.mscale) json["mscale"] = *s.mscale;
            if (s.mscale_all_dim) json["mscale_all_dim"] = *s.mscale_all_dim;
            if (!s.truncate) json["truncate"] = false;
            return json;
          },
          [](const Llama3Scaling& s) {
            return OrderedJson{{"rope_type", "llama3"},
                               {"factor", s.factor},
                               {"low_freq_factor", s.low_frequency_factor},
                               {"high_freq_factor", s.high_frequency_factor},
                               {"original_max_position_embeddings", s.original_length}};
          },
      },
      scaling);
}

void write_windows(OrderedJson& json, const ModelConfig& config) {
  std::vector<std::string> types;
  std::optional<int64_t> window;
  for (const auto& layer : config.layers) {
    const auto& attention = std::get<AttentionSpec>(layer.mixer);
    types.emplace_back(attention.window ? "sliding_attention" : "full_attention");
    if (attention.window) {
      require(!window || window == attention.window,
              "a checkpoint of this format has one window for all layers; found {} and {}", *window,
              *attention.window);
      window = attention.window;
    }
  }
  json["sliding_window"] = window ? OrderedJson(*window) : OrderedJson(nullptr);
  if (config.family == Family::Mistral) return;
  json["use_sliding_window"] = window.has_value();
  json["layer_types"] = types;
}

/// What transformers' configuration classes take where config.json does not say.
int64_t default_positions(Family family) {
  switch (family) {
    case Family::Llama:
      return 2048;
    case Family::Mistral:
      return 131072;
    case Family::Qwen2:
    case Family::Qwen3:
      return 32768;
  }
  invariant(false, "a family without a default context");
  return 0;
}

ModelConfig parse(JsonReader& reader, const std::string& where) {
  ModelConfig config;
  config.family = family_of(reader, where);
  refuse_what_is_not_understood(reader);
  config.vocabulary_size = positive<int64_t>(reader, "vocab_size");
  config.width = positive<int64_t>(reader, "hidden_size");
  config.norm.epsilon = reader.get_or<double>("rms_norm_eps", 1e-6);
  require(config.norm.epsilon >= 0, "{}: expected 0 or more, found {}",
          reader.path_of("rms_norm_eps"), config.norm.epsilon);
  config.tied_head = reader.get_or<bool>("tie_word_embeddings", false);
  config.max_positions =
      positive_or<int64_t>(reader, "max_position_embeddings", default_positions(config.family));
  const auto type =
      reader.get_or<std::string>("dtype", reader.get_or<std::string>("torch_dtype", "float32"));
  const auto stored = type_named(type);
  require(stored.has_value(), "{}: unknown type '{}'", reader.path_of("dtype"), type);
  config.stored = *stored;
  config.bos = optional<int32_t>(reader, "bos_token_id");
  config.eos = token_ids(reader, "eos_token_id");
  config.pad = optional<int32_t>(reader, "pad_token_id");

  AttentionSpec attention;
  attention.num_heads = positive<int64_t>(reader, "num_attention_heads");
  attention.num_kv_heads = positive_or<int64_t>(reader, "num_key_value_heads", attention.num_heads);
  attention.head_width =
      positive_or<int64_t>(reader, "head_dim", config.width / attention.num_heads);
  const bool bias = reader.get_or<bool>("attention_bias", false);
  attention.input_bias = config.family == Family::Qwen2 || bias;
  attention.output_bias = config.family != Family::Qwen2 && bias;
  if (config.family == Family::Qwen3) attention.head_norms = HeadNorms::PerHead;
  attention.rope = rope_of(reader, attention.head_width, config.max_positions);
  check_divides(attention, where);

  const SwiGluSpec feed_forward{.width = positive<int64_t>(reader, "intermediate_size"),
                                .bias = reader.get_or<bool>("mlp_bias", false)};
  const auto num_layers = positive<int64_t>(reader, "num_hidden_layers");
  require(num_layers <= 100000, "{}: {} layers", reader.path_of("num_hidden_layers"), num_layers);
  for (const auto& window : windows_of(reader, config.family, num_layers)) {
    attention.window = window;
    config.layers.push_back({attention, feed_forward});
  }
  return config;
}

}  // namespace

ModelConfig parse_hf_config(const Json& json, const std::string& where) {
  JsonReader reader(json, where);
  return parse(reader, where);
}

std::vector<std::string> unknown_hf_keys(const Json& json, const std::string& where) {
  JsonReader reader(json, where);
  (void)parse(reader, where);
  for (const auto* key : without_effect) reader.ignore(key);
  auto keys = reader.unread();
  std::erase_if(keys, [&](const std::string& key) { return json.at(key).is_null(); });  // not set
  return keys;
}

ModelConfig read_hf_config(const std::filesystem::path& folder) {
  const auto file = folder / "config.json";
  require(std::filesystem::is_directory(folder),
          "{}: no such folder; expected a checkpoint folder with config.json", folder.string());
  require(std::filesystem::exists(file),
          "{}: not found; a checkpoint folder holds config.json and *.safetensors", file.string());
  auto config = parse_hf_config(read_json_file(file), file.string());
  const auto generation = folder / "generation_config.json";
  if (std::filesystem::exists(generation)) {
    const auto json = read_json_file(generation);
    JsonReader reader(json, generation.string());
    if (auto eos = token_ids(reader, "eos_token_id"); !eos.empty()) config.eos = std::move(eos);
    if (!config.bos) config.bos = optional<int32_t>(reader, "bos_token_id");
  }
  return config;
}

OrderedJson write_hf_config(const ModelConfig& config) {
  const auto& layer = config.layers.at(0);
  const auto& attention = std::get<AttentionSpec>(layer.mixer);
  const auto& feed_forward = std::get<SwiGluSpec>(layer.feed_forward);
  for (const auto& other : config.layers) {
    auto same = std::get<AttentionSpec>(other.mixer);
    same.window = attention.window;
    require(
        same == attention && other.feed_forward == layer.feed_forward,
        "a checkpoint of the {} format has equal layers; these differ in more than their window",
        family_name(config.family));
  }
  const auto* architecture = std::ranges::find(architectures, config.family, &Architecture::family);
  OrderedJson json{{"architectures", {architecture->name}},
                   {"model_type", architecture->model_type},
                   {"vocab_size", config.vocabulary_size},
                   {"hidden_size", config.width},
                   {"intermediate_size", feed_forward.width},
                   {"num_hidden_layers", config.layers.size()},
                   {"num_attention_heads", attention.num_heads},
                   {"num_key_value_heads", attention.num_kv_heads},
                   {"head_dim", attention.head_width},
                   {"hidden_act", "silu"},
                   {"rms_norm_eps", config.norm.epsilon},
                   {"max_position_embeddings", config.max_positions},
                   {"rope_theta", attention.rope.theta},
                   {"rope_scaling", scaling_json(attention.rope.scaling)},
                   {"tie_word_embeddings", config.tied_head},
                   {"torch_dtype", type_name(config.stored)}};
  if (config.family != Family::Qwen2) json["attention_bias"] = attention.input_bias;
  if (config.family == Family::Llama) json["mlp_bias"] = feed_forward.bias;
  if (config.family != Family::Llama) write_windows(json, config);
  json["bos_token_id"] = config.bos ? OrderedJson(*config.bos) : OrderedJson(nullptr);
  json["eos_token_id"] =
      config.eos.size() == 1 ? OrderedJson(config.eos[0]) : OrderedJson(config.eos);
  if (config.eos.empty()) json["eos_token_id"] = nullptr;
  json["pad_token_id"] = config.pad ? OrderedJson(*config.pad) : OrderedJson(nullptr);
  return json;
}

}  // namespace hylo::models
