// The likeliest next tokens of a teacher for every token of the training's documents, kept in a
// file, so that several epochs and trainings run the teacher once.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <functional>

#include "models/decoder/decoder.h"
#include "models/distill/objective.h"
#include "models/distill/token_documents.h"

namespace hylo::models {

struct TeacherLogitsOptions {
  int64_t top_k = 0;
  int64_t context_length = 0;  ///< documents are cut into pieces of so many tokens
};

/// Ids of the top_k likeliest next tokens and the bits of their log-probabilities (float32): int32
/// [rows, 2, top_k], by falling probability.
at::Tensor likeliest(const Decoder& teacher, const TrainingRows& rows, int64_t top_k);

/// Calls `on_rows` with what likeliest() gives for all tokens of the documents, in their order and
/// with any number of rows at once. Throws Error for more tokens than the vocabulary has.
void for_each_likeliest(const Decoder& teacher, const TokenDocuments& documents,
                        const TeacherLogitsOptions& options,
                        const std::function<void(const at::Tensor&)>& on_rows);

/// Of rows that likeliest() gave, as the divergence wants them.
struct LikeliestTokens {
  at::Tensor ids_Nk;            ///< int64
  at::Tensor probabilities_Nk;  ///< float32
};
LikeliestTokens unpacked(const at::Tensor& rows_N2k);

}  // namespace hylo::models
