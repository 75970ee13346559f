// A mixture of 64 experts, 8 per token, [1024 x 512] in float32: against the plain loop that asks
// every expert for its rows and adds them to a new sum.
//
//   build/release/tests/moe_bench
#include <ATen/TensorOperators.h>
#include <ATen/ops/eq.h>
#include <ATen/ops/index_add.h>
#include <ATen/ops/index_select.h>
#include <ATen/ops/masked_select.h>
#include <ATen/ops/nonzero.h>
#include <ATen/ops/randn.h>
#include <ATen/ops/zeros_like.h>
#include <c10/core/InferenceMode.h>
#include <fmt/core.h>
#include <malloc.h>

#include <vector>

#include "harness/base/clock.h"
#include "harness/base/error.h"
#include "kernels/machine/machine.h"
#include "kernels/ops/moe_dispatch.h"
#include "kernels/ops/swiglu.h"
#include "models/blocks/feed_forward.h"
#include "models/blocks/linear.h"

namespace {

using namespace hylo;
using kernels::RowGroups;

constexpr int64_t width = 1024, num_samples = 7;
const models::MoeSpec spec{
    .num_experts = 64, .experts_per_token = 8, .width = 512, .router = {.normalised = true}};

models::LinearWeights random_linear(int64_t out, int64_t in) {
  return {at::randn({out, in}) * 0.03, {}};
}

models::MoeWeights random_experts() {
  models::MoeWeights weights;
  weights.router = random_linear(spec.num_experts, width);
  for (int64_t e = 0; e < spec.num_experts; ++e) {
    auto& expert = weights.experts.emplace_back();
    expert.gate = random_linear(spec.width, width);
    expert.up = random_linear(spec.width, width);
    expert.down = random_linear(width, spec.width);
  }
  return weights;
}

at::Tensor plain_loop(const models::MoeWeights& weights, const at::Tensor& x_ND) {
  const auto free = RowGroups::Free;
  const auto routes = kernels::route({.logits_NE = project(weights.router, x_ND, free),
                                      .experts_per_token = spec.experts_per_token,
                                      .spec = spec.router,
                                      .bias_E = {}});
  auto out_ND = at::zeros_like(x_ND);
  for (int64_t e = 0; e < spec.num_experts; ++e) {
    const auto chosen_Nk = at::eq(routes.experts_Nk, e);
    const auto rows_M = at::nonzero(chosen_Nk).select(1, 0);
    if (rows_M.numel() == 0) continue;
    const auto& expert = weights.experts[e];
    const auto x_MD = at::index_select(x_ND, 0, rows_M);
    const auto gated_MF =
        kernels::swiglu({project(expert.gate, x_MD, free), project(expert.up, x_MD, free)});
    const auto weights_M = at::masked_select(routes.weights_Nk, chosen_Nk);
    out_ND = at::index_add(out_ND, 0, rows_M,
                           project(expert.down, gated_MF, free) * weights_M.unsqueeze(1));
  }
  return out_ND;
}

void compare(const models::MoeWeights& weights, int64_t rows) {
  const auto x_ND = at::randn({rows, width});
  const auto ours = [&] { return feed_forward(spec, weights, x_ND, RowGroups::Free).out_ND; };
  const double difference = (plain_loop(weights, x_ND) - ours()).abs().max().item<double>();
  require(difference < 1e-4, "moe_bench: {} rows: the two differ by {}", rows, difference);
  const int64_t repeats = rows > 100 ? 1 : 3;
  const auto seconds = [&](auto&& of) {
    const Stopwatch watch;
    for (int64_t i = 0; i < repeats; ++i) of();
    return watch.seconds() / static_cast<double>(repeats);
  };
  std::vector<double> own, ratios;
  for (int64_t i = 0; i < num_samples; ++i) {
    own.push_back(seconds(ours));
    ratios.push_back(seconds([&] { return plain_loop(weights, x_ND); }) / own.back());
  }
  const auto ratio = kernels::summarize(ratios);
  fmt::print(
      "{:>4} rows: {:.2f} ms; the plain loop takes {:.2f} times as long (quartiles {:.2f} to "
      "{:.2f}, {} pairs)\n",
      rows, 1e3 * kernels::summarize(own).median, ratio.median, ratio.lower_quartile,
      ratio.upper_quartile, ratio.num_samples);
}

}  // namespace

int main() {
  // Freed memory stays with the process: how fast the kernel hands it out is not what is measured.
  mallopt(M_MMAP_MAX, 0);
  mallopt(M_TRIM_THRESHOLD, -1);
  const c10::InferenceMode no_gradients;
  const auto weights = random_experts();
  for (const int64_t rows : {1, 4, 16, 512}) compare(weights, rows);
}
