// The thirteen tasks of RULER as one table.
// Source: NVIDIA/RULER c3f5e3b, scripts/synthetic.yaml and scripts/data/synthetic/constants.py
// (Apache-2.0); paper arXiv 2404.06654.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <variant>

namespace hylo::tasks::ruler {

/// What the needles are hidden in.
enum class Haystack { Noise, Essay, Needles };
/// What a key or a value of a needle is.
enum class NeedlePart { Words, Numbers, Uuids };

/// Retrieval: needles "key: value" in a haystack.
struct NiahSpec {
  Haystack haystack;
  NeedlePart key, value;
  int64_t num_keys = 1;     ///< needles of different keys; at least num_queries
  int64_t num_values = 1;   ///< per key
  int64_t num_queries = 1;  ///< keys that are asked for
};
/// Variable tracking: chains of assignments in noise.
struct VtSpec {
  int64_t num_chains = 1, num_hops = 4;
};
/// Common words: ten words that occur more often than the others.
struct CweSpec {
  int64_t num_common = 10;
};
/// Frequent words: coded words whose counts follow a Zipf law.
struct FweSpec {
  double alpha = 2.0;
};
enum class QaSource { Squad, Hotpotqa };
/// Questions about documents among which the golden ones lie.
struct QaSpec {
  QaSource source;
};
using FamilySpec = std::variant<NiahSpec, VtSpec, CweSpec, FweSpec, QaSpec>;

/// How the references that are found in a prediction become its score.
enum class Metric {
  All,   ///< share of the references that are found
  Part,  ///< 1 where any is found
};

struct RulerSpec {
  std::string_view name;
  std::string_view description;
  FamilySpec family;
  int64_t max_new_tokens;  ///< counted as part of a sample's length
  Metric metric;
};

/// In the order of the paper.
std::span<const RulerSpec> ruler_specs();
/// Throws Error with the nearest name.
const RulerSpec& find_ruler_spec(std::string_view name);

}  // namespace hylo::tasks::ruler
