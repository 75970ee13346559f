#include "harness/runner/ruler_sets.h"

#include <algorithm>
#include <map>
#include <optional>

#include "harness/base/error.h"
#include "harness/base/unicode.h"
#include "harness/base/whole_number.h"
#include "tasks/ruler/folders.h"
#include "tasks/ruler/ruler_task.h"
#include "tasks/ruler/sample_set.h"

namespace hylo::harness {
namespace {

namespace fs = std::filesystem;
namespace ruler = tasks::ruler;

constexpr std::string_view all_tasks = "ruler";

/// "vt@4096" -> vt, 4096.
struct SetName {
  std::string_view task;
  std::string_view length;  ///< empty: every length
};

SetName parse(std::string_view name) {
  const size_t at = name.find('@');
  if (at == std::string_view::npos) return {name, {}};
  return {name.substr(0, at), name.substr(at + 1)};
}

bool is_ruler_task(std::string_view task) {
  return std::ranges::any_of(ruler::ruler_specs(),
                             [&](const auto& spec) { return spec.name == task; });
}

std::optional<int64_t> length_of(const SetName& name) {
  if (name.length.empty()) return std::nullopt;
  const auto length = parse_whole_number(name.length);
  require(length && *length > 0,
          "--tasks: expected a length in tokens behind '@', as in vt@4096, found '{}'",
          name.length);
  return length;
}

struct FoundSet {
  fs::path file;
  ruler::SampleSetDescription description;
};

/// Adds a file or folder to those that are named.
void add_named(const fs::path& file, const fs::path& place, std::map<fs::path, fs::path>& named) {
  std::error_code unresolved;
  const auto there = fs::weakly_canonical(file, unresolved);
  const auto [other, is_new] = named.emplace(unresolved ? file : there, place);
  require(is_new, "--sets: {} is named twice, by '{}' and by '{}'; leave one out", file.string(),
          other->second.string(), place.string());
}

std::vector<FoundSet> sets_in(const std::vector<fs::path>& places) {
  std::vector<FoundSet> sets;
  std::map<fs::path, fs::path> named;
  for (const auto& place : places) {
    const auto kind = ruler::kind_of(place);
    require(kind != fs::file_type::not_found, "--sets {}: not found", place.string());
    const auto files = kind == fs::file_type::directory ? ruler::sample_set_files(place)
                                                        : std::vector<fs::path>{place};
    if (kind == fs::file_type::directory) add_named(place, place, named);
    for (const auto& file : files) {
      add_named(file, place, named);
      sets.push_back({file, ruler::read_header(file).description});
    }
  }
  return sets;
}

/// Where a task stands in RULER's table; the order of sets.
auto rank_of(const FoundSet& set) {
  const auto specs = ruler::ruler_specs();
  const auto spec = std::ranges::find(specs, set.description.task, &ruler::RulerSpec::name);
  return std::pair(spec - specs.begin(), set.description.length);
}

std::string how_to_build(const SetName& name) {
  return fmt::format("`hylo data build ruler --tasks {} --tokenizer DIR --lengths {} --out DIR`",
                     name.task == all_tasks ? "all" : name.task,
                     name.length.empty() ? "4K" : name.length);
}

std::string joined(const std::vector<fs::path>& places) {
  std::string text;
  for (const auto& place : places) text += (text.empty() ? "" : ", ") + place.string();
  return text;
}

}  // namespace

bool names_sample_sets(std::string_view name) {
  const auto task = parse(name).task;
  return task == all_tasks || is_ruler_task(task);
}

std::optional<std::pair<std::string, int64_t>> parse_set_name(std::string_view name) {
  const auto parts = parse(name);
  if (parts.length.empty() || !is_ruler_task(parts.task)) return std::nullopt;
  return std::pair{std::string(parts.task), *length_of(parts)};
}

std::vector<fs::path> sample_sets_named(std::string_view name,
                                        const std::vector<fs::path>& places) {
  const auto wanted = parse(name);
  const auto length = length_of(wanted);
  require(
      !places.empty(),
      "task '{}': is evaluated on sample sets, expected --sets with their folder; {} makes them",
      name, how_to_build(wanted));
  auto sets = sets_in(places);
  std::erase_if(sets, [&](const FoundSet& set) {
    const bool is_task = wanted.task == all_tasks || set.description.task == wanted.task;
    return !is_task || (length && set.description.length != *length);
  });
  require(!sets.empty(), "task '{}': no such sample set in {}; {} makes it", name, joined(places),
          how_to_build(wanted));
  std::ranges::stable_sort(sets, {}, rank_of);
  const auto twice = std::ranges::adjacent_find(sets, {}, rank_of);
  require(twice == sets.end(),
          "task '{}': two sets are of one task and length, {} and {}; name one file with --sets",
          name, twice == sets.end() ? "" : twice->file.string(),
          twice == sets.end() ? "" : std::next(twice)->file.string());
  std::vector<fs::path> files;
  for (const auto& set : sets) files.push_back(set.file);
  return files;
}

PlannedTask open_sample_set(const fs::path& file, const tasks::PromptOptions& prompts) {
  auto [data, samples] = ruler::open_sample_set(file);
  const auto& header = samples->header();
  const auto& made = header.description;
  PlannedTask planned{
      .task = std::make_unique<ruler::RulerTask>(ruler::find_ruler_spec(made.task), made.length),
      .data = std::make_unique<tasks::TaskData>(std::move(data)),
      .options = prompts,
      .documents = {}};
  planned.variant = ruler::json_of(made);
  planned.variant.erase("task");
  planned.variant["set_sha256"] = header.sha256;
  planned.read_prompt = [samples](const tasks::Document& document) {
    return ruler::prompt_of(samples->read(document.index));
  };
  return planned;
}

PlannedTask plan_sample_set(const fs::path& file, const PlanOptions& options) {
  auto planned = open_sample_set(file, options.prompts);
  const auto ids = options.document_ids.find(planned.task->info().name);
  if (ids != options.document_ids.end()) {
    planned.options.document_ids = ids->second;
    planned.options.limit.reset();
  }
  planned.documents = tasks::prompted_documents(*planned.task, *planned.data, planned.options);
  // Read again when it is asked: a set of 128K tokens is a quarter of a gigabyte.
  for (auto& document : planned.data->documents) document.fields.erase("prompt");
  for (auto& document : planned.documents) {
    for (auto& request : document.requests)
      std::string().swap(std::get<tasks::GenerateText>(request).prompt);
  }
  return planned;
}

std::vector<tasks::GroupInfo> ruler_groups(const std::vector<PlannedTask>& tasks) {
  std::map<int64_t, tasks::GroupInfo> by_length;
  for (const auto& planned : tasks) {
    const auto& info = planned.task->info();
    const auto name = parse_set_name(info.name);
    if (!name) continue;
    auto& group = by_length[name->second];
    group.name = fmt::format("{}@{}", all_tasks, name->second);
    group.source = info.source;
    group.means = {tasks::GroupMean::OfTasks};
    group.members.push_back({.task = info.name, .metric = info.metrics.front().name});
  }
  std::vector<tasks::GroupInfo> groups;
  for (auto& [length, group] : by_length) {
    if (group.members.size() > 1) groups.push_back(std::move(group));
  }
  return groups;
}

void check_tokenizers(std::vector<PlannedTask>& tasks, const SystemUnderTest& system,
                      bool allow_others) {
  const auto own = system.info().identity.value("tokenizer_sha256", "");
  for (auto& planned : tasks) {
    if (own.empty() || !planned.variant.contains("tokenizer")) continue;
    const auto& built_for = planned.variant["tokenizer"];
    if (built_for["sha256"] == own) continue;
    require(allow_others,
            "{}: its sample set was built for another tokenizer, {} (sha256 {}), than that of {} "
            "(sha256 {}); build it anew, or let `hylo eval` accept other lengths with "
            "--allow-other-data",
            planned.task->info().name, built_for["name"].get<std::string>(),
            built_for["sha256"].get<std::string>(), system.info().name, own);
    planned.data->is_verified = false;
  }
}

}  // namespace hylo::harness
