// How each family of tasks makes a sample of the strict mode for an estimated number of tokens.
#pragma once

#include <cstdint>
#include <functional>

#include "tasks/ruler/prompts.h"
#include "tasks/ruler/ruler_spec.h"
#include "tasks/ruler/sample.h"
#include "tasks/ruler/sources.h"

namespace hylo::tasks::ruler {

/// What a design is made of; all of it must outlive the design.
struct DesignInput {
  const BuildRequest& request;
  const Sources& sources;
  const CountTokens& count;
  const RulerPrompts& prompts;
};

/// Sample `index` with the largest haystack for which the prompt is estimated at `target_tokens` or
/// fewer; where even the smallest is estimated at more, that one. The same arguments give the same
/// sample; another target gives the same needles or question in another amount of text. num_tokens
/// is left 0. Safe to call from several threads.
using DrawSample = std::function<Sample(int64_t index, int64_t target_tokens)>;

DrawSample niah_design(const NiahSpec& spec, const DesignInput& input);
DrawSample vt_design(const VtSpec& spec, const DesignInput& input);
DrawSample cwe_design(const CweSpec& spec, const DesignInput& input);
DrawSample fwe_design(const FweSpec& spec, const DesignInput& input);
DrawSample qa_design(const QaSpec& spec, const DesignInput& input);

}  // namespace hylo::tasks::ruler
