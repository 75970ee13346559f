// Which layers of a teacher get the stronger mixer: rules on numbers, without a model.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace hylo::models {

/// What each layer gains by it: the divergence from the teacher without it anywhere, less that with
/// it in this layer alone. Throws Error for numbers that are not finite.
std::vector<double> sensitivities(double divergence_without,
                                  std::span<const double> divergence_with_at_layer);

struct SmartSelection {
  std::vector<int64_t> layers;  ///< rising
  double total_score = 0;
  double num_placements = 0;  ///< that the rule of gaps allows
  bool operator==(const SmartSelection&) const = default;
};

/// SMART: of L layers, n are chosen. The first is the best of layers 0 to floor(L/n) - 1, the last
/// the best of the last floor(L/n); the gaps between neighbours are floor or ceil of
/// (last - first) / (n - 1), and of all such placements the one with the largest sum of scores is
/// taken. Of equal ones the first; n = 1 is the best layer. Throws Error unless 1 <= n <= L and
/// scores are finite.
/// Source: Zebra-Llama (arXiv 2505.17272), whose Algorithm 2 was not at hand: the rule is known
/// from descriptions and holds for every published placement.
SmartSelection select_smart(std::span<const double> scores, int64_t count);

/// first, first + step, ... Throws Error for a step below 1 or a first layer outside of the model.
std::vector<int64_t> every_nth_layer(int64_t num_layers, int64_t step, int64_t first = 0);

/// A list that somebody wrote, rising. Throws Error for a layer outside of the model or named
/// twice.
std::vector<int64_t> listed_layers(std::vector<int64_t> layers, int64_t num_layers);

}  // namespace hylo::models
