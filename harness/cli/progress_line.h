// One line on a terminal that says how far a run is.
#pragma once

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

 private:
  bool is_terminal_;
  bool is_shown_ = false;
  double last_seconds_ = -1;
};

/// "arc_easy 1,024/2,376 documents, 5,310 tokens/s, 12.0 s left, acc 0.254".
std::string progress_text(const harness::RunProgress& progress);

}  // namespace hylo::cli
