// The chunked recurrences, forward and backward, at [1 x 4096 x 16 heads x 128 x 128] in float32:
// against the token-by-token loop of LibTorch, against the chunked torch code of transformers
// (needs HYLO_PYTHON with torch and transformers), against the product peak, by length, and in
// memory.
//
//   HYLO_PYTHON=... build/release/tests/recurrent_bench [OP or PART ...]
//   parts: loop peak length memory transformers; default: all of both ops; what needs Python is
//   left out where HYLO_PYTHON is unset, and says so
#include <ATen/TensorOperators.h>
#include <ATen/ops/einsum.h>
#include <ATen/ops/rand.h>
#include <ATen/ops/randn.h>
#include <ATen/ops/stack.h>
#include <ATen/ops/zeros.h>
#include <fmt/core.h>
#include <malloc.h>

#include <algorithm>
#include <cstdio>
#include <functional>
#include <string>
#include <vector>

#include "harness/base/clock.h"
#include "harness/base/error.h"
#include "harness/base/files.h"
#include "kernels/machine/machine.h"
#include "kernels/ops/gated_delta.h"
#include "kernels/ops/selective_scan.h"
#include "tests/bench/targets.h"
#include "tests/support/child_process.h"
#include "tests/support/process_memory.h"

namespace {

using namespace hylo;
using kernels::RowRange;

constexpr int64_t tokens_of_the_target = 4096, heads_of_the_target = 16;
constexpr int64_t width = 128;  // of keys and of values
constexpr int64_t chunk = 64;   // that the FLOP are counted for
constexpr int64_t num_pairs = 15;

enum class Op { GatedDelta, SelectiveScan };
constexpr Op ops[] = {Op::GatedDelta, Op::SelectiveScan};
const char* name_of(Op op) { return op == Op::GatedDelta ? "gated_delta" : "selective_scan"; }

/// Floating-point operations of a forward pass: spec of layers, products over whole chunks.
double forward_flop(Op op, int64_t tokens, int64_t heads) {
  const double q = chunk, k = width, v = width;
  const double of_a_token = op == Op::GatedDelta
                                ? 6 * q * k + 4 * q * v + 6 * k * v + 2.0 / 3 * q * q
                                : 2 * q * k + 2 * q * v + 4 * k * v;
  return static_cast<double>(tokens * heads) * of_a_token;
}

/// One call with its gradients; the tensors are leaves.
class Problem {
 public:
  Problem(Op op, int64_t tokens, int64_t heads) : op_(op), tokens_(tokens) {
    const auto leaf = [](const at::Tensor& x) { return x.requires_grad_(true); };
    q_ = leaf(at::randn({tokens, heads, width}));
    const auto k = at::randn({tokens, heads, width});
    k_ = leaf(k / k.square().sum(-1, true).sqrt());
    v_ = leaf(at::randn({tokens, heads, width}));
    decay_ = leaf(-at::rand({tokens, heads}));
    beta_ = leaf(at::rand({tokens, heads}));
    d_out_ = at::randn({tokens, heads, width});
  }

  double seconds_chunked() {
    const Stopwatch watch;
    const std::vector<RowRange> rows{{0, tokens_}};
    const auto out = op_ == Op::GatedDelta
                         ? kernels::gated_delta({q_, k_, v_, decay_, beta_, {}, rows, 1}).out_NHV
                         : kernels::selective_scan({q_, k_, v_, decay_, {}, rows}).out_NHV;
    out.backward(d_out_);
    const double seconds = watch.seconds();
    forget();
    return seconds;
  }

  /// The recurrence as one would write it, one token after another.
  double seconds_of_loop() {
    const Stopwatch watch;
    at::Tensor state = at::zeros({v_.size(1), width, width});
    std::vector<at::Tensor> out;
    for (int64_t t = 0; t < tokens_; ++t) {
      const auto k = k_.select(0, t), q = q_.select(0, t);
      state = state * decay_.select(0, t).exp().unsqueeze(-1).unsqueeze(-1);
      auto written = v_.select(0, t);
      if (op_ == Op::GatedDelta) {
        const auto recalled = at::einsum("hk,hkv->hv", {k, state});
        written = beta_.select(0, t).unsqueeze(-1) * (written - recalled);
      }
      state = state + k.unsqueeze(-1) * written.unsqueeze(-2);
      out.push_back(at::einsum("hk,hkv->hv", {q, state}));
    }
    at::stack(out).backward(d_out_);
    const double seconds = watch.seconds();
    forget();
    return seconds;
  }

 private:
  void forget() {
    for (auto* leaf : {&q_, &k_, &v_, &decay_, &beta_}) leaf->mutable_grad() = at::Tensor();
  }

