#include "harness/cli/own_command_line.h"

#include "harness/base/files.h"
#include "harness/base/unicode.h"

namespace hylo::cli {

std::vector<std::string> own_command_line() {
  const auto text = read_text_file("/proc/self/cmdline");
  std::vector<std::string> words;
  for (const auto word : split(text, '\0')) words.emplace_back(word);
  if (!words.empty() && words.back().empty()) words.pop_back();
  return words;
}

}  // namespace hylo::cli
