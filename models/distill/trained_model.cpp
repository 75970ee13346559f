#include "models/distill/trained_model.h"

#include <ATen/core/grad_mode.h>

#include <algorithm>

#include "harness/base/error.h"

namespace hylo::models {
namespace {

bool is_half(at::ScalarType type) { return type == at::kBFloat16 || type == at::kHalf; }

}  // namespace

void check_frozen(const ModelConfig& config, const std::vector<std::string>& patterns) {
  std::vector<bool> is_used(patterns.size());
  auto weights = empty_weights(config);
  visit_weights(config, weights, [&](const WeightSlot& slot, at::Tensor&) {
    for (size_t i = 0; i < patterns.size(); ++i) {
      if (fits_pattern(slot.name, patterns[i])) is_used[i] = true;
    }
  });
  const auto unused = std::ranges::find(is_used, false);
  if (unused != is_used.end()) {
    fail(
        "frozen: no tensor is called '{}'; names are like layers.0.mixer.query.weight, and * "
        "stands "
        "for any text",
        patterns[static_cast<size_t>(unused - is_used.begin())]);
  }
}

bool fits_pattern(std::string_view name, std::string_view pattern) {
  const auto star = pattern.find('*');
  if (star == std::string_view::npos) return name == pattern;
  if (!name.starts_with(pattern.substr(0, star))) return false;
  const auto rest = pattern.substr(star + 1);
  for (size_t at = star; at <= name.size(); ++at) {
    if (fits_pattern(name.substr(at), rest)) return true;
  }
  return false;
}

TrainedModel::TrainedModel(const ModelConfig& config, const ModelWeights& initial,
                           const TrainedModelOptions& options) {
  check_frozen(config, options.frozen);
  const auto master_type = is_half(options.type) ? at::kFloat : options.type;
  auto computing = initial;
  visit_weights(config, computing, [&](const WeightSlot& slot, at::Tensor& tensor) {
    if (std::ranges::any_of(options.frozen, [&](const auto& pattern) {
          return fits_pattern(slot.name, pattern);
        })) {
      frozen_.push_back(tensor.detach());
      tensor = tensor.detach().to(options.type);
      return;
    }
    const auto master = tensor.detach().to(master_type, /*non_blocking=*/false, /*copy=*/true);
    tensor = master_type == options.type ? master : master.to(options.type);
    tensor.requires_grad_(true);
    masters_.push_back({slot.name, master, options.decays_vectors || slot.shape.size() > 1});
    leaves_.push_back(tensor);
  });
  require(!masters_.empty(), "every tensor is frozen: there is nothing to train");
  sums_.resize(masters_.size());
  decoder_.emplace(config, std::move(computing));
}

at::ScalarType TrainedModel::master_type() const { return masters_.front().value.scalar_type(); }

ModelWeights TrainedModel::weights() const {
  auto weights = decoder_->weights();
  size_t next = 0, next_frozen = 0;
  visit_weights(decoder_->config(), weights, [&](const WeightSlot& slot, at::Tensor& tensor) {
    const bool is_trained = next < masters_.size() && masters_[next].name == slot.name;
    tensor =
        is_trained ? masters_[next++].value.detach() : frozen_[next_frozen++].to(master_type());
  });
  return weights;
}

void TrainedModel::collect_gradients() {
  for (size_t i = 0; i < leaves_.size(); ++i) {
    auto& gradient = leaves_[i].mutable_grad();
    if (!gradient.defined()) continue;
    const auto wide = gradient.to(masters_[i].value.scalar_type());
    sums_[i] = sums_[i].defined() ? sums_[i].add_(wide) : wide;
    gradient.reset();
  }
}

std::vector<at::Tensor> TrainedModel::gradients() const { return sums_; }

void TrainedModel::clear_gradients() {
  for (auto& sum : sums_) sum.reset();
}

void TrainedModel::publish() {
  const at::NoGradGuard no_grad;
  for (size_t i = 0; i < leaves_.size(); ++i) {
    if (!leaves_[i].is_same(masters_[i].value)) leaves_[i].detach().copy_(masters_[i].value);
  }
}

}  // namespace hylo::models
