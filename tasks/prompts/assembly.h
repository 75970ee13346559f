// Which documents are evaluated, with which worked examples, as which requests.
// Source: lm-evaluation-harness 0.4, lm_eval/api/samplers.py and task.py (the rules of drawing).
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "tasks/core/generation_overrides.h"
#include "tasks/core/task.h"
#include "tasks/core/task_data.h"
#include "tasks/prompts/conversation.h"

namespace hylo::tasks {

/// The seed of lm-eval's few-shot streams.
inline constexpr uint64_t default_fewshot_seed = 1234;

struct PromptOptions {
  std::optional<int64_t> limit;  ///< the first so many documents
  std::optional<std::vector<int64_t>>
      document_ids;                    ///< these, in the order of the file; not with limit
  std::optional<int64_t> num_fewshot;  ///< instead of the task's default
  std::optional<Sampler> sampler;      ///< instead of the task's
  uint64_t fewshot_seed = default_fewshot_seed;
  GenerationOverrides generation;
  /// The pool of worked examples instead of the task's, if not empty. If it is the split that is
  /// evaluated, a document is left out of its own examples.
  std::string fewshot_split;
  PromptForm form;
};

struct PromptedDocument {
  const Document* document = nullptr;  ///< in the TaskData
  std::vector<int64_t> fewshot_ids;    ///< numbers in the pool's file, in the order of the prompt
  std::vector<Request> requests;
};

/// The number of worked examples that the options ask for.
int64_t num_fewshot_of(const TaskInfo& info, const PromptOptions& options);

/// The random stream begins anew with each call and draws once per evaluated document, in the order
/// of the file: the examples of a document depend on how many were evaluated before it. Throws
/// Error for a document number that does not exist, a limit below 1, more examples than the pool
/// has, or examples for a task that takes none. `data` must outlive the result.
std::vector<PromptedDocument> prompted_documents(const Task& task, const TaskData& data,
                                                 const PromptOptions& options = {});

}  // namespace hylo::tasks
