// A dense network cut to fewer layers, channels, heads and units of its feed-forwards: Minitron.
// Source: Muralidharan et al. 2024 (arXiv 2407.14679), sections 2.2 and 2.3.
#pragma once

#include <cstdint>
#include <vector>

#include "models/weights/weights.h"

namespace hylo::models {

/// Sizes of the narrower network; 0: as the base's.
struct NarrowerSizes {
  int64_t width = 0;               ///< channels
  int64_t num_kv_heads = 0;        ///< with all query heads that read them
  int64_t feed_forward_width = 0;  ///< units
  int64_t num_layers = 0;
  bool operator==(const NarrowerSizes&) const = default;
};

/// What is kept, by ascending number.
struct KeptParts {
  std::vector<int64_t> layers;
  std::vector<int64_t> channels;               ///< one choice for the whole network
  std::vector<std::vector<int64_t>> kv_heads;  ///< by layer of the base
  std::vector<std::vector<int64_t>> units;     ///< by layer of the base
};

/// How much each part is worth: by layer of the base where there is one for each.
struct PartImportance {
  std::vector<double> layers, channels;
  std::vector<std::vector<double>> kv_heads, units;
};

/// The most important parts; among equals the first. Throws Error, naming key, expected and found,
/// for sizes above the base's, and for a base whose layers are not all alike, attention and a dense
/// feed-forward.
KeptParts most_important(const ModelConfig& base, const PartImportance& importance,
                         const NarrowerSizes& sizes);

/// Throws Error as most_important does.
ModelConfig narrower_config(const ModelConfig& base, const NarrowerSizes& sizes);

/// The parts of the base's tensors, as copies. With all parts it is the base, bit by bit. What is
/// left is not scaled: the source trains it.
ModelWeights narrowed(const ModelConfig& base, const ModelWeights& weights, const KeptParts& kept);

}  // namespace hylo::models
