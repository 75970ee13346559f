// Documents in which something random is said over and over: what teaches a network to copy.
#pragma once

#include <cstdint>
#include <vector>

#include "datasets/training_text.h"
#include "models/distill/recipe.h"

namespace hylo::harness {

/// A random word in hexadecimal digits behind a space or a hyphen, again and again until a document
/// has all its digits. Learnt is what follows from what stands before. A network that cannot copy
/// yet learns it from few and short repetitions many times sooner than from long texts with one of
/// them; and it copies at first only the tokens that it learnt it with, so words are odd and even
/// in length and begin as those of numbers and of UUIDs do.
std::vector<datasets::TrainingDocument> copied_documents(const models::CopiesData& data,
                                                         uint64_t seed);

}  // namespace hylo::harness
