// What one attempt to make a sample gives.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <variant>
#include <vector>

#include "harness/base/json.h"

namespace hylo::tasks::ruler::compat {

/// A prompt of some size, not yet known to fit.
struct Draft {
  std::string text;  ///< the whole prompt, answer prefix included
  std::vector<std::string> references;
  std::string cluster;
  OrderedJson meta = OrderedJson::object();
};

/// The reference raises an exception here.
struct NoDraft {
  std::string why;
  bool by_chance = false;  ///< another draw of the same size may succeed
};

using Attempt = std::variant<Draft, NoDraft>;
/// Draws a prompt with so many units of haystack for a sample, by its number.
using Draw = std::function<Attempt(int64_t units, size_t sample)>;

}  // namespace hylo::tasks::ruler::compat
