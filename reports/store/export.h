// Runs as JSON lines, for other programs and for comparing two runs byte by byte.
#pragma once

#include <cstdint>
#include <ostream>

#include "reports/store/store.h"

namespace hylo::reports {

struct ExportOptions {
  bool text = false;  ///< adds context and continuation
  bool ids = false;   ///< adds context_ids and token_ids
};

/// One line per request, by order of tasks in the run, document number and request. Keys, in this
/// order: task, index, request, log_likelihood, is_greedy, num_tokens, generated, finish_reason,
/// dropped_tokens; windows (rolling requests); error (failed requests); metrics (on a document's
/// last request); those of the options. Metrics map "name" or "name,filter" to the value, or to
/// [value, weight] where weights count (log-likelihood and words or bytes of the perplexities).
/// What does not apply is null. Numbers read back to the same bits; those that JSON lacks are the
/// strings "NaN", "Infinity" and "-Infinity". Same numbers, same bytes: no times, and nothing
/// depends on the order in which documents were saved. Throws Error when `out` cannot be written.
void export_samples(const Store& store, int64_t run, const ExportOptions& options,
                    std::ostream& out);

}  // namespace hylo::reports
