#include "models/config/own_config.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <concepts>
#include <set>
#include <type_traits>

#include "models/config/check_spec.h"
#include "models/config/families/base_fields.h"
#include "models/config/spec_fields.h"

namespace hylo::models {
namespace {

template <class E>
struct Word {
  const char* name;
  E value;
};

constexpr std::array head_norm_words{Word<HeadNorms>{"none", HeadNorms::None},
                                     Word<HeadNorms>{"per_head", HeadNorms::PerHead},
                                     Word<HeadNorms>{"all_heads", HeadNorms::AllHeads}};
constexpr std::array router_words{Word<RouterKind>{"softmax_then_top", RouterKind::SoftmaxThenTop},
                                  Word<RouterKind>{"top_then_softmax", RouterKind::TopThenSoftmax},
                                  Word<RouterKind>{"sigmoid", RouterKind::Sigmoid}};
constexpr std::array connectivity_words{Word<Connectivity>{"pre_norm", Connectivity::PreNorm},
                                        Word<Connectivity>{"post_norm", Connectivity::PostNorm}};
constexpr auto& words_of(HeadNorms) { return head_norm_words; }
constexpr auto& words_of(RouterKind) { return router_words; }
constexpr auto& words_of(Connectivity) { return connectivity_words; }

// Kinds, in the order of the alternatives of their variants.
constexpr std::array mixer_kinds{"attention",   "mla",        "mamba2",   "discrete_mamba2",
                                 "gated_delta", "kimi_delta", "jet_block"};
constexpr std::array feed_forward_kinds{"none", "swiglu", "moe"};
constexpr std::array scaling_kinds{"default", "linear", "dynamic", "yarn", "llama3"};
static_assert(mixer_kinds.size() == std::variant_size_v<MixerSpec>);
static_assert(feed_forward_kinds.size() == std::variant_size_v<FeedForwardSpec>);
static_assert(scaling_kinds.size() == std::variant_size_v<RopeScaling>);
constexpr auto& kinds_of(const MixerSpec&) { return mixer_kinds; }
constexpr auto& kinds_of(const FeedForwardSpec&) { return feed_forward_kinds; }
constexpr auto& kinds_of(const RopeScaling&) { return scaling_kinds; }

template <class T>
concept Variant =
    std::same_as<T, MixerSpec> || std::same_as<T, FeedForwardSpec> || std::same_as<T, RopeScaling>;
template <class T>
concept Worded =
    std::same_as<T, HeadNorms> || std::same_as<T, RouterKind> || std::same_as<T, Connectivity>;
template <class T>
concept Fields = std::is_class_v<T> && !Variant<T>;

/// Values as JSON. Members of a class, so that each may call any other.
struct ToJson {
  static OrderedJson of(Family family) { return family_name(family); }
  static OrderedJson of(NumberType type) { return type_name(type); }
  static OrderedJson of(double value) {
    return std::isinf(value) ? OrderedJson("Infinity") : OrderedJson(value);
  }
  template <std::integral T>
  static OrderedJson of(T value) {
    return value;
  }
  template <Worded T>
  static OrderedJson of(T value) {
    return std::ranges::find(words_of(value), value, &Word<T>::value)->name;
  }
  template <Fields T>
  static OrderedJson of(const T& spec) {
    auto json = OrderedJson::object();
    const auto add = [&](const char* name, const auto& value) { json[name] = of(value); };
    visit_fields(spec, add);
    return json;
  }
  template <Variant T>
  static OrderedJson of(const T& variant) {
    OrderedJson json{{"kind", kinds_of(variant)[variant.index()]}};
    json.update(std::visit([](const auto& spec) { return of(spec); }, variant));
    return json;
  }
  template <class T>
  static OrderedJson of(const std::optional<T>& value) {
    return value ? of(*value) : OrderedJson(nullptr);
  }
  template <class T>
  static OrderedJson of(const std::vector<T>& values) {
    auto list = OrderedJson::array();
    for (const auto& value : values) list.push_back(of(value));
    return list;
  }
};

/// The other direction. A field may be null, which JsonReader takes for absent, so keys are counted
/// here.
struct FromJson {
  static void read(const Json& json, const std::string& path, Family& family) {
    const auto found = json.is_string() ? family_named(json.get<std::string>()) : std::nullopt;
    require(found.has_value(), "{}: unknown family {}", path, json.dump());
    family = *found;
  }
  static void read(const Json& json, const std::string& path, NumberType& type) {
    const auto found = json.is_string() ? type_named(json.get<std::string>()) : std::nullopt;
    require(found.has_value(), "{}: unknown type {}", path, json.dump());
    type = *found;
  }
  static void read(const Json& json, const std::string& path, double& value) {
    value = number_or_infinity(json, path);
  }
  template <std::integral T>
  static void read(const Json& json, const std::string& path, T& value) {
    require(is_exactly<T>(json), "{}: expected {}, found {}", path, name_of_type<T>(),
            found_value(json));
    value = json.get<T>();
  }
  template <Worded T>
  static void read(const Json& json, const std::string& path, T& value) {
    const auto& words = words_of(value);
    const auto* found =
        std::ranges::find_if(words, [&](const Word<T>& word) { return json == word.name; });
    std::vector<std::string> known;
    for (const auto& word : words) known.emplace_back(word.name);
    require(found != words.end(), "{}: {} is not known; known are {}", path, json.dump(),
            fmt::join(known, ", "));
    value = found->value;
  }
  template <Fields T>
  static void read(const Json& json, const std::string& path, T& spec,
                   std::set<std::string> beside = {}) {
    require(json.is_object(), "{}: expected a JSON object, found {}", path, json.type_name());
    const auto take = [&](const char* name, auto& value) {
      require(json.contains(name), "{}.{}: missing", path, name);
      read(json.at(name), fmt::format("{}.{}", path, name), value);
      beside.emplace(name);
    };
    visit_fields(spec, take);
    for (const auto& [key, value] : json.items()) {
      require(beside.contains(key), "{}.{}: unknown key", path, key);
    }
  }
  template <Variant T>
  static void read(const Json& json, const std::string& path, T& variant) {
    JsonReader reader(json, path);
    const auto kind = reader.get<std::string>("kind");
    const auto& kinds = kinds_of(variant);
    const auto* found =
        std::ranges::find_if(kinds, [&](const char* known) { return known == kind; });
    require(found != kinds.end(),
            "{}.kind: unknown kind '{}'; known are {}; the checkpoint may be newer than this hylo",
            path, kind, fmt::join(kinds, ", "));
    variant =
        alternative<T>(found - kinds.begin(), std::make_index_sequence<std::variant_size_v<T>>());
    std::visit([&](auto& spec) { read(json, path, spec, {"kind"}); }, variant);
  }
  template <class T>
  static void read(const Json& json, const std::string& path, std::optional<T>& value) {
    if (json.is_null()) return;
    read(json, path, value.emplace());
  }
  template <class T>
  static void read(const Json& json, const std::string& path, std::vector<T>& values) {
    require(json.is_array(), "{}: expected a list, found {}", path, json.dump());
    for (const auto& element : json) {
      const auto place = fmt::format("{}[{}]", path, values.size());
      read(element, place, values.emplace_back());
    }
  }

