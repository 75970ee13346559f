#include "tasks/core/task_data.h"

#include <utility>

#include "harness/base/hash.h"

namespace hylo::tasks {
namespace {

TaskData generated_data(const Task& task) {
  TaskData data{.documents = task.generate_documents(), .separate_pool = {}};
  Sha256 hash;
  for (const auto& document : data.documents) hash.update(document.fields.dump()).update("\n");
  data.sha256 = hash.hex();
  return data;
}

}  // namespace

TaskData open_task_data(const Task& task, const std::filesystem::path& data_root, bool with_pool,
                        const datasets::OpenOptions& options) {
  const TaskInfo& info = task.info();
  if (info.dataset.empty()) return generated_data(task);
  const auto manifest = datasets::find_manifest(info.dataset);
  auto evaluated = datasets::open_dataset(manifest, info.split, data_root, options);
  TaskData data{.documents = std::move(evaluated.documents),
                .separate_pool = {},
                .sha256 = evaluated.sha256,
                .is_verified = evaluated.is_verified};
  if (!with_pool || info.fewshot_split.empty()) return data;
  data.pool_is_documents = info.fewshot_split == info.split;
  data.pool_sha256 = data.sha256;
  if (data.pool_is_documents) return data;
  auto pool = datasets::open_dataset(manifest, info.fewshot_split, data_root, options);
  data.separate_pool = std::move(pool.documents);
  data.pool_sha256 = pool.sha256;
  data.is_verified = data.is_verified && pool.is_verified;
  return data;
}

TaskData open_task_texts(const Task& task, std::span<const std::filesystem::path> texts) {
  auto evaluated = datasets::open_texts(texts, task.info().text_field);
  return {.documents = std::move(evaluated.documents),
          .separate_pool = {},
          .is_own_texts = true,
          .sha256 = evaluated.sha256};
}

}  // namespace hylo::tasks
