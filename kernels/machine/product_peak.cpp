#include <ATen/ops/ones.h>

#include <array>

#include "harness/base/clock.h"
#include "harness/base/error.h"
#include "kernels/machine/machine.h"
#include "kernels/ops/product.h"

namespace hylo::kernels {
namespace {

struct ProductShape {
  int64_t rows, inner, columns;
  bool transposed;  // The second factor lies in memory as weights do: [columns, inner].
};

constexpr std::array product_shapes{
    ProductShape{512, 512, 512, false},     // fits the nearer caches
    ProductShape{1024, 1024, 1024, false},  // and the farther ones
    ProductShape{1024, 1024, 1024, true},
    ProductShape{2048, 2048, 2048, false},  // deep enough to hide the packing of the factors
    ProductShape{512, 2048, 8192, true},    // a chunk of prefill through a 1B model's feed-forward
};

double flop_per_second(const at::Tensor& left, const at::Tensor& right) {
  const double flop = 2.0 * static_cast<double>(left.numel()) * static_cast<double>(right.size(1));
  const Stopwatch watch;
  const auto out = product(left, right);
  return flop / watch.seconds();
}

}  // namespace

ProductPeakProbe::ProductPeakProbe(at::ScalarType dtype) {
  require(at::isFloatingType(dtype), "product peak: {} is not a floating type",
          at::toString(dtype));
  double best = 0;
  for (const auto& [rows, inner, columns, transposed] : product_shapes) {
    const auto left = at::ones({rows, inner}, dtype);
    const auto right =
        transposed ? at::ones({columns, inner}, dtype).t() : at::ones({inner, columns}, dtype);
    flop_per_second(left, right);  // The first call of a shape compiles its kernel.
    const double rate = flop_per_second(left, right);
    if (rate <= best) continue;
    best = rate;
    left_ = left;
    right_ = right;
    shape_ = fmt::format("{} x {} x {}{}", rows, inner, columns, transposed ? " transposed" : "");
  }
}

double ProductPeakProbe::sample() { return flop_per_second(left_, right_); }

Measured measure_product_peak(at::ScalarType dtype, const Sampling& sampling) {
  ProductPeakProbe probe(dtype);
  return measure([&] { return probe.sample(); }, sampling);
}

}  // namespace hylo::kernels
