#include "models/weights/number_types.h"

#include "harness/base/error.h"

namespace hylo::models {

at::ScalarType scalar_type(NumberType type) {
  switch (type) {
    case NumberType::Float32:
      return at::kFloat;
    case NumberType::Float16:
      return at::kHalf;
    case NumberType::BFloat16:
      return at::kBFloat16;
    case NumberType::Float64:
      return at::kDouble;
  }
  invariant(false, "a number type without a LibTorch type");
  return at::kFloat;
}

std::optional<NumberType> number_type(at::ScalarType type) {
  for (const auto candidate :
       {NumberType::Float32, NumberType::Float16, NumberType::BFloat16, NumberType::Float64}) {
    if (scalar_type(candidate) == type) return candidate;
  }
  return std::nullopt;
}

}  // namespace hylo::models
