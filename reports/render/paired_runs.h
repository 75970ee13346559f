// Training runs beside one another on the held-out documents that they share.
#pragma once

#include <span>

#include "harness/base/json.h"
#include "reports/store/store.h"
#include "reports/store/training_records.h"

namespace hylo::reports {

/// Every run less the first, on the last documents that both were held against: a row for each run
/// and data, with "difference" in nats a token. Empty where they share none.
OrderedJson paired_runs(const Store& store, std::span<const TrainingSummary> runs);

/// What readers are told beside it.
inline constexpr auto paired_note =
    "Differences on the same held-out documents are the run's nats a token less the first run's: "
    "above 0 it predicts them worse. Error and 95 % interval are paired, over documents, with "
    "draws of documents in mind; they say nothing about other seeds.";

}  // namespace hylo::reports
