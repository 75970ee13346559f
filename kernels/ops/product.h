// Products of two matrices by LibTorch's libraries: of those it carries, the faster one here.
#pragma once

#include <ATen/core/Tensor.h>

namespace hylo::kernels {

/// Which library multiplies float32 matrices of more than a few rows. MKL keeps its wide kernels to
/// Intel's processors; on others oneDNN, which LibTorch carries too, is 1.2 to 1.5 times as fast.
enum class ProductLibrary { Mkl, OneDnn };
ProductLibrary product_library();

/// [M, N] = a b. Either may be turned, with rows or columns one after another. No gradient.
at::Tensor product(const at::Tensor& a_MK, const at::Tensor& b_KN);
/// The same into `out_MN`, or added to it; its rows lie one after another.
void product_out(at::Tensor& out_MN, const at::Tensor& a_MK, const at::Tensor& b_KN);
void add_product(at::Tensor& to_MN, const at::Tensor& a_MK, const at::Tensor& b_KN);

}  // namespace hylo::kernels
