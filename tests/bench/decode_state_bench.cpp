// One decode step of recurrent layers: [256 sequences x 16 heads x 128 x 128] in float32, 256 MiB
// of states that no cache holds. What it reads and writes per second, against what this machine
// reads; and the same with states that are taken out of their pool and put back, as ops without
// slots need them.
//
//   build/release/tests/decode_state_bench
#include <ATen/TensorOperators.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/index_select.h>
#include <ATen/ops/rand.h>
#include <ATen/ops/randn.h>
#include <fmt/core.h>
#include <malloc.h>

#include <numeric>
#include <vector>

#include "harness/base/clock.h"
#include "kernels/machine/machine.h"
#include "kernels/ops/gated_delta.h"
#include "kernels/ops/selective_scan.h"

namespace {

using namespace hylo;
using kernels::RecurrentForm;
using kernels::RowRange;

constexpr int64_t num_sequences = 256, heads = 16, width = 128, num_samples = 15;
constexpr double state_bytes = 4.0 * num_sequences * heads * width * width;

enum class Op { GatedDelta, SelectiveScan };

/// One token for each sequence, whose states lie in a pool in another order.
class Step {
 public:
  explicit Step(Op op) : op_(op), slots_(num_sequences) {
    q_ = at::randn({num_sequences, heads, width});
    k_ = at::randn({num_sequences, heads, width});
    k_ = k_ / k_.square().sum(-1, true).sqrt();
    v_ = at::randn({num_sequences, heads, width});
    decay_ = -at::rand({num_sequences, heads});
    beta_ = at::rand({num_sequences, heads});
    pool_ = at::randn({num_sequences, heads, width, width});
    for (int64_t b = 0; b < num_sequences; ++b) {
      rows_.push_back({b, 1});
      slots_[b] = static_cast<int32_t>(b * 37 % num_sequences);
    }
  }

  double seconds_in_place() {
    const Stopwatch watch;
    run(pool_, slots_);
    return watch.seconds();
  }

  double seconds_with_copies() {
    const Stopwatch watch;
    auto index = at::empty({num_sequences}, at::TensorOptions().dtype(at::kLong));
    std::copy(slots_.begin(), slots_.end(), index.mutable_data_ptr<int64_t>());
    const auto stepped = run(at::index_select(pool_, 0, index), {});
    for (int64_t b = 0; b < num_sequences; ++b) {
      pool_.select(0, slots_[b]).copy_(stepped.select(0, b));
    }
    return watch.seconds();
  }

 private:
  at::Tensor run(const at::Tensor& states, kernels::Slots slots) {
    constexpr auto form = RecurrentForm::Stepwise;
    if (op_ == Op::SelectiveScan) {
      return kernels::selective_scan({q_, k_, v_, decay_, states, rows_, form, slots}).state_BHKV;
    }
    return kernels::gated_delta({q_, k_, v_, decay_, beta_, states, rows_, 1, form, slots})
        .state_BHKV;
  }

  Op op_;
  at::Tensor q_, k_, v_, decay_, beta_, pool_;
  std::vector<RowRange> rows_;
  std::vector<int32_t> slots_;
};

void measure(const char* name, Op op, kernels::ReadBandwidthProbe& probe) {
  Step step(op);
  step.seconds_in_place();
  step.seconds_with_copies();
  std::vector<double> in_place, copies, fractions, bandwidths;
  for (int64_t i = 0; i < num_samples; ++i) {
    bandwidths.push_back(probe.sample());
    in_place.push_back(step.seconds_in_place());
    fractions.push_back(2 * state_bytes / in_place.back() / bandwidths.back());
    copies.push_back(step.seconds_with_copies() / in_place.back());
  }
  const auto fraction = kernels::summarize(fractions), ratio = kernels::summarize(copies);
  fmt::print("{}: {:.1f} ms a step; this machine reads {:.1f} GB/s\n", name,
             1e3 * kernels::summarize(in_place).median,
             kernels::summarize(bandwidths).median / 1e9);
  fmt::print("  bytes read and written / read bandwidth {:.2f} (quartiles {:.2f} to {:.2f}, {})\n",
             fraction.median, fraction.lower_quartile, fraction.upper_quartile,
             fraction.num_samples);
  fmt::print("  with copies / in place                  {:.2f} (quartiles {:.2f} to {:.2f}, {})\n",
             ratio.median, ratio.lower_quartile, ratio.upper_quartile, ratio.num_samples);
}

}  // namespace

int main() {
  // Freed memory stays with the process: how fast the kernel hands it out is not what is measured.
  mallopt(M_MMAP_MAX, 0);
  mallopt(M_TRIM_THRESHOLD, -1);
  kernels::ReadBandwidthProbe probe(
      kernels::ReadBandwidthProbe::default_bytes(kernels::describe_machine()));
  measure("gated_delta", Op::GatedDelta, probe);
  measure("selective_scan", Op::SelectiveScan, probe);
}
