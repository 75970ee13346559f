#include <ATen/CPUGeneratorImpl.h>
#include <ATen/TensorOperators.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/exp.h>
#include <ATen/ops/expm1.h>
#include <ATen/ops/log.h>

#include <cmath>

#include "models/config/catalog.h"
#include "models/weights/checkpoint.h"
#include "models/weights/number_types.h"

namespace hylo::models {
namespace {

constexpr double min_decay = 1, max_decay = 16;     // of exp(a_log)
constexpr double min_step = 1e-3, max_step = 1e-1;  // of softplus(dt_bias)

bool ends_with(const WeightSlot& slot, std::string_view ending) {
  return slot.name.ends_with(ending);
}

/// Norms of the stream and of heads. The gated norms of recurrent layers ("mixer.norm") and those
/// of latents are stored as they are also where the others are stored less 1.
bool is_centred(const WeightSlot& slot) {
  return !ends_with(slot, ".mixer.norm.weight") && !ends_with(slot, "latent_norm.weight");
}

void fill(at::Tensor& tensor, const WeightSlot& slot, const NormSpec& norm, at::Generator& random) {
  if (ends_with(slot, "norm.weight")) {
    tensor.fill_(norm.zero_centred && is_centred(slot) ? 0 : 1);
  } else if (ends_with(slot, ".a_log")) {
    tensor.copy_(
        at::log(at::empty(slot.shape, at::kDouble).uniform_(min_decay, max_decay, random)));
  } else if (ends_with(slot, ".dt_bias")) {
    const auto step = at::exp(at::empty(slot.shape, at::kDouble)
                                  .uniform_(std::log(min_step), std::log(max_step), random));
    tensor.copy_(step + at::log(-at::expm1(-step)));  // inverse of softplus
  } else if (ends_with(slot, ".skip")) {
    tensor.fill_(1);
  } else if (ends_with(slot, "bias")) {
    tensor.zero_();
  } else {
    tensor.normal_(0, 1 / std::sqrt(static_cast<double>(slot.shape.back())), random);
  }
}

}  // namespace

ModelWeights random_weights(const ModelConfig& config, NumberType type, uint64_t seed) {
  auto weights = empty_weights(config);
  auto generator = at::make_generator<at::CPUGeneratorImpl>(seed);
  const auto options = at::TensorOptions().dtype(scalar_type(type));
  visit_weights(config, weights, [&](const WeightSlot& slot, at::Tensor& tensor) {
    tensor = at::empty(slot.shape, options);
    fill(tensor, slot, config.norm, generator);
  });
  return weights;
}

Checkpoint synthetic_checkpoint(std::string_view name, NumberType type) {
  constexpr uint64_t seed = 0;
  const auto& entry = find_model(name);
  Checkpoint checkpoint{.folder = fmt::format("{}{}", synthetic_prefix, entry.name),
                        .config = entry.config,
                        .weights = random_weights(entry.config, type, seed)};
  checkpoint.config.stored = type;
  checkpoint.stored_types = {type};
  checkpoint.stored_bytes = count_parameters(entry.config) * bytes_of(type);
  checkpoint.notes = {"the weights are random: what it writes and scores means nothing"};
  return checkpoint;
}

}  // namespace hylo::models
