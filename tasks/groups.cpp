#include "tasks/groups.h"

#include <algorithm>
#include <utility>

#include "tasks/knowledge/mmlu.h"
#include "tasks/knowledge/mmlu_subjects.h"

namespace hylo::tasks {
namespace {

constexpr auto of_lm_eval = "EleutherAI/lm-evaluation-harness 0.4, lm_eval/tasks/mmlu";

GroupInfo mmlu_group(std::string name, std::string description) {
  return {.name = std::move(name),
          .description = std::move(description),
          .source = of_lm_eval,
          .members = {},
          .means = {GroupMean::OfDocuments, GroupMean::OfTasks}};
}

GroupInfo field_of_mmlu(std::string_view field, std::string_view form) {
  auto group = mmlu_group(mmlu_name(field, form), "a field of MMLU");
  for (const auto& subject : mmlu_subjects()) {
    if (subject.field != field) continue;
    group.members.push_back({.task = mmlu_name(subject.name, form), .metric = "acc"});
  }
  return group;
}

/// The groups of the fields, then the one that contains them.
void add_mmlu(std::vector<GroupInfo>& groups, std::string_view form,
              const std::string& description) {
  auto whole = mmlu_group("mmlu" + std::string(form), description);
  for (const auto field : mmlu_fields()) {
    groups.push_back(field_of_mmlu(field, form));
    whole.members.push_back({.task = groups.back().name, .metric = {}});
  }
  groups.push_back(std::move(whole));
}

// The papers print one number per task without its metric; the published values of the untouched
// models agree with acc_norm where lm-eval has it by default and with acc elsewhere.
std::vector<GroupMember> commonsense_members() {
  return {
      {.task = "arc_challenge", .metric = "acc_norm"}, {.task = "arc_easy", .metric = "acc_norm"},
      {.task = "hellaswag", .metric = "acc_norm"},     {.task = "openbookqa", .metric = "acc_norm"},
      {.task = "piqa", .metric = "acc_norm"},          {.task = "race", .metric = "acc"},
      {.task = "winogrande", .metric = "acc"}};
}

GroupInfo commonsense() {
  return {.name = "commonsense",
          .description = "the average over 7 tasks that HyLo reports, 0-shot",
          .source = "HyLo, table of common sense by task",
          .members = commonsense_members(),
          .means = {GroupMean::OfTasks}};
}

GroupInfo zebra8() {
  GroupInfo group{.name = "zebra8",
                  .description = "the average over 8 tasks that Zebra-Llama reports, 0-shot",
                  .source = "Zebra-Llama (arXiv 2505.17272), zero-shot table",
                  .members = commonsense_members(),
                  .means = {GroupMean::OfTasks}};
  group.members.insert(group.members.begin() + 3, {.task = "mmlu", .metric = {}});
  return group;
}

void add_tasks(const GroupInfo& group, std::vector<std::string>& tasks) {
  for (const auto& member : group.members) {
    if (const auto inner = find_group(member.task)) {
      add_tasks(*inner, tasks);
    } else if (std::ranges::find(tasks, member.task) == tasks.end()) {
      tasks.push_back(member.task);
    }
  }
}

}  // namespace

std::vector<GroupInfo> all_groups() {
  std::vector<GroupInfo> groups{commonsense()};
  add_mmlu(groups, mmlu_letters, "57 subjects of school, university and profession");
  add_mmlu(groups, mmlu_continuation, "the same, with the texts of the choices scored");
  groups.push_back(zebra8());
  return groups;
}

std::optional<GroupInfo> find_group(std::string_view name) {
  for (auto& group : all_groups()) {
    if (group.name == name) return std::move(group);
  }
  return std::nullopt;
}

std::vector<std::string> tasks_of(const GroupInfo& group) {
  std::vector<std::string> tasks;
  add_tasks(group, tasks);
  return tasks;
}

}  // namespace hylo::tasks
