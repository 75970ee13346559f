#include "models/config/model_config.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "harness/base/error.h"
#include "harness/base/overloaded.h"

namespace hylo::models {
namespace {

std::string describe(const RopeSpec& rope) {
  const auto scaling =
      std::visit(overloaded{
                     [](std::monostate) { return std::string("plain"); },
                     [](const LinearScaling& s) { return fmt::format("linear x{}", s.factor); },
                     [](const DynamicScaling& s) {
                       return fmt::format("dynamic x{} beyond {}", s.factor, s.original_length);
                     },
                     [](const YarnScaling& s) {
                       return fmt::format("YaRN x{} of {}", s.factor, s.original_length);
                     },
                     [](const Llama3Scaling& s) {
                       return fmt::format("llama3 x{} of {}", s.factor, s.original_length);
                     },
                 },
                 rope.scaling);
  return fmt::format("rope {} (theta {})", scaling, rope.theta);
}

std::string describe(const LayerSpec& layer) {
  const auto mixer = std::visit(
      overloaded{[](const AttentionSpec& s) {
        return fmt::format("attention {}/{} heads x {}{}{}{}, {}", s.num_heads, s.num_kv_heads,
                           s.head_width, s.head_norms ? ", q/k norms" : "",
                           s.input_bias ? ", biases" : "",
                           s.window ? fmt::format(", window {}", *s.window) : "", describe(s.rope));
      }},
      layer.mixer);
  const auto feed_forward =
      std::visit(overloaded{[](const SwiGluSpec& s) {
                   return fmt::format("SwiGLU {}{}", s.width, s.bias ? " with biases" : "");
                 }},
                 layer.feed_forward);
  return fmt::format("{}; {}", mixer, feed_forward);
}

constexpr std::array types{
    std::pair{"float32", NumberType::Float32}, std::pair{"float16", NumberType::Float16},
    std::pair{"bfloat16", NumberType::BFloat16}, std::pair{"float64", NumberType::Float64}};

}  // namespace

bool depends_on_call_length(const ModelConfig& config) {
  return std::ranges::any_of(config.layers, [](const LayerSpec& layer) {
    return std::visit(
        overloaded{[](const AttentionSpec& s) { return depends_on_call_length(s.rope); }},
        layer.mixer);
  });
}

std::string_view family_name(Family family) {
  switch (family) {
    case Family::Llama:
      return "llama";
    case Family::Mistral:
      return "mistral";
    case Family::Qwen2:
      return "qwen2";
    case Family::Qwen3:
      return "qwen3";
  }
  invariant(false, "a family without a name");
  return {};
}

std::string_view type_name(NumberType type) {
  return std::ranges::find(types, type, &std::pair<const char*, NumberType>::second)->first;
}

std::optional<NumberType> type_named(std::string_view name) {
  const auto found =
      std::ranges::find(types, name, [](const auto& t) { return std::string_view(t.first); });
  return found == types.end() ? std::nullopt : std::optional(found->second);
}

int64_t bytes_of(NumberType type) {
  switch (type) {
    case NumberType::Float64:
      return 8;
    case NumberType::Float32:
      return 4;
    case NumberType::Float16:
    case NumberType::BFloat16:
      return 2;
  }
  invariant(false, "a number type without a size");
  return 0;
}

std::vector<std::string> describe_layers(const ModelConfig& config) {
  std::vector<std::string> lines;
  for (size_t begin = 0; begin < config.layers.size();) {
    size_t end = begin + 1;
    while (end < config.layers.size() && config.layers[end] == config.layers[begin]) ++end;
    const auto range =
        end == begin + 1 ? std::to_string(begin) : fmt::format("{}-{}", begin, end - 1);
    lines.push_back(fmt::format("{}: {}", range, describe(config.layers[begin])));
    begin = end;
  }
  return lines;
}

}  // namespace hylo::models
