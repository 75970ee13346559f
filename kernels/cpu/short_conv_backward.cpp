// With z_t = bias + sum_c w_c x_{t-C+1+c} and out_t = silu(z_t), dz_t = d_out_t silu'(z_t):
//   dx_{t-C+1+c} += w_c dz_t;   dw_c += dz_t x_{t-C+1+c};   dbias += dz_t
// A column, a vector of channels, walks alone through all rows of all sequences, so that sums over
// rows have one order, whatever the threads; the last C inputs and their gradients are a ring
// beside it. Neighbouring columns take turns, piece by piece, while its rows are in the nearer
// caches. Highway wants this order.
// clang-format off
#include "kernels/cpu/targets.h"
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/cpu/short_conv_backward.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>
// clang-format on

#include <ATen/Parallel.h>

#include <algorithm>
#include <vector>

#include "kernels/cpu/activations-inl.h"
#include "kernels/cpu/convert-inl.h"
#include "kernels/cpu/short_conv.h"

HWY_BEFORE_NAMESPACE();
namespace hylo::kernels::cpu::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

/// `n` channels from `first` on: a whole vector, or what is left.
template <class T>
class ConvColumn {
 public:
  using A = Compute<T>;
  using D = hn::ScalableTag<A>;
  using V = hn::Vec<D>;
  static constexpr int64_t line = HWY_MAX_BYTES / sizeof(A);  ///< elements of a buffer

  ConvColumn(const ShortConvIn& in, const at::Tensor& d_out_ND, ShortConvGradients& gradients,
             int64_t first, int64_t n)
      : in_(in),
        d_out_ND_(d_out_ND),
        gradients_(gradients),
        first_(first),
        n_(n),
        channels_(in.x_ND.size(1)),
        taps_(in.weight_DC.defined() ? in.weight_DC.size(1) : in.weight_NDC.size(2)),
        weights_(taps_ * line),
        d_weights_(taps_ * line),
        x_(taps_ * line),
        d_x_(taps_ * line),
        bias_(line),
        d_bias_(line),
        d_out_(line) {
    if (in.weight_DC.defined()) load_weights(data<T>(in.weight_DC));
    if (in.bias_D.defined()) widen(data<T>(in.bias_D) + first_, bias_.data(), n_);
  }

  /// The rows [begin, end) of a sequence; pieces come in order.
  void walk(int64_t b, int64_t begin, int64_t end) {
    const auto& rows = in_.sequences[b];
    if (begin == 0) take_in_tail(b);
    for (int64_t t = begin; t < end; ++t) {
      take_in(t, data<T>(in_.x_ND) + (rows.first_row + t) * in_.x_ND.stride(0));
      step(rows.first_row + t, t);
      give_back(b, t - taps_ + 1);
    }
    if (end < rows.num_rows) return;
    for (int64_t p = rows.num_rows - taps_ + 1; p < rows.num_rows; ++p) give_back(b, p);
  }

  /// After all sequences.
  void store_sums() {
    if (in_.weight_DC.defined()) {
      store_weights(static_cast<A*>(gradients_.weight.mutable_data_ptr()));
    }
    if (in_.bias_D.defined()) {
      copy_row(d_bias_.data(), static_cast<A*>(gradients_.bias_D.mutable_data_ptr()) + first_, n_);
    }
  }

 private:
  template <class E>
  static const E* data(const at::Tensor& tensor) {
    return static_cast<const E*>(tensor.const_data_ptr());
  }
  template <class E>
  void load_weights(const E* from) {
    for (int64_t i = 0; i < n_; ++i) {
      for (int64_t c = 0; c < taps_; ++c) {
        weights_[c * line + i] = static_cast<A>(from[(first_ + i) * taps_ + c]);
      }
    }
  }
  template <class E>
  void store_weights(E* to) const {
    for (int64_t i = 0; i < n_; ++i) {
      for (int64_t c = 0; c < taps_; ++c) {
        to[(first_ + i) * taps_ + c] = static_cast<E>(d_weights_[c * line + i]);
      }
    }
  }

  /// Where input `position` of the sequence lies in the ring; positions begin at 1 - C.
  [[nodiscard]] int64_t slot(int64_t position) const { return (position + taps_) % taps_ * line; }

  void take_in_tail(int64_t b) {
    for (int64_t p = 1 - taps_; p < 0; ++p) {
      take_in(p, data<T>(in_.tail_BCD) + b * in_.tail_BCD.stride(0) +
                     (taps_ - 1 + p) * in_.tail_BCD.stride(1));
    }
  }

  void take_in(int64_t position, const T* row) {
    widen(row + first_, &x_[slot(position)], n_);
    hn::StoreU(hn::Zero(d_), d_, &d_x_[slot(position)]);
  }

