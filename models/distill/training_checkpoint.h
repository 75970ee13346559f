// What a training writes down so that it can go on: weights, the optimiser, the place in the data.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "harness/base/json.h"
#include "models/config/checkpoint_format.h"
#include "models/distill/training_spent.h"
#include "models/weights/weights.h"

namespace hylo::models {

/// Where a training stands: before step `next_step` of stage `stage`.
struct TrainingPlace {
  int64_t stage = 0;  ///< the number of stages: all are done
  int64_t next_step = 0;
  bool operator==(const TrainingPlace&) const = default;
};

using NamedTensors = std::vector<std::pair<std::string, at::Tensor>>;

struct TrainingCheckpoint {
  TrainingPlace place;
  Json plan;                           ///< what must not change; see Training
  Json stream_position;                ///< null where the stage has not begun
  NamedTensors optimizer;              ///< empty where it has not begun
  NamedTensors reference;              ///< of preferences, see StageRun; empty for other stages
  std::optional<TrainingSpent> spent;  ///< absent: begun by a hylo that did not write it
};

/// Checkpoints lie side by side in one folder, each a folder of its own: a model that any verb
/// opens, optimizer.safetensors and training.json. One is written beside and then renamed: a crash
/// or a full disk leaves those before it whole.
class TrainingCheckpoints {
 public:
  explicit TrainingCheckpoints(std::filesystem::path folder) : folder_(std::move(folder)) {}

  /// Writes, and then removes all but the newest two, and what killed runs left. Gives the folder.
  /// Throws Error (full disk, no permission) and leaves what was there.
  std::filesystem::path write(const TrainingCheckpoint& state, const ModelConfig& config,
                              const ModelWeights& weights, const Provenance& provenance) const;

  /// The newest one; nothing where there is none. What a crash left half written is no checkpoint.
  [[nodiscard]] std::optional<std::filesystem::path> newest() const;

  /// Throws Error naming file and key when it is damaged.
  static TrainingCheckpoint read(const std::filesystem::path& checkpoint);

 private:
  [[nodiscard]] std::vector<std::filesystem::path> all() const;  ///< oldest first
  void remove_old() const;
  std::filesystem::path folder_;
};

/// What differs between two documents, a line each with its path: "stages[1].steps: 200, was 100".
std::vector<std::string> differences(const Json& now, const Json& before,
                                     const std::string& path = "");

}  // namespace hylo::models
