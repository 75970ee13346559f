// From the values of tasks to the value of a group of them.
#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "reports/compare/mean_of_cells.h"

namespace hylo::reports {

enum class GroupMean {
  OfTasks = 1,  ///< every member counts the same (macro)
  OfDocuments,  ///< every document counts the same (micro)
};

/// What a member brings into a group: a metric of a task, or the value of another group.
struct MemberValue {
  std::optional<double> value;
  std::optional<double> standard_error;  ///< documents taken as independent
  std::optional<double> best_error;      ///< with clusters where there are any
  int64_t n = 0;                         ///< documents that counted
  int64_t num_failed = 0;
  bool partial = false;
};

struct GroupAggregate {
  std::optional<double> value;  ///< none when a member has none
  /// OfTasks: sqrt(sum of SE^2) / T; none where a member has no error to quote, as where all its
  /// documents are one cluster: to take them as independent would be a guess. OfDocuments:
  /// lm-eval's pooled error, sqrt(sum of (n_i - 1) n_i s_i^2 / (sum of n_i - G) / sum of n_i), s_i
  /// the errors of the G members.
  std::optional<double> standard_error;
  /// OfTasks: of the members' clustered errors. OfDocuments: a member is a cluster (subjects of
  /// MMLU), which says how the mean would change with other members of the kind.
  std::optional<double> clustered_error;
  int64_t num_members = 0;
  int64_t n = 0;  ///< documents of all members
  int64_t num_failed = 0;
  bool partial = false;
};

GroupAggregate aggregate(GroupMean mean, std::span<const MemberValue> members);

/// The group with the errors of the same mean taken over the scores of its members: clusters that
/// reach over tasks count once.
GroupAggregate with_errors_of(GroupAggregate group, const MeanOfCells& mean);

}  // namespace hylo::reports
