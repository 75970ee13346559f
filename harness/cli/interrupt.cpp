#include "harness/cli/interrupt.h"

#include <csignal>

namespace hylo::cli {
namespace {

// A handler can reach nothing else.
volatile std::sig_atomic_t is_noted = 0;

extern "C" void note_signal(int signal) {
  is_noted = 1;
  std::signal(signal, SIG_DFL);
}

}  // namespace

Interrupt::Interrupt() {
  is_noted = 0;
  std::signal(SIGINT, note_signal);
  std::signal(SIGTERM, note_signal);
}

Interrupt::~Interrupt() {
  std::signal(SIGINT, SIG_DFL);
  std::signal(SIGTERM, SIG_DFL);
}

bool Interrupt::is_wanted() { return is_noted != 0; }

}  // namespace hylo::cli
