// Distilling over a vocabulary of 128,256 at 4,096 tokens, 1,024 wide, in float32: the fused loss
// against logits of student and teacher that are there whole.
//
//   OMP_WAIT_POLICY=PASSIVE build/release/tests/loss_memory_bench [PAIRS]
//
// Memory: VmHWM of a process of its own each, less weights and their gradients, which both have.
// Fails where the fused loss takes more than an eighth of it, or more than 1.1 times the
// time. Needs 10 GiB.
#include <ATen/TensorOperators.h>
#include <ATen/ops/kl_div.h>
#include <ATen/ops/log_softmax.h>
#include <ATen/ops/matmul.h>
#include <ATen/ops/randn.h>
#include <fmt/core.h>

#include <cmath>
#include <cstdio>
#include <string>
#include <string_view>
#include <vector>

#include "harness/base/clock.h"
#include "harness/base/error.h"
#include "kernels/machine/machine.h"
#include "kernels/ops/kl_divergence.h"
#include "tests/bench/targets.h"
#include "tests/support/child_process.h"
#include "tests/support/process_memory.h"

namespace {

using namespace hylo;

constexpr int64_t num_tokens = 4096, width = 1024, vocabulary = 128256;
constexpr double largest_share = 1.0 / 8, largest_time = 1.1, mib = 1 << 20;

struct Problem {
  at::Tensor hidden_ND = at::randn({num_tokens, width}), weight_WD = weights();
  at::Tensor teacher_ND = at::randn({num_tokens, width}), teacher_WD = weights();

  Problem() {
    hidden_ND.requires_grad_(true);
    weight_WD.requires_grad_(true);
  }
  static at::Tensor weights() { return at::randn({vocabulary, width}).mul_(0.03); }
  void forget() const {
    hidden_ND.mutable_grad().reset();
    weight_WD.mutable_grad().reset();
  }
};

double fused(const Problem& problem) {
  const auto loss = kernels::kl_divergence({.student = {problem.hidden_ND, problem.weight_WD},
                                            .teacher = {problem.teacher_ND, problem.teacher_WD},
                                            .mask_N = {},
                                            .factor = 1.0 / num_tokens})
                        .sum;
  loss.backward();
  return loss.item<double>();
}

double whole(const Problem& problem) {
  constexpr int64_t summed = 2;  // at::Reduction::Sum
  const auto log_p = at::log_softmax(at::matmul(problem.teacher_ND, problem.teacher_WD.t()), -1);
  const auto log_q = at::log_softmax(at::matmul(problem.hidden_ND, problem.weight_WD.t()), -1);
  const auto loss = at::kl_div(log_q, log_p, summed, /*log_target=*/true) / num_tokens;
  loss.backward();
  return loss.item<double>();
}

void print_memory(bool is_fused) {
  const Problem problem;
  hylo::tests::forget_peak();
  const int64_t before = hylo::tests::status_bytes("VmRSS");
  const double loss = is_fused ? fused(problem) : whole(problem);
  const int64_t gradient = 4 * vocabulary * width;
  fmt::print("{} {}\n", hylo::tests::status_bytes("VmHWM") - before - gradient, loss);
}

struct Measured {
  double bytes = 0, loss = 0;
};
Measured memory_of(const std::string& program, const char* which) {
  const auto ended = hylo::tests::run_child({program, which});
  Measured measured;
  require(ended.exit_code == 0 &&
              std::sscanf(ended.out.c_str(), "%lf %lf", &measured.bytes, &measured.loss) == 2,
          "{}: {}{}", which, ended.out, ended.err);
  return measured;
}

void compare_memory(const std::string& program, bench::Targets& targets) {
  const auto ours = memory_of(program, "fused"), theirs = memory_of(program, "whole");
  require(std::abs(ours.loss / theirs.loss - 1) < 0.02, "losses of random weights: {} and {}",
          ours.loss, theirs.loss);
  const double logits = 2.0 * 4 * num_tokens * vocabulary;
  fmt::print(
      "memory: fused {:.0f} MiB; whole logits {:.0f} MiB, {:.1f} times as much; the two logit "
      "tensors alone {:.0f} MiB, {:.1f} times\n",
      ours.bytes / mib, theirs.bytes / mib, theirs.bytes / ours.bytes, logits / mib,
      logits / ours.bytes);
  targets.at_most("fused / the two logit tensors, bytes", largest_share, ours.bytes / logits);
}

void compare_time(int64_t num_pairs, bench::Targets& targets) {
  const Problem problem;
  const auto seconds = [&](auto&& run) {
    const Stopwatch watch;
    run(problem);
    const double taken = watch.seconds();
    problem.forget();
    return taken;
  };
  std::vector<double> ours, ratios;
  for (int64_t i = 0; i < num_pairs; ++i) {
    ours.push_back(seconds(fused));
    ratios.push_back(ours.back() / seconds(whole));
  }
  const auto ratio = kernels::summarize(ratios);
  fmt::print(
      "time: fused {:.1f} s, {:.2f} times that of whole logits (quartiles {:.2f} to {:.2f}, {} "
      "pairs)\n",
      kernels::summarize(ours).median, ratio.median, ratio.lower_quartile, ratio.upper_quartile,
      ratio.num_samples);
  targets.at_most("fused / whole logits, seconds", largest_time, ratio.median);
}

}  // namespace

int main(int argc, char** argv) {
  const std::string_view word = argc > 1 ? argv[1] : "5";
  if (word == "fused" || word == "whole") {
    print_memory(word == "fused");
    return 0;
  }
  bench::Targets targets;
  compare_memory(argv[0], targets);
  std::fflush(stdout);
  compare_time(std::stoll(std::string(word)), targets);
  return targets.exit_code();
}
