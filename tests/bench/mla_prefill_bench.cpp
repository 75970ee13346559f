// A chunk of prefill of one MLA layer over a long past, in bfloat16: absorbed (queries taken into
// the space of the latents) against expanded (keys and values of slices of 8,192 tokens made from
// the latents, parts merged). Measured alternately; times and the median of their ratios.
//
//   build/release/tests/mla_prefill_bench [--past N] [--rows N] [--repeats N]
#include <ATen/ops/cat.h>
#include <ATen/ops/randn.h>
#include <c10/core/InferenceMode.h>
#include <fmt/core.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <vector>

#include "harness/base/clock.h"
#include "kernels/machine/machine.h"
#include "kernels/ops/attention.h"
#include "kernels/ops/partial_attention.h"

namespace {

using namespace hylo;

/// Of a published hybrid.
struct Geometry {
  const char* name;
  int64_t heads, kv_heads, rank, nope, rope, value;
};
constexpr Geometry geometries[] = {{"hylo-llama-1b", 32, 8, 128, 32, 32, 64},
                                   {"hylo-llama-3b", 24, 8, 128, 64, 64, 128},
                                   {"hylo-qwen-1.7b", 16, 8, 256, 64, 64, 128}};

at::Tensor random(at::IntArrayRef shape) {
  return at::randn(shape, at::TensorOptions().dtype(at::kFloat)).to(at::kBFloat16);
}

at::Tensor head_by_head(const at::Tensor& x_SGK) {
  return x_SGK.transpose(0, 1).contiguous().transpose(0, 1);
}

/// What a layer has at hand: queries, the latents with the rotated key, and the up-projection.
struct Layer {
  Geometry g;
  int64_t past, rows;
  at::Tensor q_nope_NHK = random({rows, g.heads, g.nope});
  at::Tensor q_rope_NHK = random({rows, g.heads, g.rope});
  at::Tensor latents_SR = random({past + rows, g.rank + g.rope});
  at::Tensor up_GOR = random({g.kv_heads, g.nope + g.value, g.rank});

  [[nodiscard]] at::Tensor absorbed() const {
    const int64_t group = g.heads / g.kv_heads;
    const auto keys_GKR = up_GOR.narrow(1, 0, g.nope);
    const auto q_GNR = q_nope_NHK.view({rows, g.kv_heads, group * g.nope})
                           .transpose(0, 1)
                           .reshape({g.kv_heads, rows * group, g.nope})
                           .matmul(keys_GKR);
    const auto q_NHR = q_GNR.view({g.kv_heads, rows, group, g.rank})
                           .permute({1, 0, 2, 3})
                           .reshape({rows, g.heads, g.rank});
    const auto pages = latents_SR.view({1, past + rows, 1, g.rank + g.rope});
    const int32_t only_page = 0;
    const kernels::PagedRows all{0, rows, past, {&only_page, 1}};
    const auto mixed_NHR = kernels::attention({.q_NHK = at::cat({q_NHR, q_rope_NHK}, 2),
                                               .keys_PSGK = pages,
                                               .values_PSGV = pages.narrow(3, 0, g.rank),
                                               .sequences = {&all, 1},
                                               .scale = 0.1});
    return mixed_NHR.view({rows, g.kv_heads, group, g.rank})
        .permute({1, 0, 2, 3})
        .reshape({g.kv_heads, rows * group, g.rank})
        .matmul(up_GOR.narrow(1, g.nope, g.value).transpose(1, 2));
  }

  [[nodiscard]] at::Tensor expanded() const {
    constexpr int64_t slice = 8192;
    const auto q_NHK = at::cat({q_nope_NHK, q_rope_NHK}, 2);
    const auto up_OR = up_GOR.flatten(0, 1);
    kernels::PartialAttention whole;
    for (int64_t first = 0; first < past + rows; first += slice) {
      const int64_t tokens = std::min(slice, past + rows - first);
      const auto c_SR = latents_SR.narrow(0, first, tokens);
      const auto up_SGO =
          c_SR.narrow(1, 0, g.rank).matmul(up_OR.t()).view({tokens, g.kv_heads, g.nope + g.value});
      const auto shared = c_SR.narrow(1, g.rank, g.rope).unsqueeze(1);
      const int64_t unseeing = std::max<int64_t>(0, first - past);
      const auto part = kernels::partial_attention(
          {.q_NHK = q_NHK.narrow(0, unseeing, rows - unseeing),
           .keys_SGK = head_by_head(
               at::cat({up_SGO.narrow(2, 0, g.nope), shared.expand({-1, g.kv_heads, -1})}, 2)),
           .values_SGV = head_by_head(up_SGO.narrow(2, g.nope, g.value)),
           .num_past = past + unseeing - first,
           .scale = 0.1});
      first == 0 ? void(whole = part) : kernels::merge_into(whole, part);
    }
    return whole.out_NHV;
  }
};

template <class Run>
double seconds_of(const Run& run) {
  const Stopwatch watch;
  const auto out = run();
  return out.numel() > 0 ? watch.seconds() : 0;
}

void measure(const Layer& layer, int64_t repeats) {
  std::vector<double> absorbed, expanded, ratios;
  for (int64_t i = 0; i < repeats; ++i) {
    absorbed.push_back(seconds_of([&] { return layer.absorbed(); }));
    expanded.push_back(seconds_of([&] { return layer.expanded(); }));
    ratios.push_back(absorbed.back() / expanded.back());
  }
  const auto ratio = kernels::summarize(ratios);
  fmt::print(
      "{}: {} rows behind {}: absorbed {:.2f} s, expanded by slices {:.2f} s; ratio {:.2f} "
      "(quartiles {:.2f} to {:.2f}, {} pairs)\n",
      layer.g.name, layer.rows, layer.past, kernels::summarize(absorbed).median,
      kernels::summarize(expanded).median, ratio.median, ratio.lower_quartile, ratio.upper_quartile,
      ratio.num_samples);
}

}  // namespace

int main(int argc, char** argv) {
  int64_t past = 65536, rows = 512, repeats = 3;
  CLI::App app("Absorbed against expanded prefill of one MLA layer over a long past, bfloat16");
  app.add_option("--past", past)->check(CLI::NonNegativeNumber);
  app.add_option("--rows", rows)->check(CLI::PositiveNumber);
  app.add_option("--repeats", repeats)->check(CLI::PositiveNumber);
  CLI11_PARSE(app, argc, argv);
  const c10::InferenceMode no_gradients;
  for (const auto& geometry : geometries) measure({geometry, past, rows}, repeats);
}
