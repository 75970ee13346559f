// What Linux says of this process's memory.
#pragma once

#include <cstdint>
#include <fstream>
#include <string>

#include "harness/base/error.h"

namespace hylo::tests {

/// A figure of /proc/self/status, "VmRSS" or "VmHWM".
inline int64_t status_bytes(const std::string& key) {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with(key + ":")) return 1024 * std::stoll(line.substr(key.size() + 1));
  }
  fail("/proc/self/status: no {}", key);
}

/// VmHWM begins anew.
inline void forget_peak() { std::ofstream("/proc/self/clear_refs") << "5"; }

}  // namespace hylo::tests
