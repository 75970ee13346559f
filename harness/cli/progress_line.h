// One line on a terminal that says how far a run is.
#pragma once

#include <string>

#include "harness/base/clock.h"
#include "harness/runner/runner.h"

namespace hylo::cli {

/// Writes to standard error, over itself, a few times a second; nothing where that is no terminal.
class ProgressLine {
 public:
  ProgressLine();
  ~ProgressLine();  ///< clears the line
  ProgressLine(const ProgressLine&) = delete;
  ProgressLine& operator=(const ProgressLine&) = delete;
  void show(const harness::RunProgress& progress);
  /// Any text, at most a few times a second.
  void show(const std::string& text);
  [[nodiscard]] bool is_terminal() const { return is_terminal_; }
  /// Takes the line away, so that something else can be printed.
  void clear();

 private:
  bool is_terminal_;
  bool is_shown_ = false;
  Stopwatch watch_;
  double last_seconds_ = -1;
};

/// "arc_easy 1,024/2,376 documents, 5,310 tokens/s, 12.0 s left, acc 0.254".
std::string progress_text(const harness::RunProgress& progress);

}  // namespace hylo::cli
