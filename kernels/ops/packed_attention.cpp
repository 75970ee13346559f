#include "kernels/ops/packed_attention.h"

#include "harness/base/error.h"
#include "kernels/ops/recurrent.h"
#include "kernels/ops/shape.h"
#include "kernels/torch/packed_attention.h"

namespace hylo::kernels {
namespace {

void check(const PackedAttentionIn& in) {
  require(in.q_NHK.dim() == 3 && in.k_NGK.dim() == 3 && in.v_NGV.dim() == 3,
          "packed_attention: q {}, k {} and v {} must be [rows, heads, width]",
          shape_text(in.q_NHK), shape_text(in.k_NGK), shape_text(in.v_NGV));
  require(in.q_NHK.scalar_type() == in.k_NGK.scalar_type() &&
              in.q_NHK.scalar_type() == in.v_NGV.scalar_type(),
          "packed_attention: q ({}), k ({}) and v ({}) must be of one type", type_text(in.q_NHK),
          type_text(in.k_NGK), type_text(in.v_NGV));
  const auto type = in.q_NHK.scalar_type();
  require(in.q_NHK.device().is_cpu() &&
              (type == at::kFloat || type == at::kDouble || type == at::kBFloat16),
          "packed_attention: float32, float64 and bfloat16 on the CPU are served, found {} on {}",
          type_text(in.q_NHK), in.q_NHK.device().str());
  require(in.scale > 0, "packed_attention: a scale of {}; expected above 0", in.scale);
  require(in.k_NGK.size(0) == in.q_NHK.size(0) && in.v_NGV.size(0) == in.q_NHK.size(0) &&
              in.k_NGK.size(1) == in.v_NGV.size(1) && in.k_NGK.size(2) == in.q_NHK.size(2) &&
              in.k_NGK.size(1) > 0 && in.q_NHK.size(1) % in.k_NGK.size(1) == 0,
          "packed_attention: q {}, k {} and v {} must agree in rows, key width and key/value "
          "heads, and heads must divide",
          shape_text(in.q_NHK), shape_text(in.k_NGK), shape_text(in.v_NGV));
  require(!in.window || *in.window > 0,
          "packed_attention: a window of {} tokens; expected 1 or more", in.window.value_or(0));
  check_sequences("packed_attention", in.sequences, in.q_NHK.size(0));
}

}  // namespace

at::Tensor packed_attention(const PackedAttentionIn& in) {
  check(in);
  return torch_form::packed_attention({.q_NHK = with_contiguous_heads(in.q_NHK),
                                       .k_NGK = with_contiguous_heads(in.k_NGK),
                                       .v_NGV = with_contiguous_heads(in.v_NGV),
                                       .sequences = in.sequences,
                                       .scale = in.scale,
                                       .window = in.window});
}

}  // namespace hylo::kernels
