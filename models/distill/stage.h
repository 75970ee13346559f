// A stage of training as data: what is learnt, from what, how long and how fast.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "models/config/model_config.h"
#include "models/distill/adamw.h"
#include "models/distill/learning_rate.h"
#include "models/distill/objective.h"

namespace hylo::models {

/// Rotary frequencies of the student's attention and latent attention from this stage on.
struct Stretch {
  double factor = 1;            ///< of YaRN; 1: plain, without the scaling that the teacher has
  int64_t original_length = 0;  ///< for which the teacher's frequencies were trained
  bool operator==(const Stretch&) const = default;
};

struct Stage {
  std::string name;
  Objective objective = NextToken{};
  int64_t steps = 0;
  int64_t context_length = 0;   ///< T, the longest sequence
  int64_t tokens_per_step = 0;  ///< rows of one step of the optimiser
  int64_t tokens_per_pass = 0;  ///< rows of one forward and backward pass; at least T
  double peak_learning_rate = 0;
  RateSchedule schedule = ConstantRate{};
  AdamWOptions optimizer;
  double max_gradient_norm = 1;  ///< 0: gradients are not clipped
  bool decays_vectors = false;
  std::vector<std::string> frozen;  ///< patterns; see TrainedModelOptions
  /// Align_layers has nothing to gain by it: one layer's graph is alive at a time.
  bool recompute_layers = false;
  RouterLoss router;
  std::optional<Stretch> yarn;         ///< absent: as in the stage before
  std::map<std::string, double> data;  ///< shares of named sources; empty: all, by their weights
  int64_t validate_every = 0;          ///< steps; 0: at the end only
  int64_t checkpoint_every = 0;        ///< steps; 0: at the end only
  bool operator==(const Stage&) const = default;

  [[nodiscard]] double learning_rate(int64_t step) const {
    return peak_learning_rate * rate_factor(schedule, step, steps);
  }
};

/// Throws Error, naming the path, for a key that is missing, unknown or out of range.
Stage read_stage(const Json& json, const std::string& path);
OrderedJson describe(const Stage& stage);

/// Throws Error for a share of something that is not among the names of the sources.
void check_shares(const Stage& stage, const std::vector<std::string>& sources);

/// What held-out documents are read in.
int64_t longest_context(std::span<const Stage> stages);

/// The config with every rotary embedding stretched as the stage says, and a context of at least
/// the length that it reaches.
ModelConfig stretched(ModelConfig config, const Stretch& stretch);

}  // namespace hylo::models
