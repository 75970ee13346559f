// Models at growing lengths beside each other, laid out: what each finds, keeps and takes.
#pragma once

#include "harness/base/json.h"
#include "reports/render/layout.h"

namespace hylo::reports {

// The document: "report" ("headline"), "title", "tasks" (names), "rows" and "notes". A row for each
// arm and length, arms together, the same lengths for all: "arm", "times" (of the first arm's
// length), "length" in tokens, "score" (0 to 1) with its "standard_error" (null: not known),
// "scores" (by task), "cache_bytes" and "state_bytes" of a sequence, "share_of_teachers_cache" of
// both together, and "seconds_a_prompt".

std::string headline_title(const OrderedJson& report);

/// A row for each arm, a column for each length: what it finds.
Table headline_table(const OrderedJson& report);

/// The same by task; memory; time.
std::vector<TitledTable> headline_details(const OrderedJson& report);

/// What is found over the length, a curve for each arm.
std::vector<Chart> headline_charts(const OrderedJson& report);

}  // namespace hylo::reports
