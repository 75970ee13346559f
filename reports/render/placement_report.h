// Searches for a placement as JSON documents, from which everything that is drawn is drawn.
#pragma once

#include "harness/base/json.h"
#include "reports/render/layout.h"
#include "reports/store/placement_log.h"

namespace hylo::reports {

/// One search: "report" ("placement"), "search" (id, made, method, base, ...), "scores" (a row for
/// each candidate, "is_chosen" among them) and "notes".
OrderedJson placement_report(const PlacementRecord& record);

/// All of a store: "report" ("placement_list"), "store", "searches", newest first, and "notes".
OrderedJson placement_list_report(const Store& store);

// How they are laid out.
std::string placement_title(const OrderedJson& report);
std::string placement_subtitle(const OrderedJson& report);
/// A row for each candidate, its score drawn as a bar.
Table placement_table(const OrderedJson& report);
Table placement_list_table(const OrderedJson& report);

}  // namespace hylo::reports
