// Training runs beside one another on the held-out documents that they share.
#pragma once

#include <span>

#include "harness/base/json.h"
#include "reports/store/store.h"
#include "reports/store/training_records.h"

namespace hylo::reports {

/// Every run less the first, where the last validations of both are of the same documents, read in
/// the same context: a row for each run and data, with "difference" in nats a token. Documents are
/// kept at the ends of stages.
OrderedJson paired_runs(const Store& store, std::span<const TrainingSummary> runs);

/// What readers are told beside it.
inline constexpr auto paired_note =
    "Differences on the same held-out documents are the run's nats a token less the first run's: "
    "above 0 it predicts them worse. Error and 95 % interval are paired, over documents, with "
    "draws of documents in mind; they say nothing about other seeds.";
inline constexpr auto unpaired_note =
    "No run was held against the first one's held-out documents: they are others (of another seed "
    "where a share is held out), are read in another context, or a run has not come to the end of "
    "a stage with a hylo that keeps them.";

inline constexpr auto unpaired_preferences_note =
    "Runs are held against each other on held-out texts, and these have none: of held-out pairs of "
    "preferences no document is kept. Their margins and shares are those of the last validations.";

/// Which of these is true of compared runs ("validations" of each) with these rows of paired_runs.
const char* note_on_pairs(const OrderedJson& paired, const OrderedJson& runs);

}  // namespace hylo::reports
