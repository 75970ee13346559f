#include "tasks/catalog.h"

#include <algorithm>
#include <functional>
#include <utility>

#include "harness/base/error.h"
#include "harness/base/unicode.h"
#include "tasks/choice/choice_task.h"
#include "tasks/commonsense/suites.h"
#include "tasks/custom/custom_task.h"
#include "tasks/generation/generation_task.h"
#include "tasks/groups.h"
#include "tasks/gsm8k/gsm8k.h"
#include "tasks/knowledge/mmlu.h"
#include "tasks/perplexity/last_word.h"
#include "tasks/perplexity/rolling_suite.h"
#include "tasks/ruler/ruler_task.h"
#include "tasks/signals/loss_by_position.h"
#include "tasks/signals/teacher_agreement.h"
#include "tasks/stories/story_openings.h"

namespace hylo::tasks {
namespace {

struct Entry {
  std::string name;
  std::function<std::unique_ptr<Task>()> make;
};

std::string name_of(const SuiteRow& suite) { return suite.name; }
std::string name_of(const ChoiceSuite& suite) { return suite.row.name; }
std::string name_of(const GenerationSuite& suite) { return suite.row.name; }
std::string name_of(const RollingSuite& suite) { return std::string(suite.name); }

template <class TaskClass, class Suites>
void add_each(std::vector<Entry>& all, const Suites& suites) {
  for (const auto& suite : suites) {
    all.push_back({name_of(suite), [suite] { return std::make_unique<TaskClass>(suite); }});
  }
}

std::vector<Entry> entries(const TaskSettings& settings = {}) {
  std::vector<Entry> all;
  add_each<ChoiceTask>(all, commonsense_suites());
  add_each<GenerationTask>(all, gsm8k_suites());
  add_each<LastWordTask>(all, last_word_suites());
  add_each<RollingTask>(all, rolling_suites());
  add_each<ChoiceTask>(all, std::vector{story_openings()});
  for (const auto& spec : ruler::ruler_specs()) {
    all.push_back(
        {std::string(spec.name), [&spec] { return std::make_unique<ruler::RulerTask>(spec); }});
  }
  add_each<ChoiceTask>(all, mmlu_suites());
  all.push_back({"loss_by_position", [] { return std::make_unique<LossByPosition>(); }});
  all.push_back(
      {"teacher_agreement", [settings] { return std::make_unique<TeacherAgreement>(settings); }});
  return all;
}

std::unique_ptr<Task> custom_task(std::string_view file) {
  auto task = read_custom_task(file);
  const auto& name = task->info().name;
  require(!is_task(name) && !find_group(name),
          "{}.name: '{}' is a task or group of hylo; give yours another name", file, name);
  return task;
}

}  // namespace

std::vector<std::string> task_names() {
  std::vector<std::string> names;
  for (auto& entry : entries()) names.push_back(std::move(entry.name));
  return names;
}

bool is_task(std::string_view name) {
  if (is_task_file(name)) return true;
  return std::ranges::any_of(entries(), [&](const Entry& entry) { return entry.name == name; });
}

std::unique_ptr<Task> make_task(std::string_view name, const TaskSettings& settings) {
  if (is_task_file(name)) return custom_task(name);
  for (const auto& entry : entries(settings)) {
    if (entry.name == name) return entry.make();
  }
  const auto near = nearest(name, task_names());
  fail("task '{}': unknown;{} `hylo list tasks` shows all", name,
       near ? fmt::format(" did you mean {}?", *near) : "");
}

}  // namespace hylo::tasks
