#include "models/upcycle/dense_to_moe.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/index_select.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/zeros.h>

#include <cmath>
#include <numeric>
#include <utility>
#include <vector>

#include "harness/base/error.h"
#include "models/upcycle/draws.h"

namespace hylo::models {
namespace {

double weight_of_experts(const MoeSpec& spec) {
  const auto chosen = static_cast<double>(spec.experts_per_token);
  switch (spec.router.kind) {
    case RouterKind::TopThenSoftmax:
      return 1;
    case RouterKind::SoftmaxThenTop:
      return spec.router.normalised ? 1 : chosen / static_cast<double>(spec.num_experts);
    case RouterKind::Sigmoid:
      return spec.router.normalised ? 1 : chosen * 0.5;
  }
  return 1;
}

void check_options(const SparseUpcycling& options) {
  const auto deviation = [](const char* key, double value) {
    require(value >= 0 && std::isfinite(value),
            "dense_to_moe: {}: expected a number from 0 on, found {}", key, value);
  };
  const auto share = [](const char* key, double value) {
    require(value >= 0 && value <= 1, "dense_to_moe: {}: expected a share from 0 to 1, found {}",
            key, value);
  };
  deviation("router_deviation", options.router_deviation);
  deviation("noise_deviation", options.noise_deviation);
  share("noise_share", options.noise_share);
  share("drop_share", options.drop_share);
}

/// The first of a shuffle.
at::Tensor chosen_units(CounterRandom random, int64_t num_units, double share) {
  std::vector<int64_t> units(num_units);
  std::iota(units.begin(), units.end(), 0);
  const auto count = std::llround(share * static_cast<double>(num_units));
  for (int64_t i = 0; i < count; ++i) {
    std::swap(units[i], units[i + static_cast<int64_t>(random.below(num_units - i))]);
  }
  units.resize(count);
  return at::tensor(units, at::kLong);
}

struct Moments {
  double mean = 0, deviation = 0;
};
/// In one order, for LibTorch's sums hang on the number of threads.
Moments moments_of(const at::Tensor& tensor) {
  const auto values = tensor.to(at::kDouble).contiguous();
  const auto* data = values.const_data_ptr<double>();
  const auto count = static_cast<double>(values.numel());
  const double mean = std::accumulate(data, data + values.numel(), 0.0) / count;
  double squares = 0;
  for (int64_t i = 0; i < values.numel(); ++i) squares += (data[i] - mean) * (data[i] - mean);
  return {mean, std::sqrt(squares / count)};
}

/// Calls change(tensor, dim of the units, name of the tensor) for the three of an expert.
template <class Change>
void for_each_tensor(SwiGluWeights& expert, const std::string& name, Change change) {
  change(expert.gate.weight_OI, 0, name + ".gate.weight");
  change(expert.up.weight_OI, 0, name + ".up.weight");
  change(expert.down.weight_OI, 1, name + ".down.weight");
}

void draw_anew(SwiGluWeights& expert, const std::string& name, uint64_t seed, double share) {
  const auto units =
      chosen_units(draws_of(seed, name + ".dropped"), expert.gate.weight_OI.size(0), share);
  if (units.numel() == 0) return;
  for_each_tensor(expert, name, [&](at::Tensor& tensor, int64_t dim, const std::string& key) {
    const auto replaced = at::index_select(tensor, dim, units);
    const auto like = moments_of(replaced);
    auto random = draws_of(seed, key);
    const auto anew =
        drawn(replaced.sizes(), [&] { return like.mean + like.deviation * normal(random); });
    tensor.index_copy_(dim, units, anew.to(tensor.scalar_type()));
  });
}

void add_noise(SwiGluWeights& expert, const std::string& name, uint64_t seed,
               const SparseUpcycling& options) {
  const auto units = chosen_units(draws_of(seed, name + ".noisy"), expert.gate.weight_OI.size(0),
                                  options.noise_share);
  if (options.noise_deviation == 0 || units.numel() == 0) return;
  for_each_tensor(expert, name, [&](at::Tensor& tensor, int64_t dim, const std::string& key) {
    const auto quiet = at::index_select(tensor, dim, units);
    auto random = draws_of(seed, key + ".noise");
    const auto noise =
        drawn(quiet.sizes(), [&] { return options.noise_deviation * normal(random); });
    tensor.index_copy_(dim, units, (quiet.to(at::kDouble) + noise).to(tensor.scalar_type()));
  });
}

SwiGluWeights copy_of(const SwiGluWeights& teacher) {
  return {.gate = {teacher.gate.weight_OI.clone(), {}},
          .up = {teacher.up.weight_OI.clone(), {}},
          .down = {teacher.down.weight_OI.clone(), {}}};
}

/// 1 leaves every bit as it is.
void divide(at::Tensor& tensor, double by) {
  if (by != 1) tensor = (tensor.to(at::kDouble) / by).to(tensor.scalar_type());
}

}  // namespace

double total_weight(const MoeSpec& spec) {
  // The gate of a shared expert begins with weights 0: a half.
  const double shared = spec.shared_width == 0 ? 0 : spec.shared_gate ? 0.5 : 1;
  return spec.router.scale * weight_of_experts(spec) + shared;
}

void check_dense_to_moe(const SwiGluSpec& teacher, const MoeSpec& student,
                        const std::string& where) {
  require(!teacher.bias, "{}.bias: the teacher's has biases, for which experts have no place",
          where);
  require(student.width == teacher.width,
          "{}.width: expected the teacher's {}, for experts are copies of it, found {}", where,
          teacher.width, student.width);
  require(student.shared_width == 0 || student.shared_width == teacher.width,
          "{}.shared_width: expected 0 or the teacher's {}, found {}", where, teacher.width,
          student.shared_width);
  require(student.router.scale > 0, "{}.router.scale: expected a number above 0, found {}", where,
          student.router.scale);
}

MoeWeights dense_to_moe(const SwiGluWeights& teacher, const MoeSpec& student,
                        const std::string& name, uint64_t seed, const SparseUpcycling& options) {
  check_options(options);
  const auto like = teacher.gate.weight_OI.options();
  const int64_t width = teacher.gate.weight_OI.size(1);
  const double total = total_weight(student);
  MoeWeights moe;
  auto random = draws_of(seed, name + ".router.weight");
  moe.router.weight_OI = drawn({student.num_experts, width}, [&] {
                           return options.router_deviation * normal(random);
                         }).to(like.dtype());
  if (student.router.selection_bias) moe.selection_bias_E = at::zeros({student.num_experts}, like);
  for (int64_t e = 0; e < student.num_experts; ++e) {
    const auto expert_name = fmt::format("{}.experts.{}", name, e);
    auto& expert = moe.experts.emplace_back(copy_of(teacher));
    draw_anew(expert, expert_name, seed, options.drop_share);
    add_noise(expert, expert_name, seed, options);
    divide(expert.down.weight_OI, total);
  }
  if (student.shared_width == 0) return moe;
  moe.shared = copy_of(teacher);
  divide(moe.shared.down.weight_OI, total);
  if (student.shared_gate) moe.shared_gate.weight_OI = at::zeros({1, width}, like);
  return moe;
}

}  // namespace hylo::models
