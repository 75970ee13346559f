// Values of a report's JSON as the texts of its tables.
#pragma once

#include <string>

#include "harness/base/json.h"

namespace hylo::reports {

/// What stands where there is no value.
inline constexpr auto absent = "\u2013";

/// A text as it is, anything else as JSON.
std::string text_of(const OrderedJson& value);
/// A number in as many digits as count.
std::string rounded(const OrderedJson& value);
/// "1,234"; "3 min 20 s"; "2.30 GiB".
std::string thousands_of(const OrderedJson& value);
std::string duration_of(const OrderedJson& value);
std::string bytes_of(const OrderedJson& value);
/// "a, b, c".
std::string joined(const OrderedJson& texts);

}  // namespace hylo::reports
