#include "harness/cli/task_data_state.h"

#include <fmt/format.h>

#include <algorithm>

#include "tasks/core/task_data.h"

namespace hylo::cli {
namespace {

constexpr std::string_view found_text = "found", generated_text = "generated",
                           stand_in_text = "stand-in found, published file missing";
constexpr std::string_view not_looked_for = "no data folder named";

std::string_view text_of(datasets::FileState state) {
  switch (state) {
    case datasets::FileState::Found:
      return found_text;
    case datasets::FileState::OtherSize:
      return "other size";
    case datasets::FileState::Missing:
      return "missing";
  }
  return {};
}

/// Nothing for a task that makes its documents.
const datasets::FoundDataset* dataset_of(const tasks::TaskInfo& task,
                                         const std::vector<datasets::FoundDataset>& found) {
  const auto is_of_task = [&](const datasets::FoundDataset& dataset) {
    return dataset.manifest.name == task.dataset;
  };
  const auto dataset = std::ranges::find_if(found, is_of_task);
  return dataset == found.end() ? nullptr : &*dataset;
}

/// Of the split that is evaluated.
std::string_view text_of_documents(const tasks::TaskInfo& task,
                                   const datasets::FoundDataset* dataset,
                                   const std::filesystem::path& root) {
  if (!task.built_by.empty()) return "needs a sample set: hylo data build ruler";
  if (task.dataset.empty()) return generated_text;
  if (dataset == nullptr) return text_of(datasets::FileState::Missing);
  const bool is_shipped = dataset->manifest.place != datasets::Place::DataRoot;
  if (root.empty() && !is_shipped) return not_looked_for;
  const auto state = dataset->state_of(task.split);
  const bool is_stand_in = dataset->stand_in_of(task.split) != nullptr;
  return state == datasets::FileState::Found && is_stand_in ? stand_in_text : text_of(state);
}

/// Where the worked examples come from.
struct Pool {
  std::string dataset;    ///< empty: the task brings them
  std::string split;      ///< as the task is defined
  std::string_view text;  ///< whether that is there
  std::string used;       ///< the split that is there; empty: none
};

std::optional<Pool> pool_of(const tasks::Task& task, const datasets::FoundDataset* dataset,
                            std::string_view documents) {
  const auto& info = task.info();
  const auto& split = info.fewshot_split;
  if (split.empty()) return std::nullopt;
  if (!task.fixed_shots().empty()) return Pool{{}, split, found_text, split};
  if (dataset == nullptr || documents == not_looked_for)
    return Pool{info.dataset, split, documents, {}};
  const auto used = tasks::pool_split_of(info, *dataset);
  const bool is_there = dataset->state_of(used) != datasets::FileState::Missing;
  return Pool{info.dataset, split, text_of(dataset->state_of(split)), is_there ? used : ""};
}

OrderedJson json_of(const datasets::ManifestFile& stand_in) {
  return {{"file", stand_in.path}, {"difference", stand_in.stands_in}};
}

OrderedJson json_of(const Pool& pool) {
  const auto text_or_null = [](const std::string& text) {
    return text.empty() ? OrderedJson(nullptr) : OrderedJson(text);
  };
  return {{"dataset", text_or_null(pool.dataset)},
          {"split", pool.split},
          {"data", pool.text},
          {"used", text_or_null(pool.used)}};
}

}  // namespace

TaskDataState task_data_state(const tasks::Task& task,
                              const std::vector<datasets::FoundDataset>& found,
                              const std::filesystem::path& root) {
  const auto* dataset = dataset_of(task.info(), found);
  const auto documents = text_of_documents(task.info(), dataset, root);
  TaskDataState state{.text = std::string(documents),
                      .is_whole = documents == found_text || documents == generated_text,
                      .stand_in = nullptr,
                      .fewshot_pool = nullptr,
                      .licence = {}};
  if (dataset != nullptr) state.licence = dataset->manifest.licence;
  const bool is_stand_in = documents == stand_in_text;
  if (is_stand_in) state.stand_in = json_of(*dataset->stand_in_of(task.info().split));
  const auto pool = pool_of(task, dataset, documents);
  if (!pool) return state;
  state.fewshot_pool = json_of(*pool);
  const bool is_there = documents == found_text || is_stand_in;
  if (!is_there || pool->text == found_text) return state;
  state.is_whole = false;
  state.text += fmt::format("; few-shot pool {}", pool->text);
  const bool is_replaced = !pool->used.empty() && pool->used != pool->split;
  if (is_replaced) state.text += fmt::format(", {} in its place", pool->used);
  return state;
}

}  // namespace hylo::cli
