// The built program, as tests of its verbs call it.
#pragma once

#include <gmock/gmock.h>

#include <string>
#include <vector>

#include "harness/base/json.h"
#include "tests/support/child_process.h"
#include "tests/support/test_data.h"

namespace hylo::tests {

inline ChildResult run_hylo(const std::vector<std::string>& arguments,
                            const ChildOptions& options = {}) {
  std::vector<std::string> argv{HYLO_PROGRAM};
  argv.insert(argv.end(), arguments.begin(), arguments.end());
  return run_child(argv, options);
}

/// The document that a call prints; fails the test unless it ends well.
inline Json json_of_hylo(const std::vector<std::string>& arguments,
                         const ChildOptions& options = {}) {
  const auto result = run_hylo(arguments, options);
  EXPECT_EQ(result.exit_code, 0) << result.err;
  return parse_json(result.out, "stdout");
}

/// What the user must put right: exit 2, nothing on stdout, the text on stderr.
inline std::string error_of_hylo(const std::vector<std::string>& arguments,
                                 const ChildOptions& options = {}) {
  const auto result = run_hylo(arguments, options);
  EXPECT_EQ(result.exit_code, 2) << result.err;
  EXPECT_EQ(result.out, "");
  EXPECT_THAT(result.err, testing::StartsWith("hylo: "));
  return result.err;
}

}  // namespace hylo::tests
