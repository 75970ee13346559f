#include "reports/render/cell_text.h"

#include <fmt/ranges.h>

#include <cmath>
#include <vector>

#include "harness/base/units.h"
#include "reports/store/json_number.h"

namespace hylo::reports {

std::string text_of(const OrderedJson& value) {
  if (value.is_null()) return absent;
  return value.is_string() ? value.get<std::string>() : value.dump();
}

// Four decimals tell two systems apart on 10,000 documents; large perplexities need fewer.
std::string rounded(const OrderedJson& value) {
  const auto number = number_of(value);
  if (!number) return absent;
  if (!std::isfinite(*number)) return text_of(value);
  // What is small is not 0: a KL divergence of 5e-6 is a finding.
  constexpr double small = 0.01;
  if (*number != 0 && std::abs(*number) < small) return fmt::format("{:.3g}", *number);
  return std::abs(*number) < 1000 ? fmt::format("{:.4f}", *number) : fmt::format("{:.1f}", *number);
}

std::string thousands_of(const OrderedJson& value) {
  const auto number = number_of(value);
  if (!number) return absent;
  return std::isfinite(*number) ? with_thousands(std::llround(*number)) : text_of(value);
}

std::string duration_of(const OrderedJson& value) {
  return value.is_number() ? human_seconds(value.get<double>()) : text_of(value);
}

std::string bytes_of(const OrderedJson& value) {
  return value.is_number() ? human_bytes(value.get<int64_t>()) : text_of(value);
}

std::string joined(const OrderedJson& texts) {
  return fmt::format("{}", fmt::join(texts.get<std::vector<std::string>>(), ", "));
}

}  // namespace hylo::reports
