// With q = softmax(s) of the student and p = softmax(t) of the teacher, logits already divided by
// the temperature, and gradients with respect to these:
//   cross-entropy:  lse - s[label] + z lse^2;   dq = (1 + 2 z lse) q - onehot
//   forward:        KL = sum p (log p - log q);   ds = q - p
//   reverse:        KL = sum q (log q - log p);   ds = q (log q - log p - KL)
//   top k:          forward, with the tokens outside of the k as one: ds = q - p within,
//                   q - p_rest softmax of the others alone outside
// Highway wants this order.
// clang-format off
#include "kernels/cpu/targets.h"
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/cpu/token_losses.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>
// clang-format on

#include "kernels/cpu/token_losses.h"

#include <ATen/Parallel.h>

#include <cmath>
#include <limits>
#include <vector>

#include "kernels/cpu/activations-inl.h"
#include "kernels/cpu/convert-inl.h"

HWY_BEFORE_NAMESPACE();
namespace hylo::kernels::cpu::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

/// A row of logits, padded with -inf to whole vectors, and its log-sum-exp.
template <class A>
struct LogitRow {
  using D = hn::ScalableTag<A>;
  std::vector<A> x;
  A log_sum = 0;

  explicit LogitRow(int64_t width)
      : x(padded<A>(width), -std::numeric_limits<A>::infinity()), width_(width) {}

  template <class T>
  void load(const T* from, A factor) {
    for (int64_t i = 0; i < width_; ++i) x[i] = static_cast<A>(from[i]) * factor;
    log_sum = log_sum_of_exponentials();
  }

  /// Of the row as it is; -inf when nothing is in it.
  [[nodiscard]] A log_sum_of_exponentials() const {
    const D d;
    auto largest = hn::Set(d, -std::numeric_limits<A>::infinity());
    auto nan = hn::Zero(d);
    for_each([&](int64_t c) {
      const auto v = hn::LoadU(d, &x[c]);
      largest = hn::Max(largest, v);
      nan = hn::IfThenElse(hn::Eq(v, v), nan, v);
    });
    const A shift = hn::GetLane(hn::MaxOfLanes(d, largest)) + hn::GetLane(hn::SumOfLanes(d, nan));
    if (shift == -std::numeric_limits<A>::infinity()) return shift;
    double sum = 0;
    for (int64_t begin = 0; begin < size(); begin += block) {
      auto total = hn::Zero(d);
      for_each(begin, std::min(size(), begin + block), [&](int64_t c) {
        total = hn::Add(total, exponential(d, hn::Sub(hn::LoadU(d, &x[c]), hn::Set(d, shift))));
      });
      sum += hn::GetLane(hn::SumOfLanes(d, total));
    }
    return shift + static_cast<A>(std::log(sum));
  }

  [[nodiscard]] HWY_INLINE auto log_probability(int64_t c) const {
    const D d;
    return hn::Sub(hn::LoadU(d, &x[c]), hn::Set(d, log_sum));
  }
  [[nodiscard]] int64_t size() const { return static_cast<int64_t>(x.size()); }

  template <class Use>
  HWY_INLINE void for_each(int64_t begin, int64_t end, Use&& use) const {
    const auto lanes = static_cast<int64_t>(hn::Lanes(D()));
    for (int64_t c = begin; c < end; c += lanes) use(c);
  }
  template <class Use>
  HWY_INLINE void for_each(Use&& use) const {
    for_each(0, size(), use);
  }

  /// Sums of so many elements are carried on in float64.
  static constexpr int64_t block = 1024;

 private:
  int64_t width_;
};

/// Sum over the row of term(c), a vector: blocks in A, their sum in float64.
template <class A, class Term>
HWY_INLINE double sum_over(const LogitRow<A>& row, Term&& term) {
  const hn::ScalableTag<A> d;
  double sum = 0;
  for (int64_t begin = 0; begin < row.size(); begin += LogitRow<A>::block) {
    auto total = hn::Zero(d);
    row.for_each(begin, std::min(row.size(), begin + LogitRow<A>::block),
                 [&](int64_t c) { total = hn::Add(total, term(c)); });
    sum += hn::GetLane(hn::SumOfLanes(d, total));
  }
  return sum;
}

/// a b, and 0 where a is 0 whatever b is: what has no probability adds nothing.
template <class D, class V = hn::Vec<D>>
HWY_INLINE V product_or_zero(D d, V a, V b) {
  return hn::IfThenZeroElse(hn::Eq(a, hn::Zero(d)), hn::Mul(a, b));
}

