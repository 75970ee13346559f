#include "reports/store/json_number.h"

#include <cmath>
#include <limits>
#include <string>

namespace hylo::reports {

OrderedJson json_number(std::optional<double> value) {
  if (!value) return nullptr;
  if (std::isnan(*value)) return "NaN";
  if (std::isinf(*value)) return *value > 0 ? "Infinity" : "-Infinity";
  return *value;
}

std::optional<double> number_of(const OrderedJson& json) {
  if (json.is_null()) return std::nullopt;
  if (!json.is_string()) return json.get<double>();
  const auto infinity = std::numeric_limits<double>::infinity();
  const auto text = json.get<std::string>();
  if (text == "NaN") return std::numeric_limits<double>::quiet_NaN();
  require(text == "Infinity" || text == "-Infinity", "'{}': expected a number", text);
  return text == "Infinity" ? infinity : -infinity;
}

bool same_number(std::optional<double> a, std::optional<double> b) {
  return a == b || (a && b && std::isnan(*a) && std::isnan(*b));
}

}  // namespace hylo::reports
