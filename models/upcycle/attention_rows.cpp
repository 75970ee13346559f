#include "models/upcycle/attention_rows.h"

#include <ATen/ops/cat.h>

#include <algorithm>

namespace hylo::models {

at::Tensor repeat_heads(const at::Tensor& weight_OI, int64_t num_heads, int64_t times) {
  if (times == 1) return weight_OI;
  return weight_OI.unflatten(0, {num_heads, -1}).repeat_interleave(times, 0).flatten(0, 1);
}

at::Tensor expanded_keys(const AttentionTeacher& teacher) {
  const auto& s = teacher.spec;
  return repeat_heads(teacher.weights.key.weight_OI, s.num_kv_heads, s.num_heads / s.num_kv_heads);
}

at::Tensor expanded_values(const AttentionTeacher& teacher) {
  const auto& s = teacher.spec;
  return repeat_heads(teacher.weights.value.weight_OI, s.num_kv_heads,
                      s.num_heads / s.num_kv_heads);
}

at::Tensor overlay(const at::Tensor& onto, const at::Tensor& from, int64_t dim) {
  const int64_t shared = std::min(onto.size(dim), from.size(dim));
  return at::cat({from.narrow(dim, 0, shared), onto.narrow(dim, shared, onto.size(dim) - shared)},
                 dim);
}

}  // namespace hylo::models
