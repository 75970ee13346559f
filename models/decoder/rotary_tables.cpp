#include "models/decoder/rotary_tables.h"

#include <ATen/Parallel.h>
#include <ATen/ops/empty.h>

#include <cmath>
#include <vector>

namespace hylo::models {
namespace {

/// Angles in the type of the frequencies.
template <class Number, class Frequency>
void fill(const std::vector<Frequency>& frequencies, double factor, const PositionRange& range,
          Number* cos, Number* sin) {
  const auto pairs = static_cast<int64_t>(frequencies.size());
  at::parallel_for(0, range.num_rows, 1 + 4096 / pairs, [&](int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end; ++row) {
      const int64_t position = range.first_position + row;
      for (int64_t i = 0; i < pairs; ++i) {
        const double angle = static_cast<Frequency>(position) * frequencies[i];
        cos[row * pairs + i] = static_cast<Number>(std::cos(angle) * factor);
        sin[row * pairs + i] = static_cast<Number>(std::sin(angle) * factor);
      }
    }
  });
}

template <class Number>
void fill_all(const RopeSpec& rope, std::span<const PositionRange> ranges,
              RotaryPrecision precision, RotaryTables& tables) {
  auto* cos = tables.cos_NP.mutable_data_ptr<Number>();
  auto* sin = tables.sin_NP.mutable_data_ptr<Number>();
  for (const auto& range : ranges) {
    const int64_t call_length = range.first_position + range.num_rows;
    const double factor = attention_factor(rope);
    if (precision == RotaryPrecision::Float32) {
      fill(inverse_frequencies_float32(rope, call_length), factor, range, cos, sin);
    } else {
      fill(inverse_frequencies(rope, call_length), factor, range, cos, sin);
    }
    cos += range.num_rows * rope.width / 2;
    sin += range.num_rows * rope.width / 2;
  }
}

}  // namespace

RotaryTables rotary_tables(const RopeSpec& rope, std::span<const PositionRange> ranges,
                           RotaryPrecision precision, at::ScalarType type) {
  int64_t num_rows = 0;
  for (const auto& range : ranges) num_rows += range.num_rows;
  const auto options = at::TensorOptions().dtype(type);
  RotaryTables tables{at::empty({num_rows, rope.width / 2}, options),
                      at::empty({num_rows, rope.width / 2}, options)};
  if (type == at::kDouble) {
    fill_all<double>(rope, ranges, precision, tables);
  } else {
    fill_all<float>(rope, ranges, precision, tables);
  }
  return tables;
}

}  // namespace hylo::models
