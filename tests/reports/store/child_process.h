// Something done in another process, which may be killed in the middle or be somebody else.
#pragma once

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <exception>
#include <functional>
#include <utility>

namespace hylo::reports::tests {

/// A fork of this process that runs `action` and exits with 0, or with 1 and the text of what it
/// threw. This room's tests have one thread, so a fork is whole.
class ChildProcess {
 public:
  explicit ChildProcess(const std::function<void()>& action) : id_(::fork()) {
    if (id_ == 0) ::_exit(status_of(action));
  }
  ~ChildProcess() {
    if (id_ > 0) kill_and_wait();
  }
  ChildProcess(const ChildProcess&) = delete;
  ChildProcess& operator=(const ChildProcess&) = delete;

  /// The exit status, -1 when a signal ended it.
  int wait() {
    int status = 0;
    ::waitpid(std::exchange(id_, -1), &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  }
  int kill_and_wait() {
    ::kill(id_, SIGKILL);
    return wait();
  }

 private:
  static int status_of(const std::function<void()>& action) {
    try {
      action();
      return 0;
    } catch (const std::exception& error) {
      std::fprintf(stderr, "child: %s\n", error.what());
      return 1;
    }
  }
  pid_t id_;
};

}  // namespace hylo::reports::tests
