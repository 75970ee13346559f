#include "models/upcycle/attention_to_mamba2.h"

#include <ATen/ops/cat.h>

#include "harness/base/error.h"

namespace hylo::models {
namespace {

struct Size {
  const char* name;
  int64_t expected, found;
};

}  // namespace

void check_attention_to_mamba2(const AttentionSpec& teacher, const Mamba2Spec& student,
                               const std::string& where) {
  for (const auto& [name, expected, found] :
       {Size{"num_heads", teacher.num_heads, student.num_heads},
        {"num_query_heads", teacher.num_heads, student.num_query_heads},
        {"key_width", teacher.head_width, student.key_width},
        {"value_width", teacher.head_width, student.value_width}}) {
    require(expected == found, "{}.{}: expected the teacher's {}, found {}", where, name, expected,
            found);
  }
  for (const auto& [name, expected, found] :
       {Size{"num_value_heads", teacher.num_kv_heads, student.num_value_heads},
        {"num_key_heads", teacher.num_kv_heads, student.num_key_heads}}) {
    require(found % expected == 0, "{}.{}: expected a multiple of the teacher's {}, found {}",
            where, name, expected, found);
  }
}

Mamba2Weights attention_to_mamba2(const AttentionTeacher& teacher, const Mamba2Spec& student,
                                  Mamba2Weights initial) {
  auto weights = std::move(initial);
  const auto& w = teacher.weights;
  const int64_t own = teacher.spec.num_kv_heads;
  const auto& input = weights.input.weight_OI;
  weights.input.weight_OI =
      at::cat({input.narrow(0, 0, student.inner_width()),
               repeat_heads(w.value.weight_OI, own, student.num_value_heads / own),
               repeat_heads(w.key.weight_OI, own, student.num_key_heads / own), w.query.weight_OI,
               input.narrow(0, input.size(0) - student.num_heads, student.num_heads)});
  weights.output.weight_OI = w.output.weight_OI;
  return weights;
}

}  // namespace hylo::models
