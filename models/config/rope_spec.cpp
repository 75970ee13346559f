#include "models/config/rope_spec.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "harness/base/overloaded.h"

namespace hylo::models {
namespace {

// Number is the type of every step: float64 is right at any position, float32 is what transformers
// does. The order of operations is theirs, so that float32 rounds as it does there.

template <class Number>
Number period(double theta, int64_t i, int64_t width) {
  return std::pow(static_cast<Number>(theta),
                  static_cast<Number>(2 * i) / static_cast<Number>(width));
}

template <class Number>
std::vector<Number> unscaled(double theta, int64_t width) {
  std::vector<Number> frequencies;
  for (int64_t i = 0; i < width / 2; ++i) {
    frequencies.push_back(1 / period<Number>(theta, i, width));
  }
  return frequencies;
}

template <class Number>
std::vector<Number> with_linear(const RopeSpec& rope, const LinearScaling& s) {
  auto frequencies = unscaled<Number>(rope.theta, rope.width);
  for (Number& f : frequencies) f /= static_cast<Number>(s.factor);
  return frequencies;
}

/// The dim whose wave turns `rotations` times within the original length (YaRN, section 3.2).
double corrected_dim(const RopeSpec& rope, int64_t original_length, double rotations) {
  return static_cast<double>(rope.width) *
         std::log(static_cast<double>(original_length) / (rotations * 2 * std::numbers::pi)) /
         (2 * std::log(rope.theta));
}

template <class Number>
std::vector<Number> with_yarn(const RopeSpec& rope, const YarnScaling& s) {
  double low = corrected_dim(rope, s.original_length, s.beta_fast);
  double high = corrected_dim(rope, s.original_length, s.beta_slow);
  if (s.truncate) {
    low = std::floor(low);
    high = std::ceil(high);
  }
  low = std::max(low, 0.0);
  high = std::min(high, static_cast<double>(rope.width - 1));
  if (low == high) high += 0.001;
  std::vector<Number> frequencies;
  for (int64_t i = 0; i < rope.width / 2; ++i) {
    const auto p = period<Number>(rope.theta, i, rope.width);
    const Number ramp = std::clamp<Number>(
        (static_cast<Number>(i) - static_cast<Number>(low)) / static_cast<Number>(high - low), 0,
        1);
    const Number kept = 1 - ramp;
    frequencies.push_back(1 / (static_cast<Number>(s.factor) * p) * (1 - kept) + 1 / p * kept);
  }
  return frequencies;
}

template <class Number>
std::vector<Number> with_llama3(const RopeSpec& rope, const Llama3Scaling& s) {
  auto frequencies = unscaled<Number>(rope.theta, rope.width);
  const auto original = static_cast<double>(s.original_length);
  const auto factor = static_cast<Number>(s.factor);
  for (Number& f : frequencies) {
    const Number wavelength = static_cast<Number>(2 * std::numbers::pi) / f;
    if (wavelength > original / s.low_frequency_factor) {
      f /= factor;
    } else if (wavelength >= original / s.high_frequency_factor) {
      const Number smooth = (static_cast<Number>(original) / wavelength -
                             static_cast<Number>(s.low_frequency_factor)) /
                            static_cast<Number>(s.high_frequency_factor - s.low_frequency_factor);
      f = (1 - smooth) * f / factor + smooth * f;
    }
  }
  return frequencies;
}

template <class Number>
std::vector<Number> with_dynamic(const RopeSpec& rope, const DynamicScaling& s,
                                 int64_t call_length) {
  if (call_length <= s.original_length) return unscaled<Number>(rope.theta, rope.width);
  const auto factor = static_cast<Number>(s.factor);
  const Number stretched =
      factor * static_cast<Number>(call_length) / static_cast<Number>(s.original_length) -
      (factor - 1);
  const auto width = static_cast<double>(rope.width);
  const Number growth = std::pow(stretched, static_cast<Number>(width / (width - 2)));
  return unscaled<Number>(static_cast<Number>(rope.theta) * growth, rope.width);
}

template <class Number>
std::vector<Number> frequencies_of(const RopeSpec& rope, int64_t call_length) {
  return std::visit(
      overloaded{
          [&](std::monostate) { return unscaled<Number>(rope.theta, rope.width); },
          [&](const LinearScaling& s) { return with_linear<Number>(rope, s); },
          [&](const DynamicScaling& s) { return with_dynamic<Number>(rope, s, call_length); },
          [&](const YarnScaling& s) { return with_yarn<Number>(rope, s); },
          [&](const Llama3Scaling& s) { return with_llama3<Number>(rope, s); },
      },
      rope.scaling);
}

double yarn_mscale(double factor, double mscale) {
  return factor <= 1 ? 1.0 : 0.1 * mscale * std::log(factor) + 1.0;
}

}  // namespace

std::vector<double> inverse_frequencies(const RopeSpec& rope, int64_t call_length) {
  return frequencies_of<double>(rope, call_length);
}

std::vector<float> inverse_frequencies_float32(const RopeSpec& rope, int64_t call_length) {
  return frequencies_of<float>(rope, call_length);
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
