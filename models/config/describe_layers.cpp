#include <fmt/format.h>

#include "harness/base/overloaded.h"
#include "models/config/model_config.h"

namespace hylo::models {
namespace {

std::string describe(const RopeSpec& rope) {
  if (rope.width == 0) return "no positions";
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

std::string describe(const AttentionSpec& s) {
  const auto* norms = s.head_norms == HeadNorms::None ? "" : ", q/k norms";
  const auto partial = s.rope.width > 0 && s.rope.width < s.head_width
                           ? fmt::format(" on {} of {}", s.rope.width, s.head_width)
                           : "";
  return fmt::format("{}/{} heads x {}{}{}{}{}, {}{}", s.num_heads, s.num_kv_heads, s.head_width,
                     norms, s.input_bias ? ", biases" : "", s.output_gate ? ", output gate" : "",
                     s.window ? fmt::format(", window {}", *s.window) : "", describe(s.rope),
                     partial);
}

std::string describe(const MlaSpec& s) {
  return fmt::format("{}/{} heads x {}+{} (v {}), latent {}{}{}, {}", s.num_heads, s.num_kv_heads,
                     s.nope_width, s.rope_width, s.value_width, s.latent_rank,
                     s.query_rank ? fmt::format(", queries {}", s.query_rank) : "",
                     s.head_norms ? ", q/k norms" : "", describe(s.rope));
}

std::string describe(const Mamba2Spec& s) {
  return fmt::format("{} heads x {}, state {}, {}/{}/{} heads of x, B, C", s.num_heads,
                     s.value_width, s.key_width, s.num_value_heads, s.num_key_heads,
                     s.num_query_heads);
}

std::string describe(const DiscreteMamba2Spec& s) {
  return fmt::format("{} heads x {}, state {}, {} heads of B and C", s.num_heads, s.value_width,
                     s.key_width, s.num_key_heads);
}

std::string describe(const GatedDeltaSpec& s) {
  return fmt::format("{}/{} heads, keys {}, values {}, conv {}", s.num_heads, s.num_key_heads,
                     s.key_width, s.value_width, s.conv_width);
}

std::string describe(const KimiDeltaSpec& s) {
  return fmt::format("{} heads x {}, conv {}", s.num_heads, s.head_width, s.conv_width);
}

std::string describe(const JetBlockSpec& s) {
  return fmt::format("{} heads, keys {}, values {}, dynamic conv {}", s.num_heads, s.key_width,
                     s.value_width, s.conv_width);
}

std::string describe(const FeedForwardSpec& feed_forward) {
  return std::visit(
      overloaded{
          [](const NoFeedForward&) { return std::string("no feed-forward"); },
          [](const SwiGluSpec& s) {
            return fmt::format("SwiGLU {}{}", s.width, s.bias ? " with biases" : "");
          },
          [](const MoeSpec& s) {
            return fmt::format(
                "{} of {} experts x {}{}", s.experts_per_token, s.num_experts, s.width,
                s.shared_width ? fmt::format(" and a shared one x {}", s.shared_width) : "");
          },
      },
      feed_forward);
}

std::string describe(const LayerSpec& layer) {
  return fmt::format("{} {}{}; {}", kind_name(layer.mixer),
                     std::visit([](const auto& spec) { return describe(spec); }, layer.mixer),
                     layer.connectivity == Connectivity::PostNorm ? ", norm after it" : "",
                     describe(layer.feed_forward));
}

}  // namespace

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