  Op op_;
  int64_t tokens_;
  at::Tensor q_, k_, v_, decay_, beta_, d_out_;
};

/// Their median.
double print_ratio(const char* what, const std::vector<double>& ratios) {
  const auto spread = kernels::summarize(ratios);
  fmt::print("  {:<34} {:.2f} (quartiles {:.2f} to {:.2f}, {} pairs)\n", what, spread.median,
             spread.lower_quartile, spread.upper_quartile, spread.num_samples);
  return spread.median;
}

/// The loop keeps several states per token: it is timed on fewer of them, and per token.
void compare_with_loop(Op op, bench::Targets& targets) {
  constexpr int64_t tokens_of_loop = 256;
  Problem whole(op, tokens_of_the_target, heads_of_the_target);
  Problem part(op, tokens_of_loop, heads_of_the_target);
  whole.seconds_chunked();
  part.seconds_of_loop();
  std::vector<double> ratios;
  for (int i = 0; i < num_pairs / 3; ++i) {
    const double loop = part.seconds_of_loop() * tokens_of_the_target / tokens_of_loop;
    ratios.push_back(loop / whole.seconds_chunked());
  }
  constexpr auto what = "LibTorch token by token / chunked";
  targets.at_least(what, 40, print_ratio(what, ratios));
}

void compare_with_peak(Op op, bench::Targets& targets) {
  Problem problem(op, tokens_of_the_target, heads_of_the_target);
  kernels::ProductPeakProbe probe(at::kFloat);
  problem.seconds_chunked();
  const double flop = 3 * forward_flop(op, tokens_of_the_target, heads_of_the_target);
  std::vector<double> fractions, seconds, peaks;
  for (int i = 0; i < num_pairs; ++i) {
    const double peak = probe.sample();
    seconds.push_back(problem.seconds_chunked());
    fractions.push_back(flop / seconds.back() / peak);
    peaks.push_back(peak);
  }
  fmt::print("  {:.0f} ms for {:.1f} GFLOP (backward as twice forward); peak {:.0f} GFLOP/s\n",
             1e3 * kernels::summarize(seconds).median, flop / 1e9,
             kernels::summarize(peaks).median / 1e9);
  constexpr auto what = "fraction of the product peak";
  targets.at_least(what, 0.25, print_ratio(what, fractions));
}

/// From here on memory that was freed stays with the process, as it would in training, where every
/// step asks for the same again: how fast the kernel hands out gigabytes is not what is measured.
void keep_freed_memory() {
  mallopt(M_MMAP_MAX, 0);
  mallopt(M_TRIM_THRESHOLD, -1);
}

void compare_lengths(Op op, bench::Targets& targets) {
  constexpr int64_t times = 16;
  Problem part(op, tokens_of_the_target, heads_of_the_target);
  Problem whole(op, times * tokens_of_the_target, heads_of_the_target);
  part.seconds_chunked();
  whole.seconds_chunked();
  std::vector<double> ratios;
  for (int i = 0; i < 3; ++i) {
    double of_part = 0;
    for (int j = 0; j < 4; ++j) of_part += part.seconds_chunked() / 4;
    ratios.push_back(whole.seconds_chunked() / of_part);
  }
  constexpr auto what = "64K tokens / 4K tokens";
  targets.at_most(what, 17, print_ratio(what, ratios));
}

/// More than what lay there before the call: results, what is kept, gradients.
void print_memory(Op op, bench::Targets&) {
  constexpr int64_t heads = heads_of_the_target / 4;
  for (const int64_t tokens : {16384, 32768, 65536}) {
    Problem problem(op, tokens, heads);
    malloc_trim(0);
    const int64_t before = tests::status_bytes("VmRSS");
    tests::forget_peak();
    problem.seconds_chunked();
    const double per_row = static_cast<double>(tests::status_bytes("VmHWM") - before) /
                           static_cast<double>(tokens * heads * width * 4);
    fmt::print("  peak memory of {:>5} tokens, forward and backward: {:.1f} times v\n", tokens,
               per_row);
  }
}

void compare_with_transformers(Op op, bench::Targets& targets) {
  const auto python = environment("HYLO_PYTHON");
  if (python.empty()) {
    fmt::print("  transformers: left out, HYLO_PYTHON is not set\n");
    return;
  }
  Problem problem(op, tokens_of_the_target, heads_of_the_target);
  problem.seconds_chunked();
  const auto script = tests::fixture("../bench/recurrent_transformers.py");
  std::vector<double> ratios;
  for (int i = 0; i < 3; ++i) {
    const auto result =
        tests::run_child({python, script, name_of(op), std::to_string(tokens_of_the_target),
                          std::to_string(heads_of_the_target), std::to_string(width)});
    require(result.exit_code == 0, "recurrent_bench: {} ended with {}: {}", python,
            result.exit_code, result.err);
    const double ours = std::min(problem.seconds_chunked(), problem.seconds_chunked());
    ratios.push_back(std::stod(result.out) / ours);
  }
  constexpr auto what = "transformers, chunked / chunked";
  targets.at_least(what, 8, print_ratio(what, ratios));
}

}  // namespace

int main(int argc, char** argv) {
  std::setvbuf(stdout, nullptr, _IOLBF, 0);
  const std::vector<std::string> asked(argv + 1, argv + argc);
  const auto is_asked = [&](const char* word) { return std::ranges::count(asked, word) > 0; };
  const bool names_op = std::ranges::any_of(ops, [&](Op op) { return is_asked(name_of(op)); });
  const bool names_part = static_cast<int64_t>(asked.size()) >
                          std::ranges::count_if(ops, [&](Op op) { return is_asked(name_of(op)); });
  const auto wants = [&](const char* part) { return !names_part || is_asked(part); };
  bench::Targets targets;
  const auto for_each_op = [&](const char* part, void (*measure)(Op, bench::Targets&)) {
    if (!wants(part)) return;
    for (const auto op : ops) {
      if (names_op && !is_asked(name_of(op))) continue;
      fmt::print("{}, {} threads\n", name_of(op), kernels::num_threads_of_parallel_for());
      measure(op, targets);
    }
  };
  for_each_op("peak", compare_with_peak);
  for_each_op("memory", print_memory);
  for_each_op("transformers", compare_with_transformers);
  for_each_op("loop", compare_with_loop);
  keep_freed_memory();
  for_each_op("length", compare_lengths);
  return targets.exit_code();
}