  void step(int64_t row, int64_t t) {
    if (in_.weight_NDC.defined()) load_weights(data<T>(in_.weight_NDC) + row * channels_ * taps_);
    widen(data<T>(d_out_ND_) + row * d_out_ND_.stride(0) + first_, d_out_.data(), n_);
    auto dz = hn::LoadU(d_, d_out_.data());
    if (in_.activation == ConvActivation::Silu) dz = hn::Mul(dz, silu_slope(before_silu(t)));
    const bool has_own_weights = in_.weight_NDC.defined();
    for (int64_t c = 0; c < taps_; ++c) {
      const int64_t at = slot(t - taps_ + 1 + c);
      A* d_weight = &d_weights_[c * line];
      const auto before = has_own_weights ? hn::Zero(d_) : hn::LoadU(d_, d_weight);
      hn::StoreU(hn::MulAdd(dz, hn::LoadU(d_, &x_[at]), before), d_, d_weight);
      hn::StoreU(hn::MulAdd(dz, hn::LoadU(d_, &weights_[c * line]), hn::LoadU(d_, &d_x_[at])), d_,
                 &d_x_[at]);
    }
    hn::StoreU(hn::Add(hn::LoadU(d_, d_bias_.data()), dz), d_, d_bias_.data());
    if (has_own_weights) {
      store_weights(static_cast<T*>(gradients_.weight.mutable_data_ptr()) +
                    row * channels_ * taps_);
    }
  }

  V before_silu(int64_t t) const {
    auto z = hn::LoadU(d_, bias_.data());
    for (int64_t c = 0; c < taps_; ++c) {
      z = hn::MulAdd(hn::LoadU(d_, &weights_[c * line]),
                     hn::LoadU(d_, &x_[slot(t - taps_ + 1 + c)]), z);
    }
    return z;
  }
  V silu_slope(V z) const {
    const auto one = hn::Set(d_, A(1)), s = sigmoid(d_, z);
    return hn::Mul(s, hn::MulAdd(z, hn::Sub(one, s), one));
  }

  /// No later row reads this input any more.
  void give_back(int64_t b, int64_t position) {
    T* to = nullptr;
    if (position >= 0) {
      to = static_cast<T*>(gradients_.x_ND.mutable_data_ptr()) +
           (in_.sequences[b].first_row + position) * channels_;
    } else {
      to = static_cast<T*>(gradients_.tail_BCD.mutable_data_ptr()) +
           (b * (taps_ - 1) + taps_ - 1 + position) * channels_;
    }
    narrow<T>(&d_x_[slot(position)], to + first_, n_);
  }

  const ShortConvIn& in_;
  const at::Tensor& d_out_ND_;
  ShortConvGradients& gradients_;
  int64_t first_, n_, channels_, taps_;
  D d_;
  std::vector<A> weights_, d_weights_, x_, d_x_;  // [C, line]
  std::vector<A> bias_, d_bias_, d_out_;
};

/// The columns [begin, end), which are few.
template <class T>
void walk_columns(const ShortConvIn& in, const at::Tensor& d_out_ND, ShortConvGradients& gradients,
                  int64_t begin, int64_t end) {
  constexpr int64_t rows_of_a_piece = 64;
  const auto lanes = static_cast<int64_t>(hn::Lanes(hn::ScalableTag<Compute<T>>()));
  const int64_t channels = in.x_ND.size(1);
  std::vector<ConvColumn<T>> columns;
  columns.reserve(end - begin);
  for (int64_t i = begin; i < end; ++i) {
    const int64_t n = std::min(lanes, channels - i * lanes);
    columns.emplace_back(in, d_out_ND, gradients, i * lanes, n);
  }
  for (int64_t b = 0; b < static_cast<int64_t>(in.sequences.size()); ++b) {
    const int64_t rows = in.sequences[b].num_rows;
    for (int64_t done = 0; done < rows; done += rows_of_a_piece) {
      for (auto& column : columns) column.walk(b, done, std::min(rows, done + rows_of_a_piece));
    }
  }
  for (auto& column : columns) column.store_sums();
}

template <class T>
void short_conv_backward_of(const ShortConvIn& in, const at::Tensor& d_out_ND,
                            ShortConvGradients& gradients) {
  constexpr int64_t columns_at_once = 8;
  const auto lanes = static_cast<int64_t>(hn::Lanes(hn::ScalableTag<Compute<T>>()));
  const int64_t num_columns = (in.x_ND.size(1) + lanes - 1) / lanes;
  at::parallel_for(0, num_columns, 1, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; i += columns_at_once) {
      walk_columns<T>(in, d_out_ND, gradients, i, std::min(end, i + columns_at_once));
    }
  });
}

void short_conv_backward_dispatch(const ShortConvIn& in, const at::Tensor& d_out_ND,
                                  ShortConvGradients& gradients) {
  for_type("causal_conv", in.x_ND.scalar_type(),
           [&](auto t) { return short_conv_backward_of<decltype(t)>(in, d_out_ND, gradients); });
}

}  // namespace hylo::kernels::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace hylo::kernels::cpu {
HWY_EXPORT(short_conv_backward_dispatch);
void short_conv_backward(const ShortConvIn& in, const at::Tensor& d_out_ND,
                         ShortConvGradients& gradients) {
  HWY_DYNAMIC_DISPATCH(short_conv_backward_dispatch)(in, d_out_ND, gradients);
}
}  // namespace hylo::kernels::cpu
#endif
