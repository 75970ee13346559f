#include "models/config/families/rope_keys.h"

#include "harness/base/overloaded.h"
#include "models/config/families/base_fields.h"

namespace hylo::models {
namespace {

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
    return YarnScaling{.factor = positive<double>(r, "factor"),
                       .original_length = original,
                       .beta_fast = r.get_or<double>("beta_fast", 32),
                       .beta_slow = r.get_or<double>("beta_slow", 1),
                       .attention_factor = given<double>(r, "attention_factor"),
                       .mscale = given<double>(r, "mscale"),
                       .mscale_all_dim = given<double>(r, "mscale_all_dim"),
                       .truncate = r.get_or<bool>("truncate", true)};
  }
  fail("{}: unknown rope type '{}'; known are default, linear, dynamic, llama3, yarn",
       r.path_of("rope_type"), type);
}

RopeScaling scaling_of(JsonReader& r, int64_t max_positions) {
  const auto type = r.get_or<std::string>("rope_type", r.get_or<std::string>("type", "default"));
  const auto scaling = scaling_of(r, type, max_positions);
  for (const auto* unused : {"original_max_position_embeddings", "factor", "type"})
    r.ignore(unused);
  r.done();
  return scaling;
}

double partial_factor(JsonReader& reader, const RopeDefaults& defaults, double otherwise) {
  const auto factor = reader.get_or<double>("partial_rotary_factor", otherwise);
  require(factor == 1.0 || defaults.partial_factor,
          "{}: partial rotation ({}) is not known for this family",
          reader.path_of("partial_rotary_factor"), factor);
  require(factor > 0 && factor <= 1, "{}: expected a number above 0 and up to 1, found {}",
          reader.path_of("partial_rotary_factor"), factor);
  return factor;
}

}  // namespace

RopeScaling read_scaling(const Json& json, const std::string& path, int64_t max_positions) {
  JsonReader reader(json, path);
  return scaling_of(reader, max_positions);
}

RopeSpec read_rope(JsonReader& config, int64_t head_width, const RopeDefaults& defaults) {
  RopeSpec rope{.theta = config.get_or<double>("rope_theta", defaults.theta)};
  double partial = partial_factor(config, defaults, defaults.partial_factor.value_or(1.0));
  const auto* key = config.has("rope_parameters") ? "rope_parameters" : "rope_scaling";
  if (config.has(key)) {
    JsonReader r(config.at(key), config.path_of(key));
    rope.theta = r.get_or<double>("rope_theta", rope.theta);
    partial = partial_factor(r, defaults, partial);
    rope.scaling = scaling_of(r, defaults.max_positions);
  }
  require(rope.theta > 0, "{}: expected a base above 0, found {}", config.path_of("rope_theta"),
          rope.theta);
  rope.width = static_cast<int64_t>(static_cast<double>(head_width) * partial);
  require(partial < 1 || rope.width % 2 == 0,
          "{}: head_dim {} is odd; rotary pairs need an even width", config.path_of("head_dim"),
          head_width);
  require(rope.width > 0 && rope.width % 2 == 0,
          "{}: {} of the {} dims of a head would be rotated; rotary pairs need an even width",
          config.path_of("partial_rotary_factor"), rope.width, head_width);
  return rope;
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

}  // namespace hylo::models
