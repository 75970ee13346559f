// YaRN's frequencies and tables of the published geometries of HyLo, Zebra-Llama and X-EcoMLA.
#include <ATen/TensorOperators.h>
#include <ATen/ops/abs.h>
#include <gtest/gtest.h>

#include "harness/base/json.h"
#include "models/decoder/rotary_tables.h"
#include "models/weights/safetensors.h"
#include "tests/support/test_data.h"

namespace hylo::models {
namespace {

using hylo::tests::golden;
using hylo::tests::skip_reason;

/// Both sides compute in float64; a million radians leave 1e-10.
constexpr double angle_tolerance = 1e-9;

RopeSpec rope_of(const Json& json) {
  return {.theta = json.at("theta").get<double>(),
          .width = json.at("Kr").get<int64_t>(),
          .scaling = YarnScaling{
              .factor = json.at("factor").get<double>(),
              .original_length = json.at("original_max_position_embeddings").get<int64_t>()}};
}

TEST(YarnGoldens, FrequenciesFactorsAndTablesOfPublishedGeometriesAreMet) {
  const auto root = golden("lineage-goldens/ops");
  if (!root) GTEST_SKIP() << skip_reason("HYLO_TEST_DATA", "lineage-goldens/ops");
  const SafetensorsFile file(*root / "yarn.safetensors");
  const auto published = read_json_file(*root / "published.json");
  const auto positions = file.tensor("positions");
  std::vector<PositionRange> ranges;
  for (int64_t i = 0; i < positions.numel(); ++i) {
    ranges.push_back({1, positions[i].item<int64_t>()});
  }
  ASSERT_EQ(published.at("yarn").size(), 12U);
  for (const auto& [name, json] : published.at("yarn").items()) {
    SCOPED_TRACE(name);
    const auto rope = rope_of(json);
    EXPECT_NEAR(attention_factor(rope), json.at("cos_sin_factor").get<double>(), 1e-14);
    const auto frequencies = inverse_frequencies(rope, 1);
    const auto expected = file.tensor(name + "/inv_freq_exact");
    ASSERT_EQ(std::ssize(frequencies), expected.numel());
    for (int64_t i = 0; i < expected.numel(); ++i) {
      EXPECT_NEAR(frequencies[i] / expected[i].item<double>(), 1, 1e-14) << i;
    }
    const auto tables = rotary_tables(rope, ranges, RotaryPrecision::Exact, at::kDouble);
    const auto difference = [&](const at::Tensor& ours, const char* what) {
      return (ours - file.tensor(name + what)).abs().max().item<double>();
    };
    EXPECT_LE(difference(tables.cos_NP, "/cos_exact"), angle_tolerance);
    EXPECT_LE(difference(tables.sin_NP, "/sin_exact"), angle_tolerance);
  }
}

}  // namespace
}  // namespace hylo::models
