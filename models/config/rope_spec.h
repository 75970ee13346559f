// Rotary frequencies: how a checkpoint stretches them.
// Sources: YaRN: Peng et al. 2023 (arXiv 2309.00071); linear: Chen et al. 2023 (arXiv 2306.15595);
// llama3 and dynamic: huggingface/transformers, src/transformers/modeling_rope_utils.py.
#pragma once

#include <cstdint>
#include <optional>
#include <variant>
#include <vector>

namespace hylo::models {

struct LinearScaling {
  double factor = 1;
  bool operator==(const LinearScaling&) const = default;
};
/// Beyond the original length the base grows with the length of the call, so a row depends on what
/// it was computed together with.
struct DynamicScaling {
  double factor = 1;
  int64_t original_length = 0;
  bool operator==(const DynamicScaling&) const = default;
};
struct YarnScaling {
  double factor = 1;
  int64_t original_length = 0;
  double beta_fast = 32, beta_slow = 1;
  std::optional<double> attention_factor, mscale, mscale_all_dim;
  bool truncate = true;  ///< round the corrected range to whole dims
  bool operator==(const YarnScaling&) const = default;
};
struct Llama3Scaling {
  double factor = 1, low_frequency_factor = 1, high_frequency_factor = 4;
  int64_t original_length = 0;
  bool operator==(const Llama3Scaling&) const = default;
};
using RopeScaling =
    std::variant<std::monostate, LinearScaling, DynamicScaling, YarnScaling, Llama3Scaling>;

struct RopeSpec {
  double theta = 10000;
  int64_t width = 0;  ///< Kr, the rotated part of a head; even
  RopeScaling scaling;
  bool operator==(const RopeSpec&) const = default;
};

/// Angle per position of each of the Kr / 2 pairs. `call_length` is the length that the sequence
/// has after this call; only dynamic scaling looks at it.
std::vector<double> inverse_frequencies(const RopeSpec& rope, int64_t call_length);
/// The same with every step in float32, as transformers computes them.
std::vector<float> inverse_frequencies_float32(const RopeSpec& rope, int64_t call_length);

/// What cos and sin are multiplied with (YaRN); 1 otherwise.
double attention_factor(const RopeSpec& rope);

/// Whether frequencies depend on how a sequence is cut into calls.
bool depends_on_call_length(const RopeSpec& rope);

}  // namespace hylo::models
