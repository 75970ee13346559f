// Highway wants this order.
// clang-format off
#include "kernels/cpu/targets.h"
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/cpu/log_likelihood.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>
#include <hwy/contrib/math/math-inl.h>
// clang-format on

#include <ATen/Parallel.h>

#include <cmath>
#include <limits>
#include <vector>

#include "kernels/cpu/convert-inl.h"
#include "kernels/cpu/rows.h"

HWY_BEFORE_NAMESPACE();
namespace hylo::kernels::cpu::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

struct RowSummary {
  double maximum = 0;
  double log_sum = 0;  ///< log(sum(exp(logit - maximum)))
  int64_t arg_max = 0;
};

/// Exponentials of a block in the computing type, blocks summed in float64.
template <class T>
RowSummary summarise(const T* logits, int64_t width) {
  using A = Compute<T>;
  constexpr int64_t block = 1024;
  const hn::ScalableTag<A> d;
  const auto lanes = static_cast<int64_t>(hn::Lanes(d));
  RowSummary row;
  A maximum = -std::numeric_limits<A>::infinity();
  for (int64_t i = 0; i < width; ++i) {
    const A value = static_cast<A>(logits[i]);
    if (value > maximum || value != value) {
      maximum = value;
      row.arg_max = i;
    }
  }
  row.maximum = maximum;
  double sum = 0;
  std::vector<A> buffer(block);
  for (int64_t begin = 0; begin < width; begin += block) {
    const int64_t n = std::min(block, width - begin);
    std::fill(buffer.begin(), buffer.end(), -std::numeric_limits<A>::infinity());
    widen(logits + begin, buffer.data(), n);
    auto total = hn::Zero(d);
    for (int64_t i = 0; i < n; i += lanes) {
      total = hn::Add(total, hn::Exp(d, hn::Sub(hn::LoadU(d, &buffer[i]), hn::Set(d, maximum))));
    }
    sum += hn::GetLane(hn::SumOfLanes(d, total));
  }
  row.log_sum = maximum == maximum ? std::log(sum) : std::numeric_limits<double>::quiet_NaN();
  return row;
}

template <class T>
std::vector<TokenLogProb> log_likelihoods_of(const at::Tensor& logits_NW,
                                             std::span<const Target> targets) {
  const int64_t num_rows = logits_NW.size(0), width = logits_NW.size(1);
  const T* logits = static_cast<const T*>(logits_NW.const_data_ptr());
  std::vector<RowSummary> rows(num_rows);
  at::parallel_for(0, num_rows, 1 + 16384 / width, [&](int64_t begin, int64_t end) {
    for (int64_t r = begin; r < end; ++r) rows[r] = summarise(logits + r * width, width);
  });
  std::vector<TokenLogProb> out;
  out.reserve(targets.size());
  for (const auto& [row, token] : targets) {
    const auto logit = static_cast<double>(static_cast<Compute<T>>(logits[row * width + token]));
    out.push_back({logit - rows[row].maximum - rows[row].log_sum, rows[row].arg_max == token});
  }
  return out;
}

std::vector<TokenLogProb> log_likelihoods_dispatch(const at::Tensor& logits_NW,
                                                   std::span<const Target> targets) {
  return for_type("log_likelihoods", logits_NW.scalar_type(),
                  [&](auto t) { return log_likelihoods_of<decltype(t)>(logits_NW, targets); });
}

}  // namespace hylo::kernels::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace hylo::kernels::cpu {
HWY_EXPORT(log_likelihoods_dispatch);
std::vector<TokenLogProb> log_likelihoods(const at::Tensor& logits_NW,
                                          std::span<const Target> targets) {
  return HWY_DYNAMIC_DISPATCH(log_likelihoods_dispatch)(logits_NW, targets);
}
}  // namespace hylo::kernels::cpu
#endif
