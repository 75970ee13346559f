// Tensors for tests of ops: drawn from a seed, and compared.
#pragma once

#include <ATen/CPUGeneratorImpl.h>
#include <ATen/TensorOperators.h>
#include <ATen/core/Tensor.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/from_blob.h>
#include <ATen/ops/sub.h>

#include <cstring>
#include <initializer_list>
#include <vector>

namespace hylo::kernels::tests {

/// Normal numbers, rounded to the type.
inline at::Tensor random_tensor(at::IntArrayRef shape, at::ScalarType type, uint64_t seed) {
  auto generator = at::make_generator<at::CPUGeneratorImpl>(seed);
  return at::empty(shape, at::TensorOptions().dtype(at::kDouble)).normal_(0, 1, generator).to(type);
}

inline at::Tensor tensor_of(std::vector<double> values, at::IntArrayRef shape,
                            at::ScalarType type = at::kFloat) {
  return at::from_blob(values.data(), shape, at::TensorOptions().dtype(at::kDouble))
      .to(type, /*non_blocking=*/false, /*copy=*/true);
}

inline double max_difference(const at::Tensor& a, const at::Tensor& b) {
  if (a.numel() == 0) return a.sizes() == b.sizes() ? 0 : 1e300;
  return at::sub(a.to(at::kDouble), b.to(at::kDouble)).abs().max().item<double>();
}

/// Equal bit by bit; NaN equals itself.
inline bool same_bits(const at::Tensor& a, const at::Tensor& b) {
  const auto left = a.contiguous(), right = b.contiguous();
  return left.sizes() == right.sizes() && left.scalar_type() == right.scalar_type() &&
         std::memcmp(left.const_data_ptr(), right.const_data_ptr(), left.nbytes()) == 0;
}

/// Half a step of the type at 1, the error of one rounding.
inline double rounding_of(at::ScalarType type) {
  return type == at::kDouble ? 1.2e-16 : type == at::kFloat ? 6.0e-8 : 2.0e-3;
}

inline constexpr std::initializer_list<at::ScalarType> float_types{at::kFloat, at::kDouble,
                                                                   at::kBFloat16};
/// Narrower than a vector, whole vectors, vectors and a rest.
inline constexpr std::initializer_list<int64_t> awkward_widths{1, 3, 8, 24, 80, 128};

}  // namespace hylo::kernels::tests
