// hylo list: the tasks, groups, models and data sets that hylo knows by name.

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "datasets/dataset.h"
#include "harness/base/units.h"
#include "harness/cli/output.h"
#include "harness/cli/places.h"
#include "harness/cli/task_data_state.h"
#include "harness/cli/verb.h"
#include "models/config/catalog.h"
#include "models/weights/weights.h"
#include "reports/render/table.h"
#include "tasks/catalog.h"
#include "tasks/groups.h"

namespace hylo::cli {
namespace {

struct ListOptions {
  std::string data;
  bool json = false;
};

constexpr auto how_to_find_data =
    "Data sets are looked for under the folder that --data or HYLO_DATA names.\n";

void print_table(const reports::Table& table, const std::string& below = "") {
  print_out(reports::draw_terminal(table, reports::terminal_options(STDOUT_FILENO)) +
            (below.empty() ? "" : "\n" + below));
}

// ---- tasks

std::string metrics_of(const tasks::TaskInfo& task) {
  constexpr size_t max_named = 4;
  std::vector<std::string> names;
  for (const auto& metric : task.metrics) {
    if (names.size() == max_named) {
      names.push_back(fmt::format("and {} more", task.metrics.size() - max_named));
      break;
    }
    names.push_back(metric.filter == "none" ? metric.name : metric.name + "," + metric.filter);
  }
  return fmt::format("{}", fmt::join(names, " "));
}

OrderedJson json_of(const tasks::TaskInfo& task, const TaskDataState& state) {
  auto metrics = OrderedJson::array();
  for (const auto& metric : task.metrics) {
    metrics.push_back({{"metric", metric.name},
                       {"filter", metric.filter},
                       {"higher_is_better", metric.higher_is_better}});
  }
  return {{"name", task.name},
          {"version", task.version},
          {"description", task.description},
          {"metrics", metrics},
          {"num_fewshot", task.default_num_fewshot},
          {"dataset", task.dataset.empty() ? OrderedJson(nullptr) : OrderedJson(task.dataset)},
          {"split", task.split},
          {"fewshot_pool", state.fewshot_pool},
          {"data", state.text},
          {"stand_in", state.stand_in},
          {"source", task.source},
          {"licence", task.licence},
          {"data_licence", state.licence ? OrderedJson(*state.licence) : OrderedJson(nullptr)}};
}

void list_tasks(const ListOptions& options) {
  const auto root = data_root(options.data);
  const auto found = datasets::find_datasets(root);
  auto json = OrderedJson::array();
  reports::Table table{.columns = {{"Task"},
                                   {"Version", reports::Align::Right, 3},
                                   {"n-shot", reports::Align::Right, 2},
                                   {"Metrics", reports::Align::Left, 1},
                                   {"Data set", reports::Align::Left, 4},
                                   {"Data"},
                                   {"Source", reports::Align::Left, 6},
                                   {"Licence", reports::Align::Left, 5},
                                   {"Licence of data", reports::Align::Left, 6}}};
  for (const auto& name : tasks::task_names()) {
    const auto made = tasks::make_task(name);
    const auto& task = made->info();
    const auto state = task_data_state(*made, found, root);
    json.push_back(json_of(task, state));
    table.rows.push_back(
        {{task.name},
         {task.version},
         {std::to_string(task.default_num_fewshot)},
         {metrics_of(task)},
         {task.dataset},
         {state.text, state.is_whole ? reports::Emphasis::None : reports::Emphasis::Warning},
         {task.source},
         {task.licence},
         {state.licence.value_or("")}});
  }
  if (options.json) return print_json({{"tasks", json}});
  print_table(table, how_to_find_data);
}

// ---- groups

std::string_view name_of(tasks::GroupMean mean) {
  switch (mean) {
    case tasks::GroupMean::OfTasks:
      return "of tasks";
    case tasks::GroupMean::OfDocuments:
      return "of documents";
  }
  return "";
}

/// "piqa acc_norm"; a group inside of a group has no metric.
std::string text_of(const tasks::GroupMember& member) {
  if (member.metric.empty()) return member.task;
  return member.task + " " + member.metric + (member.filter == "none" ? "" : "," + member.filter);
}

OrderedJson json_of(const tasks::GroupInfo& group) {
  auto members = OrderedJson::array();
  for (const auto& member : group.members) {
    members.push_back(
        {{"name", member.task},
         {"metric", member.metric.empty() ? OrderedJson(nullptr) : OrderedJson(member.metric)},
         {"filter", member.filter}});
  }
  auto means = OrderedJson::array();
  for (const auto mean : group.means) means.push_back(name_of(mean));
  return {{"name", group.name},     {"description", group.description},
          {"source", group.source}, {"means", means},
          {"members", members},     {"tasks", tasks::tasks_of(group)}};
}

void list_groups(const ListOptions& options) {
  auto json = OrderedJson::array();
  reports::Table table{.columns = {{"Group"},
                                   {"Tasks", reports::Align::Right},
                                   {"Mean"},
                                   {"Description", reports::Align::Left, 1},
                                   {"Members", reports::Align::Left, 2},
                                   {"Source", reports::Align::Left, 3}}};
  for (const auto& group : tasks::all_groups()) {
    json.push_back(json_of(group));
    std::vector<std::string> means, members;
    for (const auto mean : group.means) means.emplace_back(name_of(mean));
    for (const auto& member : group.members) members.push_back(text_of(member));
    table.rows.push_back({{group.name},
                          {std::to_string(tasks::tasks_of(group).size())},
                          {fmt::format("{}", fmt::join(means, ", "))},
                          {group.description},
                          {fmt::format("{}", fmt::join(members, ", "))},
                          {group.source}});
  }
  if (options.json) return print_json({{"groups", json}});
  print_table(table, "The first mean is the one to quote.\n");
}

// ---- models

void list_models(const ListOptions& options) {
  auto json = OrderedJson::array();
  reports::Table table{.columns = {{"Model"},
                                   {"Family"},
                                   {"Parameters", reports::Align::Right},
                                   {"Layers", reports::Align::Right},
                                   {"Width", reports::Align::Right},
                                   {"Vocabulary", reports::Align::Right},
                                   {"Context", reports::Align::Right},
                                   {"Source", reports::Align::Left, 1}}};
  for (const auto& [name, source, config, teacher] : models::catalog()) {
    const auto parameters = models::count_parameters(config);
    json.push_back({{"name", name},
                    {"family", models::family_name(config.family)},
                    {"parameters", parameters},
                    {"num_layers", config.layers.size()},
                    {"width", config.width},
                    {"vocabulary_size", config.vocabulary_size},
                    {"context_length", config.max_positions},
                    {"teacher", teacher.empty() ? OrderedJson(nullptr) : OrderedJson(teacher)},
                    {"source", source}});
    table.rows.push_back({{name},
                          {std::string(models::family_name(config.family))},
                          {with_thousands(parameters)},
                          {std::to_string(config.layers.size())},
                          {std::to_string(config.width)},
                          {std::to_string(config.vocabulary_size)},
                          {std::to_string(config.max_positions)},
                          {source}});
  }
  if (options.json) return print_json({{"models", json}});
  print_table(table, "Geometries without weights: `hylo inspect synthetic:NAME`.\n");
}

// ---- data sets

std::string_view name_of(datasets::FileState state) {
  switch (state) {
    case datasets::FileState::Found:
      return "found";
    case datasets::FileState::Missing:
      return "missing";
    case datasets::FileState::OtherSize:
      return "other size";
  }
  return "";
}

OrderedJson json_of(const datasets::FoundDataset& dataset) {
  auto files = OrderedJson::array();
  for (const auto& file : dataset.files) {
    files.push_back({{"split", file.file.split},
                     {"path", file.file.path},
                     {"location", file.location.string()},
                     {"bytes", file.file.bytes},
                     {"stands_in", !file.file.stands_in.empty()},
                     {"state", name_of(file.state)}});
  }
  const auto& manifest = dataset.manifest;
  return {{"name", manifest.name},
          {"source", manifest.source},
          {"licence", manifest.licence},
          {"is_complete", dataset.is_complete()},
          {"files", files}};
}

std::vector<reports::Cell> row_of(const datasets::FoundDataset& dataset,
                                  const datasets::FoundFile& file) {
  const bool is_found = file.state == datasets::FileState::Found;
  return {{dataset.manifest.name},
          {file.file.split},
          {std::string(name_of(file.state)),
           is_found ? reports::Emphasis::None : reports::Emphasis::Warning},
          {with_thousands(file.file.bytes)},
          {file.file.path},
          {dataset.manifest.licence},
          {dataset.manifest.source}};
}

void list_datasets(const ListOptions& options) {
  const auto found = datasets::find_datasets(data_root(options.data));
  auto json = OrderedJson::array();
  reports::Table table{.columns = {{"Data set"},
                                   {"Split"},
                                   {"State"},
                                   {"Bytes", reports::Align::Right, 3},
                                   {"File", reports::Align::Left, 1},
                                   {"Licence", reports::Align::Left, 2},
                                   {"Source", reports::Align::Left, 4}}};
  for (const auto& dataset : found) {
    json.push_back(json_of(dataset));
    for (const auto& file : dataset.files) table.rows.push_back(row_of(dataset, file));
  }
  if (options.json) return print_json({{"datasets", json}});
  print_table(table, how_to_find_data);
}

void add_kind(CLI::App& list, const std::string& name, const std::string& summary,
              const std::vector<Example>& examples,
              const std::function<void(const ListOptions&)>& print, bool needs_data) {
  auto& verb = add_verb(list, name, summary, examples);
  const auto options = std::make_shared<ListOptions>();
  if (needs_data) {
    verb.add_option("--data", options->data, "folder of the data sets; else HYLO_DATA")
        ->type_name("DIR");
  }
  verb.add_flag("--json", options->json, "one JSON document");
  verb.callback([options, print] { print(*options); });
}

}  // namespace

void add_list(CLI::App& program) {
  auto& verb =
      add_verb(program, "list", "the tasks, groups, models and data sets that are known by name",
               {{"hylo list tasks --data ./data", "what can be evaluated here"},
                {"hylo list models", "geometries for synthetic:NAME"},
                {"hylo list datasets --json", "which files are there, for another program"}});
  verb.require_subcommand(1);
  add_kind(verb, "tasks", "what can be evaluated, and whether its data is there",
           {{"hylo list tasks", "looks for data under HYLO_DATA"},
            {"hylo list tasks --data ./data", "looks for data under ./data"}},
           list_tasks, true);
  add_kind(verb, "groups", "tasks that are run and reported together",
           {{"hylo list groups", "with the metric of each task that enters the mean"},
            {"hylo list groups --json", "with all tasks of each group"}},
           list_groups, false);
  add_kind(verb, "models", "the geometries that are known by name",
           {{"hylo list models", "with exact counts of parameters"},
            {"hylo list models --json | jq -r .models[].name", "the names alone"}},
           list_models, false);
  add_kind(verb, "datasets", "the data sets and their files",
           {{"hylo list datasets --data ./data", "compares names and sizes, reads nothing"},
            {"hylo list datasets --json", "for another program"}},
           list_datasets, true);
}

}  // namespace hylo::cli
