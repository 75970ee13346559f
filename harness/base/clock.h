// Time, in the two forms that are stored.
#pragma once

#include <chrono>
#include <string>

namespace hylo {

/// Now, as ISO-8601 UTC with milliseconds: 2026-01-31T12:00:00.000Z.
std::string utc_now();

/// Seconds that passed since it was made.
class Stopwatch {
 public:
  [[nodiscard]] double seconds() const {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count();
  }

 private:
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

}  // namespace hylo
