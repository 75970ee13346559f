#include "models/config/rope_spec.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "harness/base/overloaded.h"

namespace hylo::models {
namespace {

std::vector<double> unscaled(double theta, int64_t width) {
  std::vector<double> frequencies;
  for (int64_t i = 0; i < width; i += 2) {
    frequencies.push_back(std::pow(theta, -static_cast<double>(i) / static_cast<double>(width)));
  }
  return frequencies;
}

/// The dim whose wave turns `rotations` times within the original length (YaRN, section 3.2).
double corrected_dim(const RopeSpec& rope, int64_t original_length, double rotations) {
  return static_cast<double>(rope.width) *
         std::log(static_cast<double>(original_length) / (rotations * 2 * std::numbers::pi)) /
         (2 * std::log(rope.theta));
}

std::vector<double> with_yarn(const RopeSpec& rope, const YarnScaling& s) {
  double low = corrected_dim(rope, s.original_length, s.beta_fast);
  double high = corrected_dim(rope, s.original_length, s.beta_slow);
  if (s.truncate) {
    low = std::floor(low);
    high = std::ceil(high);
  }
  low = std::max(low, 0.0);
  high = std::min(high, static_cast<double>(rope.width - 1));
  if (low == high) high += 0.001;
  auto frequencies = unscaled(rope.theta, rope.width);
  for (size_t i = 0; i < frequencies.size(); ++i) {
    const double ramp = std::clamp((static_cast<double>(i) - low) / (high - low), 0.0, 1.0);
    frequencies[i] = frequencies[i] / s.factor * ramp + frequencies[i] * (1 - ramp);
  }
  return frequencies;
}

std::vector<double> with_llama3(const RopeSpec& rope, const Llama3Scaling& s) {
  auto frequencies = unscaled(rope.theta, rope.width);
  const auto original = static_cast<double>(s.original_length);
  for (double& f : frequencies) {
    const double wavelength = 2 * std::numbers::pi / f;
    if (wavelength > original / s.low_frequency_factor) {
      f /= s.factor;
    } else if (wavelength >= original / s.high_frequency_factor) {
      const double smooth = (original / wavelength - s.low_frequency_factor) /
                            (s.high_frequency_factor - s.low_frequency_factor);
      f = f * ((1 - smooth) / s.factor + smooth);
    }
  }
  return frequencies;
}

std::vector<double> with_dynamic(const RopeSpec& rope, const DynamicScaling& s,
                                 int64_t call_length) {
  if (call_length <= s.original_length) return unscaled(rope.theta, rope.width);
  const double stretched =
      s.factor * static_cast<double>(call_length) / static_cast<double>(s.original_length) -
      (s.factor - 1);
  const auto width = static_cast<double>(rope.width);
  return unscaled(rope.theta * std::pow(stretched, width / (width - 2)), rope.width);
}

double yarn_mscale(double factor, double mscale) {
  return factor <= 1 ? 1.0 : 0.1 * mscale * std::log(factor) + 1.0;
}

}  // namespace

std::vector<double> inverse_frequencies(const RopeSpec& rope, int64_t call_length) {
  return std::visit(overloaded{
                        [&](std::monostate) { return unscaled(rope.theta, rope.width); },
                        [&](const LinearScaling& s) {
                          auto frequencies = unscaled(rope.theta, rope.width);
                          for (double& f : frequencies) f /= s.factor;
                          return frequencies;
                        },
                        [&](const DynamicScaling& s) { return with_dynamic(rope, s, call_length); },
                        [&](const YarnScaling& s) { return with_yarn(rope, s); },
                        [&](const Llama3Scaling& s) { return with_llama3(rope, s); },
                    },
                    rope.scaling);
}

double attention_factor(const RopeSpec& rope) {
  const auto* yarn = std::get_if<YarnScaling>(&rope.scaling);
  if (!yarn) return 1;
  if (yarn->attention_factor) return *yarn->attention_factor;
  if (yarn->mscale.value_or(0) != 0 && yarn->mscale_all_dim.value_or(0) != 0) {
    return yarn_mscale(yarn->factor, *yarn->mscale) /
           yarn_mscale(yarn->factor, *yarn->mscale_all_dim);
  }
  return yarn_mscale(yarn->factor, 1);
}

bool depends_on_call_length(const RopeSpec& rope) {
  return std::holds_alternative<DynamicScaling>(rope.scaling);
}

}  // namespace hylo::models
