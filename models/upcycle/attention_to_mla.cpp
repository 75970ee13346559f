#include "models/upcycle/attention_to_mla.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/zeros_like.h>

#include <algorithm>

#include "harness/base/error.h"
#include "models/upcycle/svd.h"

namespace hylo::models {
namespace {

/// weight = up down, of a rank.
struct Factors {
  at::Tensor up_OR, down_RI;
};

Factors truncated(const at::Tensor& weight_OI, int64_t rank) {
  const auto [u, s, zt] = decomposed(weight_OI);
  return {u.narrow(1, 0, rank), s.narrow(0, 0, rank).unsqueeze(1) * zt.narrow(0, 0, rank)};
}

at::Tensor in_type_of(const at::Tensor& like, const at::Tensor& tensor) {
  return tensor.to(like.scalar_type()).contiguous();
}

/// Rows of queries from rows of all heads: the first Kn and the last Kr of each.
at::Tensor query_rows(const at::Tensor& heads_OI, const MlaSpec& s, const at::Tensor& initial_OI,
                      RopeRows rope_rows) {
  const auto heads_HKI = heads_OI.unflatten(0, {s.num_heads, -1});
  const auto nope = heads_HKI.narrow(1, 0, s.nope_width);
  const auto rope = rope_rows == RopeRows::Filled
                        ? heads_HKI.narrow(1, heads_HKI.size(1) - s.rope_width, s.rope_width)
                        : initial_OI.unflatten(0, {s.num_heads, -1})
                              .narrow(1, s.nope_width, s.rope_width)
                              .to(heads_OI.scalar_type());
  return at::cat({nope, rope}, 1).flatten(0, 1);
}

void convert_queries(const AttentionTeacher& teacher, const MlaSpec& s, RopeRows rope_rows,
                     MlaWeights& w) {
  const auto& wq = teacher.weights.query.weight_OI;
  if (s.query_rank == 0) {
    w.query.weight_OI = in_type_of(wq, query_rows(wq, s, w.query.weight_OI, rope_rows));
    return;
  }
  const auto [up, down] = truncated(wq, s.query_rank);
  w.query_down.weight_OI = in_type_of(wq, down);
  w.query_up.weight_OI = in_type_of(wq, query_rows(up, s, w.query_up.weight_OI, rope_rows));
}

/// The one rotated key of all heads, from the mean of theirs.
at::Tensor shared_key_rows(const AttentionTeacher& teacher, const MlaSpec& s) {
  const auto keys_GKI =
      teacher.weights.key.weight_OI.to(at::kDouble).unflatten(0, {teacher.spec.num_kv_heads, -1});
  return keys_GKI.mean(0).narrow(0, teacher.spec.head_width - s.rope_width, s.rope_width);
}

void convert_keys_and_values(const AttentionTeacher& teacher, const MlaSpec& s, RopeRows rope_rows,
                             MlaWeights& w) {
  const auto& wk = teacher.weights.key.weight_OI;
  const auto [up, down] =
      truncated(stacked_keys_and_values(teacher, s.num_kv_heads), s.latent_rank);
  const auto rope =
      rope_rows == RopeRows::Filled
          ? shared_key_rows(teacher, s)
          : w.latent_down.weight_OI.narrow(0, s.latent_rank, s.rope_width).to(at::kDouble);
  w.latent_down.weight_OI = in_type_of(wk, at::cat({down, rope}));
  const auto up_2GKR = up.unflatten(0, {2, s.num_kv_heads, -1});
  const auto key_GKR = up_2GKR.select(0, 0).narrow(1, 0, s.nope_width);
  const auto value_GVR = up_2GKR.select(0, 1).narrow(1, 0, s.value_width);
  w.latent_up.weight_OI = in_type_of(wk, at::cat({key_GKR, value_GVR}, 1).flatten(0, 1));
}

/// Columns belong to the values that are kept of each head. The port copies the first H * V
/// columns, which are the same where V is the teacher's head width and other heads' where it is
/// less.
void convert_output(const AttentionTeacher& teacher, const MlaSpec& s, MlaWeights& w) {
  const auto& wo = teacher.weights.output;
  w.output.weight_OI = wo.weight_OI.unflatten(1, {s.num_heads, -1})
                           .narrow(2, 0, s.value_width)
                           .flatten(1, 2)
                           .contiguous();
  if (s.bias && teacher.spec.output_bias) w.output.bias_O = wo.bias_O;
}

/// The entries of a norm that belong to the rows of a head that are kept.
at::Tensor norm_entries(const at::Tensor& norm_K, const MlaSpec& s) {
  return at::cat({norm_K.narrow(0, 0, s.nope_width),
                  norm_K.narrow(0, norm_K.size(0) - s.rope_width, s.rope_width)});
}

void silence_biases(MlaWeights& w) {
  for (auto* linear : {&w.query_down, &w.latent_down, &w.output}) {
    if (linear->bias_O.defined()) linear->bias_O = at::zeros_like(linear->bias_O);
  }
}

void check_heads(const AttentionSpec& teacher, const MlaSpec& student, const std::string& where) {
  require(student.num_heads == teacher.num_heads,
          "{}.num_heads: expected the teacher's {}, found {}", where, teacher.num_heads,
          student.num_heads);
  require(student.num_kv_heads % teacher.num_kv_heads == 0,
          "{}.num_kv_heads: expected a multiple of the teacher's {}, found {}", where,
          teacher.num_kv_heads, student.num_kv_heads);
  require(
      student.nope_width + student.rope_width <= teacher.head_width,
      "{}: nope_width + rope_width: expected at most the teacher's head_width {}, found {} + {}",
      where, teacher.head_width, student.nope_width, student.rope_width);
  require(student.value_width <= teacher.head_width,
          "{}.value_width: expected at most the teacher's head_width {}, found {}", where,
          teacher.head_width, student.value_width);
  require(!student.head_norms || teacher.head_norms == HeadNorms::PerHead,
          "{}.head_norms: the teacher has no norms of single heads to copy", where);
}

}  // namespace

void check_attention_to_mla(const AttentionSpec& teacher, const MlaSpec& student,
                            int64_t model_width, const std::string& where) {
  check_heads(teacher, student, where);
  const auto rank_fits = [&](const char* key, int64_t rank, int64_t rows) {
    const int64_t largest = std::min(rows, model_width);
    require(rank <= largest, "{}.{}: a matrix of {} x {} has rank {} at most, found {}", where, key,
            rows, model_width, largest, rank);
  };
  rank_fits("query_rank", student.query_rank, teacher.num_heads * teacher.head_width);
  rank_fits("latent_rank", student.latent_rank, 2 * student.num_kv_heads * teacher.head_width);
}

at::Tensor stacked_keys_and_values(const AttentionTeacher& teacher, int64_t num_kv_heads) {
  const int64_t own = teacher.spec.num_kv_heads;
  return at::cat({repeat_heads(teacher.weights.key.weight_OI, own, num_kv_heads / own),
                  repeat_heads(teacher.weights.value.weight_OI, own, num_kv_heads / own)});
}

MlaWeights attention_to_mla(const AttentionTeacher& teacher, const MlaSpec& student,
                            MlaWeights initial, RopeRows rope_rows) {
  auto weights = std::move(initial);
  silence_biases(weights);
  convert_queries(teacher, student, rope_rows, weights);
  convert_keys_and_values(teacher, student, rope_rows, weights);
  convert_output(teacher, student, weights);
  if (student.head_norms) {
    weights.query_norm_K = norm_entries(teacher.weights.query_norm, student);
    weights.key_norm_K = norm_entries(teacher.weights.key_norm, student);
  }
  return weights;
}

}  // namespace hylo::models
