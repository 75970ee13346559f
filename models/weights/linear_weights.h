// The smallest pieces of a network's weights, and how a walk meets them.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <string>
#include <vector>

namespace hylo::models {

struct LinearWeights {
  at::Tensor weight_OI;
  at::Tensor bias_O;  ///< undefined: none
};

/// Taps of a depthwise convolution: channels, width.
struct ConvWeights {
  at::Tensor weight_DC;
  at::Tensor bias_D;  ///< undefined: none
};

/// The struct of tensors that belongs to a kind of layer: WeightsOf<MlaSpec>::type is MlaWeights.
template <class Spec>
struct WeightsOf;

/// One tensor as the configuration wants it. Names are ours: "layers.3.mixer.query.weight".
struct WeightSlot {
  std::string name;
  std::vector<int64_t> shape;
};

template <class Weights, class Visit>
void visit_linear(const std::string& name, int64_t out, int64_t in, bool bias, Weights& weights,
                  Visit& visit) {
  visit(WeightSlot{name + ".weight", {out, in}}, weights.weight_OI);
  if (bias) visit(WeightSlot{name + ".bias", {out}}, weights.bias_O);
}

template <class Weights, class Visit>
void visit_conv(const std::string& name, int64_t channels, int64_t width, bool bias,
                Weights& weights, Visit& visit) {
  visit(WeightSlot{name + ".weight", {channels, width}}, weights.weight_DC);
  if (bias) visit(WeightSlot{name + ".bias", {channels}}, weights.bias_D);
}

}  // namespace hylo::models
