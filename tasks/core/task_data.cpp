#include "tasks/core/task_data.h"

#include <utility>

#include "harness/base/hash.h"

namespace hylo::tasks {
namespace {

std::string hash_of(const std::vector<Document>& documents) {
  Sha256 hash;
  for (const auto& document : documents) hash.update(document.fields.dump()).update("\n");
  return hash.hex();
}

TaskData generated_data(const Task& task) {
  TaskData data{.documents = task.generate_documents(), .separate_pool = {}};
  data.sha256 = hash_of(data.documents);
  return data;
}

void add_fixed_shots(TaskData& data, const TaskInfo& info, std::vector<Document> shots) {
  data.pool_split = info.fewshot_split;
  data.pool_sha256 = hash_of(shots);
  data.separate_pool = std::move(shots);
}

void add_pool(TaskData& data, datasets::Dataset pool) {
  data.separate_pool = std::move(pool.documents);
  data.pool_sha256 = pool.sha256;
  data.is_verified = data.is_verified && pool.is_verified;
  if (!pool.stand_in.empty()) data.remarks.push_back(pool.stand_in);
}

/// A task file says itself which pool it has; the catalog's tasks have lm-eval's.
void remark_on_pool(TaskData& data, const TaskInfo& info, const datasets::Manifest& manifest) {
  if (data.pool_split == info.fewshot_split) return;
  const bool is_of_catalog = manifest.place != datasets::Place::Beside;
  data.remarks.push_back(
      fmt::format("worked examples come from split {} of {}, and not from {}, {}", data.pool_split,
                  data.pool_dataset, info.fewshot_split,
                  is_of_catalog ? "the one that lm-eval draws from: these prompts are not lm-eval's"
                                : "the pool of the task file"));
}

void check_other_split(const TaskInfo& info, bool has_fixed_shots) {
  require(!info.fewshot_split.empty(), "{}: takes no worked examples, so none of another split",
          info.name);
  require(!has_fixed_shots,
          "{}: brings its own worked examples; leave the split of worked examples out", info.name);
}

}  // namespace

std::string pool_split_of(const TaskInfo& info, const datasets::FoundDataset& found) {
  const auto is_there = [&](const std::string& split) {
    return found.state_of(split) != datasets::FileState::Missing;
  };
  const bool needs_other = !info.fewshot_stand_in.empty() && !is_there(info.fewshot_split);
  return needs_other && is_there(info.fewshot_stand_in) ? info.fewshot_stand_in
                                                        : info.fewshot_split;
}

TaskData open_task_data(const Task& task, const std::filesystem::path& data_root, bool with_pool,
                        const datasets::OpenOptions& options, const std::string& fewshot_split) {
  const TaskInfo& info = task.info();
  auto fixed_shots = task.fixed_shots();
  if (!fewshot_split.empty()) check_other_split(info, !fixed_shots.empty());
  if (info.dataset.empty()) return generated_data(task);
  const auto manifest = task.manifest();
  auto evaluated = datasets::open_dataset(manifest, info.split, data_root, options);
  TaskData data{.documents = std::move(evaluated.documents),
                .separate_pool = {},
                .sha256 = evaluated.sha256,
                .is_verified = evaluated.is_verified};
  if (!evaluated.stand_in.empty()) data.remarks.push_back(evaluated.stand_in);
  if (!with_pool || info.fewshot_split.empty()) return data;
  if (!fixed_shots.empty()) {
    add_fixed_shots(data, info, std::move(fixed_shots));
    return data;
  }
  data.pool_dataset = manifest.name;
  data.pool_split = fewshot_split.empty()
                        ? pool_split_of(info, datasets::find_dataset(manifest, data_root))
                        : fewshot_split;
  if (data.pool_split == info.split) {
    data.pool_is_documents = true;
    data.pool_sha256 = data.sha256;
  } else {
    add_pool(data, datasets::open_dataset(manifest, data.pool_split, data_root, options));
  }
  remark_on_pool(data, info, manifest);
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
