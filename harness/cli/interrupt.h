// Ctrl-C as a wish to end in order.
#pragma once

#include <atomic>

namespace hylo::cli {

/// From now on the first SIGINT or SIGTERM is noted, the second ends the process. Gives what it is
/// noted in.
const std::atomic<bool>& end_cleanly_on_interrupt();

/// What a program that was interrupted ends with: 128 and the signal.
int interrupted_exit_code();

}  // namespace hylo::cli
