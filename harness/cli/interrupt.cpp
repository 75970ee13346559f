#include "harness/cli/interrupt.h"

#include <csignal>

namespace hylo::cli {
namespace {

// A handler can reach nothing else.
std::atomic<bool> interrupted{false};
std::atomic<int> interrupting_signal{0};

}  // namespace

const std::atomic<bool>& end_cleanly_on_interrupt() {
  struct sigaction action {};
  action.sa_handler = [](int signal) {
    interrupting_signal = signal;
    interrupted = true;
  };
  action.sa_flags = static_cast<int>(SA_RESETHAND);
  ::sigaction(SIGINT, &action, nullptr);
  ::sigaction(SIGTERM, &action, nullptr);
  return interrupted;
}

int interrupted_exit_code() { return 128 + interrupting_signal; }

}  // namespace hylo::cli
