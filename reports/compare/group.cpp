#include "reports/compare/group.h"

#include <algorithm>
#include <cmath>

#include "harness/base/error.h"

namespace hylo::reports {
namespace {

using Error = std::optional<double> MemberValue::*;

/// Of a plain mean of independent values with these errors.
std::optional<double> error_of_tasks(std::span<const MemberValue> members, Error error) {
  double squares = 0;
  for (const auto& member : members) {
    if (!(member.*error)) return std::nullopt;
    squares += *(member.*error) * *(member.*error);
  }
  return std::sqrt(squares) / static_cast<double>(members.size());
}

double mean_of_documents(std::span<const MemberValue> members, double n) {
  double sum = 0;
  for (const auto& member : members) sum += static_cast<double>(member.n) * *member.value;
  return sum / n;
}

std::optional<double> pooled_error(std::span<const MemberValue> members, double n) {
  double squares = 0;
  for (const auto& member : members) {
    if (!member.standard_error) return std::nullopt;
    const auto own = static_cast<double>(member.n);
    squares += (own - 1) * own * *member.standard_error * *member.standard_error;
  }
  return std::sqrt(squares / (n - static_cast<double>(members.size())) / n);
}

std::optional<double> error_of_clusters(std::span<const MemberValue> members, double mean,
                                        double n) {
  if (members.size() < 2) return std::nullopt;
  double squares = 0;
  for (const auto& member : members) {
    const double deviation = static_cast<double>(member.n) * (*member.value - mean);
    squares += deviation * deviation;
  }
  const auto groups = static_cast<double>(members.size());
  return std::sqrt(groups / (groups - 1) * squares) / n;
}

}  // namespace

GroupAggregate aggregate(GroupMean mean, std::span<const MemberValue> members) {
  invariant(!members.empty(), "a group without members");
  GroupAggregate group{.num_members = std::ssize(members)};
  for (const auto& member : members) {
    group.n += member.n;
    group.num_failed += member.num_failed;
    group.partial = group.partial || member.partial;
  }
  // A mean over the members that happen to be there would be another quantity.
  const auto has_value = [](const MemberValue& member) { return member.value.has_value(); };
  if (!std::ranges::all_of(members, has_value)) return group;
  const auto n = static_cast<double>(group.n);
  if (mean == GroupMean::OfDocuments) {
    group.value = mean_of_documents(members, n);
    group.standard_error = pooled_error(members, n);
    group.clustered_error = error_of_clusters(members, *group.value, n);
    return group;
  }
  double sum = 0;
  for (const auto& member : members) sum += *member.value;
  group.value = sum / static_cast<double>(members.size());
  const auto quoted = error_of_tasks(members, &MemberValue::best_error);
  if (!quoted) return group;
  group.standard_error = error_of_tasks(members, &MemberValue::standard_error);
  if (quoted != group.standard_error) group.clustered_error = quoted;
  return group;
}

GroupAggregate with_errors_of(GroupAggregate group, const MeanOfCells& mean) {
  group.standard_error = mean.standard_error;
  group.clustered_error = mean.clustered_error;
  return group;
}

}  // namespace hylo::reports
