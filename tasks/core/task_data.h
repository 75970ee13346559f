// The documents of a task and its pool of worked examples, read and verified.
#pragma once

#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "datasets/dataset.h"
#include "tasks/core/task.h"

namespace hylo::tasks {

struct TaskData {
  std::vector<Document> documents;
  std::vector<Document> separate_pool;  ///< empty when the pool is the documents themselves
  bool pool_is_documents = false;
  bool is_own_texts = false;  ///< that the caller named in place of the data set
  std::string sha256;         ///< of the file evaluated, or of the generated documents
  std::string pool_dataset;   ///< name of the pool's manifest; empty: the task brings its examples
  std::string pool_split;     ///< empty without a pool
  std::string pool_sha256;    ///< of the pool's file; empty without a pool
  bool is_verified = true;    ///< the bytes of all files are those of their manifest
  /// What a reader of the results must know: where a file or a split stands in for another one.
  std::vector<std::string> remarks;

  [[nodiscard]] std::span<const Document> pool() const {
    return pool_is_documents ? std::span<const Document>(documents) : separate_pool;
  }
};

/// The split that worked examples come from unless another is asked for: info.fewshot_split, or,
/// where its file is absent and that of info.fewshot_stand_in is there, the latter.
std::string pool_split_of(const TaskInfo& info, const datasets::FoundDataset& found);

/// Reads what the task needs; the pool only when `with_pool`. `fewshot_split` is the pool instead
/// of the task's; one that is not info.fewshot_split is told in the remarks. Throws Error as
/// open_dataset does, and for another split where the task brings its examples or takes none.
TaskData open_task_data(const Task& task, const std::filesystem::path& data_root, bool with_pool,
                        const datasets::OpenOptions& options = {},
                        const std::string& fewshot_split = {});

/// A document per file in place of the task's data set. Throws Error as open_texts does.
TaskData open_task_texts(const Task& task, std::span<const std::filesystem::path> texts);

}  // namespace hylo::tasks
