#include "harness/runner/groups.h"

#include <algorithm>
#include <set>

#include "harness/base/error.h"
#include "tasks/groups.h"

namespace hylo::harness {
namespace {

reports::GroupMean mean_of(tasks::GroupMean mean) {
  return mean == tasks::GroupMean::OfTasks ? reports::GroupMean::OfTasks
                                           : reports::GroupMean::OfDocuments;
}

class GroupRows {
 public:
  explicit GroupRows(std::span<const reports::CellDescription> cells) : cells_(cells) {}

  void add(const tasks::GroupInfo& group) {
    if (position_of(group.name)) return;
    for (const auto& member : group.members) {
      if (const auto inner = tasks::find_group(member.task)) add(*inner);
    }
    for (const auto mean : group.means) {
      rows_.push_back({.name = group.name, .mean = mean_of(mean), .members = members_of(group)});
    }
  }

  std::vector<reports::GroupDescription> take() { return std::move(rows_); }

 private:
  /// Of the first kind of mean, which is the one to quote.
  [[nodiscard]] std::optional<int64_t> position_of(const std::string& name) const {
    const auto found = std::ranges::find(rows_, name, &reports::GroupDescription::name);
    if (found == rows_.end()) return std::nullopt;
    return found - rows_.begin();
  }

  [[nodiscard]] std::vector<reports::GroupMember> members_of(const tasks::GroupInfo& group) const {
    const bool pools = group.means.front() == tasks::GroupMean::OfDocuments;
    std::vector<reports::GroupMember> members;
    for (const auto& member : group.members) {
      const auto inner = tasks::find_group(member.task);
      if (!inner) {
        members.push_back(metric_of(group, member));
      } else if (pools) {
        std::ranges::copy(members_of(*inner), std::back_inserter(members));
      } else {
        members.push_back({.group = position_of(member.task)});
      }
    }
    return members;
  }

  [[nodiscard]] reports::GroupMember metric_of(const tasks::GroupInfo& group,
                                               const tasks::GroupMember& member) const {
    const auto cell = std::ranges::find(cells_, member.task, &reports::CellDescription::task);
    invariant(cell != cells_.end(), "group {}: task {} is not in the run", group.name, member.task);
    const auto metric = std::ranges::find_if(cell->metrics, [&](const auto& m) {
      return m.name == member.metric && m.filter == member.filter;
    });
    require(metric != cell->metrics.end(), "group {}: task {} has no metric {} with filter {}",
            group.name, member.task, member.metric, member.filter);
    return {.cell = cell - cells_.begin(), .metric = metric - cell->metrics.begin()};
  }

  std::span<const reports::CellDescription> cells_;
  std::vector<reports::GroupDescription> rows_;
};

}  // namespace

NamedTasks expand_groups(std::span<const std::string> names) {
  NamedTasks named;
  std::set<std::string> given, seen;
  for (const auto& name : names) {
    require(given.insert(name).second, "'{}' is named twice among the tasks", name);
    const auto group = tasks::find_group(name);
    if (group) named.groups.push_back(*group);
    const auto own = group ? tasks::tasks_of(*group) : std::vector{name};
    for (const auto& task : own) {
      if (seen.insert(task).second) named.tasks.push_back(task);
    }
  }
  return named;
}

std::vector<reports::GroupDescription> describe_groups(
    std::span<const tasks::GroupInfo> groups, std::span<const reports::CellDescription> cells) {
  GroupRows rows(cells);
  for (const auto& group : groups) rows.add(group);
  return rows.take();
}

}  // namespace hylo::harness
