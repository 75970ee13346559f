// What a benchmark is held against: a line for each figure that is wanted, and the exit code.
#pragma once

#include <fmt/core.h>

#include <string_view>

namespace hylo::bench {

class Targets {
 public:
  /// Prints what was expected and found; remembers whether it was missed.
  void at_least(std::string_view what, double expected, double found) {
    hold(what, "at least", expected, found, found >= expected);
  }
  void at_most(std::string_view what, double expected, double found) {
    hold(what, "at most", expected, found, found <= expected);
  }

  /// Of main(): 1 where any target was missed.
  [[nodiscard]] int exit_code() const { return num_missed_ > 0 ? 1 : 0; }

 private:
  void hold(std::string_view what, std::string_view bound, double expected, double found,
            bool is_met) {
    num_missed_ += is_met ? 0 : 1;
    fmt::print("  {}: {}: expected {} {:.4g}, found {:.4g}\n", is_met ? "met" : "MISSED", what,
               bound, expected, found);
  }

  int num_missed_ = 0;
};

}  // namespace hylo::bench
