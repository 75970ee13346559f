#include "models/upcycle/weight_slots.h"

#include <fmt/ranges.h>

#include <algorithm>

#include "harness/base/error.h"
#include "models/weights/feed_forward_weights.h"
#include "models/weights/mixer_weights.h"
#include "models/weights/weights.h"

namespace hylo::models {
namespace {

const WeightSlot* find(const Slots& slots, const std::string& name) {
  const auto found = std::ranges::find(slots, name, &WeightSlot::name);
  return found == slots.end() ? nullptr : &*found;
}

}  // namespace

Slots mixer_slots(const MixerSpec& spec, const std::string& name, int64_t model_width) {
  Slots slots;
  auto collect = [&](const WeightSlot& slot, const at::Tensor&) { slots.push_back(slot); };
  std::visit(
      [&](const auto& s) {
        typename WeightsOf<std::decay_t<decltype(s)>>::type weights;
        visit_mixer(s, name, model_width, weights, collect);
      },
      spec);
  return slots;
}

Slots feed_forward_slots(const FeedForwardSpec& spec, const std::string& name,
                         int64_t model_width) {
  Slots slots;
  auto collect = [&](const WeightSlot& slot, const at::Tensor&) { slots.push_back(slot); };
  ModelConfig layer;
  layer.layers.push_back({.mixer = AttentionSpec{}, .feed_forward = spec});
  const auto weights = std::move(empty_weights(layer).layers[0].feed_forward);
  with_weights(spec, weights, [&](const auto& s, const auto& w) {
    visit_feed_forward(s, name, model_width, w, collect);
  });
  return slots;
}

void check_same_slots(const Slots& teacher, const Slots& student) {
  for (const auto& wanted : teacher) {
    const auto* found = find(student, wanted.name);
    require(found != nullptr, "{}: expected the teacher's [{}], the student has no such tensor",
            wanted.name, fmt::join(wanted.shape, ", "));
    require(found->shape == wanted.shape, "{}: expected the teacher's [{}], found [{}]",
            wanted.name, fmt::join(wanted.shape, ", "), fmt::join(found->shape, ", "));
  }
  for (const auto& slot : student) {
    require(find(teacher, slot.name) != nullptr,
            "{}: the student has [{}], the teacher has no such tensor", slot.name,
            fmt::join(slot.shape, ", "));
  }
}

}  // namespace hylo::models
