// The pass without memory: what is trained through.
#include <ATen/TensorOperators.h>
#include <ATen/ops/cat.h>
#include <gtest/gtest.h>

#include "models/decoder/decoder.h"
#include "tests/models/hybrids.h"

namespace hylo::models {
namespace {

using namespace tests;  // NOLINT: the whole header is for tests like these

/// The same sums in another order, in float64.
constexpr double float64_tolerance = 1e-10;

Batch packed_batch(const std::vector<int64_t>& lengths) {
  Batch batch;
  for (const int64_t length : lengths) batch.sequences.push_back({nullptr, length});
  return batch;
}

double max_difference(const at::Tensor& a, const at::Tensor& b) {
  return (a - b).abs().max().item<double>();
}

/// The gradients of all weights of a sum over what the network gives, and what it gives.
struct Trained {
  at::Tensor out_ND;
  std::vector<at::Tensor> gradients;
};
Trained trained(const ModelConfig& config, const ModelWeights& fixed,
                const std::vector<int32_t>& tokens, const std::vector<int64_t>& lengths) {
  auto weights = fixed;
  visit_weights(config, weights, [](const WeightSlot&, at::Tensor& tensor) {
    tensor = tensor.clone().requires_grad_(true);
  });
  Trained found;
  found.out_ND = Decoder(config, weights).forward(tokens, packed_batch(lengths)).normed_ND;
  (found.out_ND * found.out_ND * found.out_ND).sum().backward();
  visit_weights(config, weights, [&](const WeightSlot&, at::Tensor& tensor) {
    found.gradients.push_back(tensor.grad().defined() ? tensor.grad() : at::Tensor());
  });
  return found;
}

TEST(WithoutMemory, AHybridGivesWhatItGivesWithACache) {
  const auto config = all_kinds();
  const Decoder decoder(config, random_weights(config, NumberType::Float64, 3));
  Cache cache(config, {.type = at::kDouble, .page_tokens = 16, .max_tokens = 4096});
  const auto tokens = random_tokens(131, 5);
  auto sequence = cache.new_sequence();
  const auto with = decoder.forward(tokens, {{{&sequence, 131}}}).normed_ND;
  const auto without = decoder.forward(tokens, packed_batch({131})).normed_ND;
  EXPECT_LT(max_difference(with, without), float64_tolerance);
}

TEST(WithoutMemory, PackedSequencesAndTheirGradientsAreThoseOfEachAlone) {
  const auto config = all_kinds();
  const auto weights = random_weights(config, NumberType::Float64, 3);
  const std::vector<int64_t> lengths{1, 70, 3, 130};
  const auto tokens = random_tokens(204, 5);
  const auto packed = trained(config, weights, tokens, lengths);
  std::vector<at::Tensor> parts, sums(packed.gradients.size());
  size_t first = 0;
  for (const int64_t length : lengths) {
    const std::vector<int32_t> row(tokens.begin() + first, tokens.begin() + first + length);
    const auto alone = trained(config, weights, row, {length});
    parts.push_back(alone.out_ND);
    for (size_t i = 0; i < sums.size(); ++i) {
      if (!alone.gradients[i].defined()) continue;  // an expert that nobody chose
      sums[i] = sums[i].defined() ? sums[i] + alone.gradients[i] : alone.gradients[i];
    }
    first += length;
  }
  EXPECT_LT(max_difference(packed.out_ND, at::cat(parts)), float64_tolerance);
  for (size_t i = 0; i < sums.size(); ++i) {
    ASSERT_EQ(packed.gradients[i].defined(), sums[i].defined());
    if (!sums[i].defined()) continue;
    EXPECT_LT(max_difference(packed.gradients[i], sums[i]),
              float64_tolerance * (1 + sums[i].abs().max().item<double>()));
  }
}

TEST(WithoutMemory, ABatchHasACacheForAllSequencesOrForNone) {
  const auto config = all_kinds();
  const Decoder decoder(config, random_weights(config, NumberType::Float32, 3));
  Cache cache(config, {.max_tokens = 4096});
  auto sequence = cache.new_sequence();
  EXPECT_THROW(decoder.forward(random_tokens(4, 1), {{{&sequence, 2}, {nullptr, 2}}}),
               std::logic_error);
  EXPECT_EQ(sequence.num_tokens(), 0);
}

}  // namespace
}  // namespace hylo::models
