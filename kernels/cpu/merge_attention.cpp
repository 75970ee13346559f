// Plain loops: what a row becomes depends on its own numbers alone, which LibTorch's elementwise
// ops do not promise.
#include <ATen/Parallel.h>

#include <algorithm>
#include <cmath>

#include "kernels/cpu/partial_attention.h"

namespace hylo::kernels::cpu {
namespace {

/// One head of one row: weights of what is there and of the part, and the sum of both.
template <class A>
void merge_head(A* out, A& log_sum, const A* part, A part_log_sum, int64_t width) {
  const A larger = std::max(log_sum, part_log_sum);
  const A smaller = std::min(log_sum, part_log_sum);
  const A both = larger + std::log1p(std::exp(smaller - larger));
  const A mine = std::exp(log_sum - both), other = std::exp(part_log_sum - both);
  for (int64_t i = 0; i < width; ++i) out[i] = mine * out[i] + other * part[i];
  log_sum = both;
}

template <class A>
void merge(const PartialAttention& whole, const PartialAttention& part) {
  const int64_t width = part.out_NHV.size(2), heads = part.out_NHV.numel() / width;
  auto* out = whole.out_NHV.mutable_data_ptr<A>() + (whole.out_NHV.numel() - heads * width);
  auto* log_sum = whole.log_sum_NH.mutable_data_ptr<A>() + (whole.log_sum_NH.numel() - heads);
  const auto* part_out = part.out_NHV.const_data_ptr<A>();
  const auto* part_log_sum = part.log_sum_NH.const_data_ptr<A>();
  at::parallel_for(0, heads, 1 + 16384 / width, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      merge_head(out + i * width, log_sum[i], part_out + i * width, part_log_sum[i], width);
    }
  });
}

}  // namespace

void merge_attention(const PartialAttention& whole, const PartialAttention& part) {
  if (part.out_NHV.numel() == 0) return;
  if (whole.out_NHV.scalar_type() == at::kDouble) return merge<double>(whole, part);
  merge<float>(whole, part);
}

}  // namespace hylo::kernels::cpu