template <class A>
HWY_INLINE double forward_kl(const LogitRow<A>& student, const LogitRow<A>& teacher) {
  const hn::ScalableTag<A> d;
  return sum_over(teacher, [&](int64_t c) {
    const auto log_p = teacher.log_probability(c);
    return product_or_zero(d, exponential(d, log_p), hn::Sub(log_p, student.log_probability(c)));
  });
}

/// Replaces the student's logits by the gradient of the divergence, times `scale`.
template <class A>
HWY_INLINE void flow_back(LogitRow<A>& student, const LogitRow<A>& teacher, KlDirection direction,
                          double loss, A scale) {
  const hn::ScalableTag<A> d;
  const auto scales = hn::Set(d, scale), losses = hn::Set(d, static_cast<A>(loss));
  student.for_each([&](int64_t c) {
    const auto log_q = student.log_probability(c), log_p = teacher.log_probability(c);
    const auto q = exponential(d, log_q);
    const auto gradient = direction == KlDirection::Forward
                              ? hn::Sub(q, exponential(d, log_p))
                              : product_or_zero(d, q, hn::Sub(hn::Sub(log_q, log_p), losses));
    hn::StoreU(hn::Mul(scales, gradient), d, &student.x[c]);
  });
}

/// Calls use(row, logits of the row) on all threads, each with buffers of its own.
template <class T, class MakeBuffers, class Use>
void for_each_row(const LossRows& rows, MakeBuffers&& make_buffers, Use&& use) {
  const int64_t width = rows.logits_QW.size(1);
  T* logits = static_cast<T*>(rows.logits_QW.mutable_data_ptr());
  at::parallel_for(0, rows.logits_QW.size(0), 1, [&](int64_t begin, int64_t end) {
    auto buffers = make_buffers(width);
    for (int64_t r = begin; r < end; ++r) use(r, logits + r * width, buffers);
  });
}

template <class T>
void skip_row(const LossRows& rows, int64_t row, T* logits) {
  rows.losses[row] = 0;
  if (rows.with_gradient) std::fill_n(logits, rows.logits_QW.size(1), T(0));
}

template <class T>
void cross_entropy_of(const LossRows& rows, const LabelRows& in) {
  using A = Compute<T>;
  const auto labels = in.labels;
  const int64_t width = rows.logits_QW.size(1);
  for_each_row<T>(
      rows, [](int64_t w) { return LogitRow<A>(w); },
      [&](int64_t r, T* logits, LogitRow<A>& student) {
        if (labels[r] == no_label) return skip_row(rows, r, logits);
        student.load(logits, 1);
        const auto log_sum = static_cast<double>(student.log_sum);
        const double weight = in.weights.empty() ? 1 : in.weights[r];
        rows.losses[r] = weight * (log_sum - static_cast<double>(student.x[labels[r]]) +
                                   in.z_loss * log_sum * log_sum);
        if (!rows.with_gradient) return;
        const hn::ScalableTag<A> d;
        const auto scale = static_cast<A>(rows.gradient_scale * weight);
        const auto of_all = hn::Set(d, scale * static_cast<A>(1 + 2 * in.z_loss * log_sum));
        student.for_each([&](int64_t c) {
          hn::StoreU(hn::Mul(of_all, exponential(d, student.log_probability(c))), d, &student.x[c]);
        });
        student.x[labels[r]] -= scale;
        narrow<T>(student.x.data(), logits, width);
        std::fill(student.x.begin() + width, student.x.end(), -std::numeric_limits<A>::infinity());
      });
}

template <class A>
struct TwoRows {
  explicit TwoRows(int64_t width) : student(width), teacher(width) {}
  LogitRow<A> student, teacher;
};

template <class T, class U>
void kl_of(const LossRows& rows, const KlRows& in) {
  using A = Compute<T>;
  const int64_t width = rows.logits_QW.size(1);
  const auto sharpness = static_cast<A>(1 / in.temperature);
  const U* teachers = static_cast<const U*>(in.teacher_QW.const_data_ptr());
  for_each_row<T>(
      rows, [](int64_t w) { return TwoRows<A>(w); },
      [&](int64_t r, T* logits, TwoRows<A>& both) {
        if (!in.mask.empty() && !in.mask[r]) return skip_row(rows, r, logits);
        both.student.load(logits, sharpness);
        both.teacher.load(teachers + r * width, sharpness);
        const double loss = in.direction == KlDirection::Forward
                                ? forward_kl(both.student, both.teacher)
                                : forward_kl(both.teacher, both.student);
        rows.losses[r] = loss;
        if (!rows.with_gradient) return;
        flow_back(both.student, both.teacher, in.direction, loss,
                  static_cast<A>(rows.gradient_scale) * sharpness);
        narrow<T>(both.student.x.data(), logits, width);
        std::fill(both.student.x.begin() + width, both.student.x.end(),
                  -std::numeric_limits<A>::infinity());
      });
}

