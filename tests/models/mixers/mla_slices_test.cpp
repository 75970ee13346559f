// Latent attention over a past of several slices.
#include <ATen/TensorOperators.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/equal.h>
#include <c10/core/InferenceMode.h>
#include <gtest/gtest.h>

#include "models/decoder/decoder.h"
#include "tests/models/hybrids.h"

namespace hylo::models {
namespace {

using namespace tests;  // NOLINT: the whole header is for tests like these

/// More than one slice of 8,192 and some.
constexpr int64_t num_tokens = 8192 + 300;

ModelConfig one_layer(bool head_norms, const RopeScaling& scaling = {}) {
  auto spec = mla;
  spec.head_norms = head_norms;
  spec.rope.scaling = scaling;
  return config_of({{spec, dense}});
}

/// Normed rows of a prefill in calls that end at `ends`.
at::Tensor prefilled(const Decoder& decoder, const std::vector<int64_t>& ends,
                     kernels::RowGroups groups) {
  const c10::InferenceMode no_gradients;
  const auto tokens = random_tokens(num_tokens, 5);
  Cache cache(decoder.config(), {.type = decoder.type(), .page_tokens = 48});
  auto sequence = cache.new_sequence();
  std::vector<at::Tensor> rows;
  int64_t begin = 0;
  for (const int64_t end : ends) {
    rows.push_back(decoder
                       .forward(std::span(tokens).subspan(begin, end - begin),
                                {{{&sequence, end - begin}}}, {.groups = groups})
                       .normed_ND);
    begin = end;
  }
  return at::cat(rows);
}

TEST(MlaSlices, APastOfSeveralSlicesGivesWhatOnePassWithoutMemoryGives) {
  for (const bool head_norms : {true, false}) {
    const auto config = one_layer(head_norms);
    const Decoder decoder(config, random_weights(config, NumberType::Float64, 3));
    const auto tokens = random_tokens(num_tokens, 5);
    const auto expected = decoder.forward(tokens, {{{nullptr, num_tokens}}}).normed_ND;
    const auto found =
        prefilled(decoder, {8100, num_tokens - 1, num_tokens}, kernels::RowGroups::Free);
    EXPECT_LT((found - expected).abs().max().item<double>(), 1e-10) << head_norms;
  }
}

TEST(MlaSlices, FrequenciesThatDependOnTheLengthAreThoseOfTheWholeSequence) {
  const auto config = one_layer(true, DynamicScaling{.factor = 4, .original_length = 1024});
  const Decoder decoder(config, random_weights(config, NumberType::Float64, 3));
  const auto tokens = random_tokens(num_tokens, 5);
  const auto expected = decoder.forward(tokens, {{{nullptr, num_tokens}}}).normed_ND;
  const auto found = prefilled(decoder, {num_tokens}, kernels::RowGroups::Free);
  EXPECT_LT((found - expected).abs().max().item<double>(), 1e-10);
}

TEST(MlaSlices, WithFixedRowGroupsCutsChangeNoBit) {
  const auto config = one_layer(true);
  const Decoder decoder(config, random_weights(config, NumberType::Float32, 3));
  const auto whole = prefilled(decoder, {num_tokens}, kernels::RowGroups::Fixed);
  const auto cut = prefilled(decoder, {4096, 8224, num_tokens}, kernels::RowGroups::Fixed);
  EXPECT_TRUE(at::equal(whole, cut));
}

}  // namespace
}  // namespace hylo::models
