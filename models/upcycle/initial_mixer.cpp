#include "models/upcycle/initial_mixer.h"

#include <ATen/ops/full.h>

#include <cmath>
#include <string_view>

#include "models/upcycle/draws.h"

namespace hylo::models {
namespace {

constexpr double max_rate = 16;                     // of exp(a_log)
constexpr double min_step = 1e-3, max_step = 1e-1;  // of softplus(dt_bias)
constexpr double tap_deviation = 0.02;              // of JetBlock's static convolution

double min_rate(const MixerSpec& spec) {
  const bool is_delta =
      std::holds_alternative<GatedDeltaSpec>(spec) || std::holds_alternative<JetBlockSpec>(spec);
  return is_delta ? 0 : 1;
}

double log_rate(CounterRandom& random, double smallest) {
  return std::log(smallest + (max_rate - smallest) * above_zero(random));
}

double step_bias(CounterRandom& random) {
  const double step = min_step * std::pow(max_step / min_step, random.uniform());
  return step + std::log(-std::expm1(-step));  // inverse of softplus
}

/// Fills the tensors of one mixer, in the order of the walk.
class Start {
 public:
  Start(const MixerSpec& spec, at::ScalarType type, uint64_t seed)
      : min_rate_(min_rate(spec)),
        is_jet_(std::holds_alternative<JetBlockSpec>(spec)),
        type_(type),
        seed_(seed) {}

  void operator()(const WeightSlot& slot, at::Tensor& tensor) { tensor = of(slot).to(type_); }

 private:
  at::Tensor of(const WeightSlot& slot) {
    auto random = draws_of(seed_, slot.name);
    const auto ends_with = [&](std::string_view ending) { return slot.name.ends_with(ending); };
    const auto constant = [&](double value) { return at::full(slot.shape, value, at::kDouble); };
    if (ends_with("norm.weight") || ends_with(".skip")) return constant(1);
    if (ends_with(".gate_bias")) return constant(0);
    if (ends_with(".a_log")) return drawn(slot.shape, [&] { return log_rate(random, min_rate_); });
    if (ends_with(".dt_bias")) return drawn(slot.shape, [&] { return step_bias(random); });
    // The source zeroes both projections of the generator: then neither would ever get a gradient.
    // One is enough for a convolution that begins static.
    if (is_jet_ && ends_with(".generator_up.weight")) return constant(0);
    if (is_jet_ && ends_with(".generator_up.bias")) {
      return drawn(slot.shape, [&] { return tap_deviation * normal(random); });
    }
    // A bias follows its weight, whose input width bounds both.
    if (slot.shape.size() == 2) bound_ = 1 / std::sqrt(static_cast<double>(slot.shape.back()));
    return drawn(slot.shape, [&] { return bound_ * (2 * random.uniform() - 1); });
  }

  double min_rate_;
  bool is_jet_;
  at::ScalarType type_;
  uint64_t seed_;
  double bound_ = 0;
};

}  // namespace

MixerWeights initial_mixer(const MixerSpec& spec, const std::string& name, int64_t model_width,
                           at::ScalarType type, uint64_t seed) {
  Start start(spec, type, seed);
  return std::visit(
      [&](const auto& s) -> MixerWeights {
        typename WeightsOf<std::decay_t<decltype(s)>>::type weights;
        visit_mixer(s, name, model_width, weights, start);
        return weights;
      },
      spec);
}

}  // namespace hylo::models