 private:
  template <class T, size_t... I>
  static T alternative(size_t index, std::index_sequence<I...>) {
    T variant;
    (void)((index == I ? (variant.template emplace<I>(), true) : false) || ...);
    return variant;
  }
};

}  // namespace

bool is_own_config(const Json& json) {
  if (!json.is_object()) return false;
  const auto names = json.value("architectures", Json::array());
  return names == Json::array({own_architecture}) ||
         (names.empty() && json.value("model_type", Json()) == own_model_type);
}

ModelConfig read_own_config(const Json& json, const std::string& where) {
  ModelConfig config;
  FromJson::read(json, where, config, {"architectures", "model_type", "provenance"});
  require(!config.layers.empty(), "{}.layers: expected at least one", where);
  for (size_t i = 0; i < config.layers.size(); ++i) {
    check_mixer(config.layers[i].mixer, fmt::format("{}.layers[{}].mixer", where, i));
    check_feed_forward(config.layers[i].feed_forward,
                       fmt::format("{}.layers[{}].feed_forward", where, i));
  }
  require(config.vocabulary_size > 0 && config.width > 0 && config.max_positions >= 0,
          "{}: vocabulary_size {}, width {} and max_positions {} cannot be", where,
          config.vocabulary_size, config.width, config.max_positions);
  return config;
}

namespace {

/// `given` over `otherwise`; an object of another kind has other fields and takes its place whole.
Json merged(const Json& otherwise, const Json& given) {
  const bool are_objects = otherwise.is_object() && given.is_object();
  if (!are_objects ||
      (given.contains("kind") && otherwise.value("kind", Json()) != given["kind"])) {
    return given;
  }
  auto whole = otherwise;
  for (const auto& [key, value] : given.items()) {
    whole[key] = merged(otherwise.value(key, Json()), value);
  }
  return whole;
}

}  // namespace

MixerSpec read_mixer(const Json& json, const std::string& path,
                     const std::function<MixerSpec(const std::string&)>& otherwise) {
  const auto kind = JsonReader(json, path).get<std::string>("kind");
  require(std::ranges::find(mixer_kinds, kind) != mixer_kinds.end(),
          "{}.kind: unknown kind '{}'; known are {}", path, kind, fmt::join(mixer_kinds, ", "));
  MixerSpec mixer;
  FromJson::read(merged(Json::parse(mixer_json(otherwise(kind)).dump()), json), path, mixer);
  return mixer;
}

OrderedJson mixer_json(const MixerSpec& mixer) { return ToJson::of(mixer); }

std::vector<std::string> mixer_kind_names() { return {mixer_kinds.begin(), mixer_kinds.end()}; }

std::optional<Provenance> read_provenance(const Json& json, const std::string& where) {
  JsonReader outer(json, where);
  if (!outer.has("provenance")) return std::nullopt;
  JsonReader reader(outer.at("provenance"), outer.path_of("provenance"));
  Provenance found{.teacher = reader.get_or<std::string>("teacher", ""),
                   .teacher_sha256 = reader.get_or<std::string>("teacher_sha256", ""),
                   .recipe = reader.get_or<std::string>("recipe", ""),
                   .commit = reader.get_or<std::string>("commit", ""),
                   .seed = given<uint64_t>(reader, "seed")};
  reader.done();
  return found;
}

OrderedJson provenance_json(const Provenance& provenance) {
  return {{"teacher", provenance.teacher},
          {"teacher_sha256", provenance.teacher_sha256},
          {"recipe", provenance.recipe},
          {"commit", provenance.commit},
          {"seed", ToJson::of(provenance.seed)}};
}

OrderedJson write_own_config(const ModelConfig& config,
                             const std::optional<Provenance>& provenance) {
  OrderedJson json{{"architectures", {own_architecture}}, {"model_type", own_model_type}};
  if (provenance) json["provenance"] = provenance_json(*provenance);
  json.update(ToJson::of(config));
  return json;
}

}  // namespace hylo::models
