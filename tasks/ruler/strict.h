// RULER with samples of our own drawing: the benchmark's prompts, fair depths, nothing twice, the
// length used to its end.
#pragma once

#include <cstdint>

#include "tasks/ruler/sample.h"
#include "tasks/ruler/sources.h"

namespace hylo::tasks::ruler {

/// From this length on a sample fills its length to the share below or is an Error.
inline constexpr int64_t first_length_to_fill = 4096;
inline constexpr double least_fill = 0.97;

/// Builds the samples of a task. Sample i depends on (seed, task, length, i) and the sources alone,
/// not on the number of samples or of threads. Of every sample
///   BOS + tokens(input + answer_prefix) + max_new_tokens <= length,
/// counted on the final text, and at least `least_fill` of the length from `first_length_to_fill`
/// on. Needles stand in every tenth of the haystack equally often, no key, value or name comes
/// twice in a prompt, no question twice while there are enough. `on_sample` is called in the
/// calling thread, in order. Throws Error for a length that is too small (telling the smallest),
/// and for sources that are too few.
void build_strict(const BuildRequest& request, const Sources& sources, const CountTokens& count,
                  const OnSample& on_sample, int num_threads = 1);

/// The length that holds the smallest prompt of every sample of the request, drawn at its own
/// length.
int64_t strict_length_needed(const BuildRequest& request, const Sources& sources,
                             const CountTokens& count);

/// The smallest length of a task for a tokenizer and sources, whatever is to be built: 64 probe
/// samples of one seed fit in it, and not in lengths well below. Another draw (a longer question, a
/// longer name) may take a little more; strict_length_needed tells.
int64_t smallest_strict_length(const RulerSpec& spec, const Sources& sources,
                               const CountTokens& count);

}  // namespace hylo::tasks::ruler
