#include "kernels/ops/product.h"

#include <ATen/ops/addmm.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/mm.h>

// LibTorch exports it and ships no header for it. Weak: a build without oneDNN has none.
namespace at::native {
__attribute__((weak)) void mkldnn_matmul(const Tensor& mat1, const Tensor& mat2,
                                         const Tensor& result, float beta, float alpha);
}

namespace hylo::kernels {
namespace {

bool is_intels() {
#if defined(__x86_64__)
  __builtin_cpu_init();
  return __builtin_cpu_is("intel");
#else
  return false;
#endif
}

/// oneDNN makes a kernel for every new number of rows, which small products would not earn back.
bool is_worth_onednn(const at::Tensor& a_MK, const at::Tensor& b_KN) {
  constexpr int64_t least_multiplications = int64_t{1} << 22;
  return product_library() == ProductLibrary::OneDnn && a_MK.scalar_type() == at::kFloat &&
         b_KN.scalar_type() == at::kFloat && a_MK.is_cpu() && b_KN.is_cpu() &&
         a_MK.numel() * b_KN.size(1) >= least_multiplications;
}

/// Rows or columns one after another, as the libraries take them; a copy only where neither holds.
at::Tensor as_library_wants(const at::Tensor& x) {
  return x.stride(0) == 1 || x.stride(1) == 1 ? x : x.contiguous();
}

void by_onednn(const at::Tensor& out_MN, const at::Tensor& a_MK, const at::Tensor& b_KN,
               float kept) {
  at::native::mkldnn_matmul(as_library_wants(a_MK), as_library_wants(b_KN), out_MN, kept, 1);
}

}  // namespace

ProductLibrary product_library() {
  static const bool has_onednn = at::native::mkldnn_matmul != nullptr && !is_intels();
  return has_onednn ? ProductLibrary::OneDnn : ProductLibrary::Mkl;
}

at::Tensor product(const at::Tensor& a_MK, const at::Tensor& b_KN) {
  if (!is_worth_onednn(a_MK, b_KN)) return at::mm(a_MK, b_KN);
  auto out_MN = at::empty({a_MK.size(0), b_KN.size(1)}, a_MK.options());
  by_onednn(out_MN, a_MK, b_KN, 0);
  return out_MN;
}

void product_out(at::Tensor& out_MN, const at::Tensor& a_MK, const at::Tensor& b_KN) {
  if (is_worth_onednn(a_MK, b_KN)) {
    by_onednn(out_MN, a_MK, b_KN, 0);
  } else {
    at::mm_out(out_MN, a_MK, b_KN);
  }
}

void add_product(at::Tensor& to_MN, const at::Tensor& a_MK, const at::Tensor& b_KN) {
  if (is_worth_onednn(a_MK, b_KN)) {
    by_onednn(to_MN, a_MK, b_KN, 1);
  } else {
    to_MN.addmm_(a_MK, b_KN);
  }
}

}  // namespace hylo::kernels
