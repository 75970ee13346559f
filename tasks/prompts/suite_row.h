// What every suite says whose strings are shipped in a prompt file: a row of a table.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <utility>

#include "harness/base/error.h"
#include "tasks/core/task.h"
#include "tasks/prompts/prompt_file.h"

namespace hylo::tasks {

struct SuiteRow {
  std::string name;
  std::string version;
  std::string description;
  std::string prompt_file;  ///< relative to tasks/prompts
  std::string prompt;       ///< its name in that file
  std::string dataset;      ///< empty: the task makes its documents
  std::string split;
  std::string fewshot_split;     ///< of a prompt with examples of its own: what to call them
  std::string fewshot_stand_in;  ///< the pool where that split is not there; empty: none
  bool leaves_itself_out = false;
  int64_t default_num_fewshot = 0;
  Sampler sampler = Sampler::Default;
};

/// Without metrics; source and licence are the file's.
TaskInfo info_of(const SuiteRow& row, const PromptFile& file);

/// The row's prompt among those of its kind in its file. Throws Error when it is not there.
template <class Prompt>
Prompt prompt_of(const SuiteRow& row, std::map<std::string, Prompt, std::less<>>&& prompts) {
  const auto found = prompts.find(row.prompt);
  require(found != prompts.end(), "tasks/prompts/{}: has no prompt '{}' of the kind that {} needs",
          row.prompt_file, row.prompt, row.name);
  return std::move(found->second);
}

}  // namespace hylo::tasks
