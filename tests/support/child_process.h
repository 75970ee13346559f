// A program run as its users run it: what it prints and how it ends.
#pragma once

#include <sys/types.h>

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "tests/support/test_data.h"

namespace hylo::tests {

struct ChildOptions {
  std::filesystem::path folder;  ///< the current folder of the child; empty: ours
  /// Set for the child. HYLO_DATA, HYLO_TEST_DATA and HYLO_STORE are not handed down.
  std::map<std::string, std::string> environment;
  std::filesystem::path out;  ///< where stdout goes instead of into the result
  bool nobody_reads = false;  ///< stdout is a pipe whose reader has gone
};

struct ChildResult {
  int exit_code = 0;  ///< 128 + the signal that ended it
  std::string out, err;
};

/// argv[0] while it runs. Ended with SIGKILL when nobody waited for it.
class Child {
 public:
  explicit Child(const std::vector<std::string>& argv, const ChildOptions& options = {});
  ~Child();
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;

  void send(int signal) const;
  [[nodiscard]] bool has_ended() const;
  ChildResult wait();

 private:
  TemporaryFolder folder_;
  std::filesystem::path out_;
  bool is_out_ours_;
  pid_t id_ = 0;
};

/// Runs argv[0] and waits for its end.
ChildResult run_child(const std::vector<std::string>& argv, const ChildOptions& options = {});

}  // namespace hylo::tests
