// Ctrl-C as a wish to end in order.
#pragma once

namespace hylo::cli {

/// While one lives, the first SIGINT or SIGTERM is noted instead of ending the process; the second
/// ends it. One at a time.
class Interrupt {
 public:
  Interrupt();
  ~Interrupt();
  Interrupt(const Interrupt&) = delete;
  Interrupt& operator=(const Interrupt&) = delete;
  [[nodiscard]] static bool is_wanted();
};

}  // namespace hylo::cli
