// The tensors of feed-forwards, and the walk over each kind.
#pragma once

#include <fmt/core.h>

#include <variant>
#include <vector>

#include "models/config/layer_spec.h"
#include "models/weights/linear_weights.h"

namespace hylo::models {

struct NoWeights {};
struct SwiGluWeights {
  LinearWeights gate, up, down;
};
struct MoeWeights {
  LinearWeights router;
  at::Tensor selection_bias_E;  ///< undefined: none
  std::vector<SwiGluWeights> experts;
  SwiGluWeights shared;
  LinearWeights shared_gate;
};
using FeedForwardWeights = std::variant<NoWeights, SwiGluWeights, MoeWeights>;

template <>
struct WeightsOf<NoFeedForward> {
  using type = NoWeights;
};
template <>
struct WeightsOf<SwiGluSpec> {
  using type = SwiGluWeights;
};
template <>
struct WeightsOf<MoeSpec> {
  using type = MoeWeights;
};

template <class Weights, class Visit>
void visit_feed_forward(const NoFeedForward&, const std::string&, int64_t, Weights&, Visit&) {}

template <class Weights, class Visit>
void visit_feed_forward(const SwiGluSpec& s, const std::string& name, int64_t width, Weights& w,
                        Visit& visit) {
  visit_linear(name + ".gate", s.width, width, s.bias, w.gate, visit);
  visit_linear(name + ".up", s.width, width, s.bias, w.up, visit);
  visit_linear(name + ".down", width, s.width, s.bias, w.down, visit);
}

/// `weights.experts` has as many elements as the spec has experts.
template <class Weights, class Visit>
void visit_feed_forward(const MoeSpec& s, const std::string& name, int64_t width, Weights& w,
                        Visit& visit) {
  visit_linear(name + ".router", s.num_experts, width, false, w.router, visit);
  if (s.router.selection_bias) {
    visit(WeightSlot{name + ".router.selection_bias", {s.num_experts}}, w.selection_bias_E);
  }
  for (int64_t e = 0; e < s.num_experts; ++e) {
    visit_feed_forward(SwiGluSpec{.width = s.width}, fmt::format("{}.experts.{}", name, e), width,
                       w.experts.at(e), visit);
  }
  if (s.shared_width == 0) return;
  visit_feed_forward(SwiGluSpec{.width = s.shared_width}, name + ".shared", width, w.shared, visit);
  if (s.shared_gate) visit_linear(name + ".shared_gate", 1, width, false, w.shared_gate, visit);
}

}  // namespace hylo::models