template <class T, class U>
void top_k_of(const LossRows& rows, const TopKRows& in) {
  using A = Compute<T>;
  const int64_t width = rows.logits_QW.size(1), k = in.ids_Qk.size(1);
  const int64_t* all_ids = in.ids_Qk.const_data_ptr<int64_t>();
  const U* all_p = static_cast<const U*>(in.probabilities_Qk.const_data_ptr());
  for_each_row<T>(
      rows, [](int64_t w) { return LogitRow<A>(w); },
      [&](int64_t r, T* logits, LogitRow<A>& student) {
        if (!in.mask.empty() && !in.mask[r]) return skip_row(rows, r, logits);
        student.load(logits, 1);
        const int64_t* ids = all_ids + r * k;
        const U* p = all_p + r * k;
        double loss = 0, p_rest = 1;
        std::vector<A> of_kept(k);
        for (int64_t i = 0; i < k; ++i) {
          const A log_q = student.x[ids[i]] - student.log_sum;
          if (p[i] > 0) loss += p[i] * (std::log(static_cast<double>(p[i])) - log_q);
          p_rest -= p[i];
          of_kept[i] = std::exp(log_q) - static_cast<A>(p[i]);
        }
        // What the student leaves to the others is summed over them: of 1 less what it gives to the
        // kept nothing would be left when it is sure.
        for (int64_t i = 0; i < k; ++i) student.x[ids[i]] = -std::numeric_limits<A>::infinity();
        A log_rest = student.log_sum_of_exponentials();
        const bool has_rest = log_rest != -std::numeric_limits<A>::infinity();
        p_rest = has_rest ? std::max(0.0, p_rest) : 0;
        if (p_rest > 0) loss += p_rest * (std::log(p_rest) - (log_rest - student.log_sum));
        rows.losses[r] = loss;
        if (!rows.with_gradient) return;
        if (!has_rest) log_rest = 0;
        const hn::ScalableTag<A> d;
        const auto share = hn::Set(d, static_cast<A>(p_rest)), of_rest = hn::Set(d, log_rest);
        const auto scale = static_cast<A>(rows.gradient_scale);
        student.for_each([&](int64_t c) {
          const auto q = exponential(d, student.log_probability(c));
          const auto within_rest = exponential(d, hn::Sub(hn::LoadU(d, &student.x[c]), of_rest));
          hn::StoreU(hn::Mul(hn::Set(d, scale), hn::NegMulAdd(share, within_rest, q)), d,
                     &student.x[c]);
        });
        for (int64_t i = 0; i < k; ++i) student.x[ids[i]] = scale * of_kept[i];
        narrow<T>(student.x.data(), logits, width);
        std::fill(student.x.begin() + width, student.x.end(), -std::numeric_limits<A>::infinity());
      });
}

void cross_entropy_dispatch(const LossRows& rows, const LabelRows& in) {
  for_type("token losses", rows.logits_QW.scalar_type(),
           [&](auto t) { cross_entropy_of<decltype(t)>(rows, in); });
}
void kl_dispatch(const LossRows& rows, const KlRows& in) {
  for_type("token losses", rows.logits_QW.scalar_type(), [&](auto t) {
    for_type("token losses", in.teacher_QW.scalar_type(),
             [&](auto u) { kl_of<decltype(t), decltype(u)>(rows, in); });
  });
}
void top_k_dispatch(const LossRows& rows, const TopKRows& in) {
  for_type("token losses", rows.logits_QW.scalar_type(), [&](auto t) {
    for_type("token losses", in.probabilities_Qk.scalar_type(),
             [&](auto u) { top_k_of<decltype(t), decltype(u)>(rows, in); });
  });
}

}  // namespace hylo::kernels::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace hylo::kernels::cpu {
HWY_EXPORT(cross_entropy_dispatch);
HWY_EXPORT(kl_dispatch);
HWY_EXPORT(top_k_dispatch);
void cross_entropy_rows(const LossRows& rows, const LabelRows& in) {
  HWY_DYNAMIC_DISPATCH(cross_entropy_dispatch)(rows, in);
}
void kl_rows(const LossRows& rows, const KlRows& in) {
  HWY_DYNAMIC_DISPATCH(kl_dispatch)(rows, in);
}
void top_k_rows(const LossRows& rows, const TopKRows& in) {
  HWY_DYNAMIC_DISPATCH(top_k_dispatch)(rows, in);
}
}  // namespace hylo::kernels::cpu
#endif
