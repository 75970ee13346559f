#include "tasks/catalog.h"

#include <algorithm>
#include <functional>
#include <utility>

#include "harness/base/error.h"
#include "harness/base/unicode.h"
#include "tasks/commonsense/choice_suite.h"
#include "tasks/gsm8k/gsm8k.h"
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

std::vector<Entry> entries(const TaskSettings& settings = {}) {
  std::vector<Entry> all;
  const auto add_choice = [&](const ChoiceSuite& suite) {
    all.push_back(
        {std::string(suite.name), [&suite] { return std::make_unique<ChoiceTask>(suite); }});
  };
  for (const auto& suite : choice_suites()) add_choice(suite);
  all.push_back({"gsm8k", [] { return std::make_unique<Gsm8k>(); }});
  for (const auto& suite : rolling_suites()) {
    all.push_back(
        {std::string(suite.name), [&suite] { return std::make_unique<RollingTask>(suite); }});
  }
  add_choice(story_openings());
  all.push_back({"loss_by_position", [] { return std::make_unique<LossByPosition>(); }});
  all.push_back(
      {"teacher_agreement", [settings] { return std::make_unique<TeacherAgreement>(settings); }});
  for (const auto& spec : ruler::ruler_specs()) {
    all.push_back(
        {std::string(spec.name), [&spec] { return std::make_unique<ruler::RulerTask>(spec); }});
  }
  return all;
}

}  // namespace

std::vector<std::string> task_names() {
  std::vector<std::string> names;
  for (auto& entry : entries()) names.push_back(std::move(entry.name));
  return names;
}

bool is_task(std::string_view name) {
  return std::ranges::any_of(entries(), [&](const Entry& entry) { return entry.name == name; });
}

std::unique_ptr<Task> make_task(std::string_view name, const TaskSettings& settings) {
  for (const auto& entry : entries(settings)) {
    if (entry.name == name) return entry.make();
  }
  const auto near = nearest(name, task_names());
  fail("task '{}': unknown{}; `hylo list tasks` shows all", name,
       near ? fmt::format(", did you mean {}?", *near) : "");
}

}  // namespace hylo::tasks
