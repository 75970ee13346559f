// Groups: several tasks that are named, run and reported together.
#pragma once

#include <string>
#include <vector>

namespace hylo::tasks {

struct GroupMember {
  std::string task;    ///< a task or another group
  std::string metric;  ///< that enters the mean of the group; empty in a group of groups
  std::string filter = "none";
};

/// How the values of the members become one.
enum class GroupMean {
  OfTasks,      ///< plain mean of the members' values (macro)
  OfDocuments,  ///< weighted by the members' documents (micro)
};

struct GroupInfo {
  std::string name;
  std::string description;
  std::string source;  ///< who defined the group
  std::vector<GroupMember> members;
  std::vector<GroupMean> means;  ///< the first is the one to quote
};

}  // namespace hylo::tasks
