// One sample of RULER and what builds them: text in, text out; tokens are only counted.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "harness/base/json.h"
#include "tasks/ruler/ruler_spec.h"

namespace hylo::tasks::ruler {

/// Number of tokens of a text, without special tokens. Safe to call from several threads.
using CountTokens = std::function<int64_t(std::string_view)>;

/// Sample::meta["gold"] where the document at "gold_position" is known to hold the answer.
inline constexpr std::string_view gold_holds_answer = "holds the answer";

struct Sample {
  std::string input;          ///< the prompt without the answer prefix
  std::string answer_prefix;  ///< the model is given input + answer_prefix
  std::vector<std::string> references;
  int64_t num_tokens = 0;  ///< of input + answer_prefix
  /// Samples with the same text here are not independent (the article of a question); empty where
  /// the sources name nothing that samples have in common.
  std::string cluster;
  /// What is known about it: "depths" of the needles (shares of the haystack), "gold_position" of
  /// a golden document and, as "gold", whether it holds the answer, "units" of the haystack ...
  OrderedJson meta = OrderedJson::object();
};

enum class Mode {
  Compat,  ///< the text of the reference generator, its random streams and its length search
  Strict,  ///< ours: every sample drawn by itself, depths in strata, no key twice, exact fit
};

/// What is built: `num_samples` of a task whose prompt and new tokens fit in `length` tokens.
struct BuildRequest {
  const RulerSpec& spec;
  int64_t length = 0;
  int64_t num_samples = 0;
  uint64_t seed = 42;
};

/// Told the samples in order; they are not kept, so that memory does not grow with their number.
using OnSample = std::function<void(Sample)>;

}  // namespace hylo::tasks::ruler
