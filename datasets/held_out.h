// Which documents are kept from training, to validate on.
#pragma once

#include <cstdint>
#include <vector>

#include "datasets/training_text.h"

namespace hylo::datasets {

struct DividedText {
  std::vector<TrainingDocument> training, held_out;  ///< both in the order in which they came
  int64_t num_repeated = 0;  ///< documents left out of training because they are held out
};

/// Holds out about `share` of the documents, in (0, 1). The text of a document and the seed alone
/// decide about it: adding documents moves no other one, and a text that occurs twice is on one
/// side. Throws Error when a side is left empty.
DividedText hold_out(std::vector<TrainingDocument> documents, double share, uint64_t seed);

/// Holds out documents of their own; those of the same text are left out of training, counted.
/// Throws Error when nothing is left to train on.
DividedText hold_out(std::vector<TrainingDocument> documents,
                     std::vector<TrainingDocument> held_out);

}  // namespace hylo::datasets
