// Attention to MLA by truncated singular value decompositions: queries over a latent of rank Rq,
// keys and values of all heads over one of rank R.
// Source: X-EcoMLA (arXiv 2503.11132); AMD-AGI/AMD-Hybrid-Models, Zebra-Llama/hybrid/mla, re_init_q
// and re_init_kv.
#pragma once

#include <string>

#include "models/upcycle/attention_rows.h"

namespace hylo::models {

/// The rows that are rotated: of the queries' up-projection, and of the latent's down-projection
/// behind the latent.
enum class RopeRows {
  Filled,  ///< the last Kr rows of every query head; the mean of the last Kr rows of all key heads
           ///< (Zebra-Llama, X-EcoMLA)
  Kept,    ///< as they were initialised (HyLo, as its port to Megatron says)
};

/// Throws Error, naming key, expected and found, when no MLA of this shape follows from the
/// attention. `where` opens messages.
void check_attention_to_mla(const AttentionSpec& teacher, const MlaSpec& student,
                            int64_t model_width, const std::string& where);

/// A query or key keeps the first Kn rows of its head, not rotated, and the last Kr, rotated: in
/// pairs of other rows than the teacher's, which training must repair. A value keeps the first V
/// rows of its head, the output projection the columns that belong to them. More key and value
/// heads than the teacher's are its own, repeated, before they are decomposed. Singular values go
/// into the down-projections. Without query compression W_Q is copied. Biases are 0, but for the
/// output's, which is copied; norms of heads are copied, norms of latents stay as initialised.
/// Decompositions run in float64; the result has the type of the teacher's tensors.
MlaWeights attention_to_mla(const AttentionTeacher& teacher, const MlaSpec& student,
                            MlaWeights initial, RopeRows rope_rows);

/// [W_K; W_V] with `num_kv_heads` heads each, a multiple of the teacher's: what is decomposed.
at::Tensor stacked_keys_and_values(const AttentionTeacher& teacher, int64_t num_kv_heads);

}  // namespace hylo::models
