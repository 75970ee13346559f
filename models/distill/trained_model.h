// A model whose weights change: leaves that gradients reach, and masters that the optimiser steps.
#pragma once

#include <ATen/core/Tensor.h>

#include <optional>
#include <string>
#include <vector>

#include "models/decoder/decoder.h"
#include "models/distill/adamw.h"

namespace hylo::models {

struct TrainedModelOptions {
  at::ScalarType type = at::kFloat;  ///< of the forward pass
  /// Names of tensors that stay, as visit_weights has them; * stands for any text:
  /// "embedding.weight", "layers.*.feed_forward.*".
  std::vector<std::string> frozen;
  bool decays_vectors = false;  ///< weight decay for norms, biases and decays of states too
};

/// float32 and float64 train in place. Half types compute with rounded copies of float32 masters,
/// and their gradients are added up in float32.
class TrainedModel {
 public:
  /// Copies every tensor that is trained; frozen ones of the right type are shared. Throws Error
  /// for a pattern of `frozen` that no tensor has, and when nothing is left to train.
  TrainedModel(const ModelConfig& config, const ModelWeights& initial,
               const TrainedModelOptions& options);

  [[nodiscard]] const Decoder& decoder() const { return *decoder_; }

  /// Masters, in the order of visit_weights; frozen tensors are not among them.
  [[nodiscard]] const std::vector<OptimizedTensor>& tensors() const { return masters_; }
  /// All weights in the type of the masters, for checkpoints; those share their memory.
  [[nodiscard]] ModelWeights weights() const;

  /// After each backward pass: adds what the leaves got to the sums. Within a pass a leaf adds up
  /// in its own type what several users of it (a tied embedding) give.
  void collect_gradients();
  /// Sums since the last clear, beside tensors(); undefined where nothing arrived.
  [[nodiscard]] std::vector<at::Tensor> gradients() const;
  void clear_gradients();
  /// After a step of the optimiser: the leaves follow their masters.
  void publish();

 private:
  [[nodiscard]] at::ScalarType master_type() const;

  std::optional<Decoder> decoder_;
  std::vector<OptimizedTensor> masters_;
  std::vector<at::Tensor> leaves_;  ///< beside masters_; the same tensors where nothing is rounded
  std::vector<at::Tensor> sums_;
  /// Frozen tensors as they were given, in the order of the walk: the leaves may be rounded.
  std::vector<at::Tensor> frozen_;
};

/// Throws Error for a pattern that no tensor has.
void check_frozen(const ModelConfig& config, const std::vector<std::string>& patterns);

/// Whether `name` fits a pattern in which * stands for any text.
bool fits_pattern(std::string_view name, std::string_view pattern);

}  // namespace hylo::models
