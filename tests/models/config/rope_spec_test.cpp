// Frequencies of every scaling.
#include "models/config/rope_spec.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <cmath>

#include "models/config/catalog.h"
#include "tests/support/test_data.h"

namespace hylo::models {
namespace {

const RopeSpec& rope_of(const char* model) {
  return std::get<AttentionSpec>(find_model(model).config.layers.front().mixer).rope;
}
std::vector<double> frequencies(const RopeSpec& rope) { return inverse_frequencies(rope, 1); }
RopeSpec unscaled(const RopeSpec& rope) { return {.theta = rope.theta, .width = rope.width}; }

/// Published values have ten digits.
void expect_golden(double value, double golden) { EXPECT_NEAR(value / golden, 1, 5e-10); }

// theta^(-2i/4) with theta = 100: 1 and 0.1.
TEST(RopeSpec, PlainFrequenciesByHand) {
  const auto f = frequencies({.theta = 100, .width = 4});
  ASSERT_EQ(f.size(), 2U);
  EXPECT_DOUBLE_EQ(f[0], 1);
  EXPECT_DOUBLE_EQ(f[1], 0.1);
}

TEST(RopeSpec, LinearScalingDividesEveryFrequency) {
  const auto f = frequencies({.theta = 100, .width = 4, .scaling = LinearScaling{4}});
  EXPECT_DOUBLE_EQ(f[0], 0.25);
  EXPECT_DOUBLE_EQ(f[1], 0.025);
}

struct Golden {
  const char* model;
  int64_t kept, blended, divided;
  std::vector<std::pair<size_t, double>> values;
};

TEST(RopeSpec, Llama3FrequenciesAreThePublishedOnes) {
  const std::vector<Golden> goldens{
      {"llama-3.2-1b",
       15,
       3,
       14,
       {{1, 6.636012377e-01},
        {8, 3.760603093e-02},
        {16, 4.295567966e-04},
        {20, 8.570255490e-06},
        {31, 9.418306725e-08}}},
      {"llama-3.2-3b", 29, 6, 29, {{32, 4.295567966e-04}, {63, 7.672314972e-08}}},
      {"llama-3.1-8b", 29, 6, 29, {{32, 5.248461610e-04}, {63, 3.068925989e-07}}},
  };
  for (const auto& golden : goldens) {
    const auto& rope = rope_of(golden.model);
    const auto f = frequencies(rope), plain = frequencies(unscaled(rope));
    const double factor = std::get<Llama3Scaling>(rope.scaling).factor;
    int64_t kept = 0, divided = 0;
    for (size_t i = 0; i < f.size(); ++i) {
      kept += f[i] == plain[i];
      divided += f[i] == plain[i] / factor;
    }
    EXPECT_EQ(kept, golden.kept) << golden.model;
    EXPECT_EQ(divided, golden.divided) << golden.model;
    EXPECT_EQ(static_cast<int64_t>(f.size()) - kept - divided, golden.blended) << golden.model;
    for (const auto& [i, value] : golden.values) expect_golden(f[i], value);
  }
}

struct YarnGolden {
  double theta;
  int64_t width, original;
  double factor;
  size_t low, high;
  double attention_factor;
};

TEST(RopeSpec, YarnKeepsBelowItsRangeDividesAboveItAndScalesAttention) {
  for (const auto& g : {YarnGolden{1e6, 128, 32768, 4, 23, 40, 1.138629436},
                        YarnGolden{1e6, 64, 32768, 2, 11, 20, 1.069314718},
                        YarnGolden{5e5, 32, 2048, 32, 2, 8, 1.346573590},
                        YarnGolden{5e5, 64, 2048, 32, 5, 15, 1.346573590}}) {
    const RopeSpec rope{.theta = g.theta,
                        .width = g.width,
                        .scaling = YarnScaling{.factor = g.factor, .original_length = g.original}};
    const auto f = frequencies(rope), plain = frequencies(unscaled(rope));
    for (size_t i = 0; i < f.size(); ++i) {
      if (i <= g.low) {
        EXPECT_EQ(f[i], plain[i]) << i;
      } else if (i < g.high) {
        const double ramp = static_cast<double>(i - g.low) / static_cast<double>(g.high - g.low);
        EXPECT_NEAR(f[i] / plain[i], ramp / g.factor + 1 - ramp, 1e-14) << i;
      } else {
        EXPECT_EQ(f[i], plain[i] / g.factor) << i;
      }
    }
    EXPECT_NEAR(attention_factor(rope), g.attention_factor, 5e-10);
  }
}

TEST(RopeSpec, YarnsAttentionFactorFollowsWhatIsGiven) {
  YarnScaling yarn{.factor = 40, .original_length = 4096};
  const auto factor = [&] { return attention_factor({.width = 64, .scaling = yarn}); };
  EXPECT_DOUBLE_EQ(factor(), 0.1 * std::log(40) + 1);
  yarn.mscale = 0.707;  // alone it is ignored
  EXPECT_DOUBLE_EQ(factor(), 0.1 * std::log(40) + 1);
  yarn.mscale_all_dim = 0.707;
  EXPECT_DOUBLE_EQ(factor(), 1);
  yarn.mscale_all_dim = 0.5;
  EXPECT_DOUBLE_EQ(factor(), (0.0707 * std::log(40) + 1) / (0.05 * std::log(40) + 1));
  yarn.attention_factor = 1.25;
  EXPECT_EQ(factor(), 1.25);
  EXPECT_EQ(attention_factor({.width = 64, .scaling = LinearScaling{4}}), 1);
}

// Beyond the original length the base is theta * (s * len / L0 - (s - 1))^(Kr / (Kr - 2)): for
// length 20 of 10, factor 2 and width 4 that is 100 * 3^2.
TEST(RopeSpec, DynamicScalingGrowsItsBaseWithTheLengthOfTheCall) {
  const RopeSpec rope{.theta = 100, .width = 4, .scaling = DynamicScaling{2, 10}};
  EXPECT_EQ(inverse_frequencies(rope, 10), frequencies({.theta = 100, .width = 4}));
  EXPECT_NEAR(inverse_frequencies(rope, 20)[1], std::pow(900, -0.5), 1e-16);
  EXPECT_TRUE(depends_on_call_length(rope));
  EXPECT_FALSE(depends_on_call_length({.width = 4, .scaling = LinearScaling{2}}));
}

}  // namespace
}  // namespace hylo::models
