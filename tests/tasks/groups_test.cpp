#include "tasks/groups.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <set>

namespace hylo::tasks {
namespace {

using testing::Contains;

GroupInfo group(std::string_view name) { return find_group(name).value(); }

TEST(Groups, AnUnknownNameIsNoGroup) {
  EXPECT_FALSE(find_group("arc_easy").has_value());
  EXPECT_FALSE(find_group("mmlu_stem_").has_value());
}

TEST(Groups, TheFieldsOfMmluHaveTheirPublishedSizes) {
  EXPECT_EQ(tasks_of(group("mmlu_stem")).size(), 19U);
  EXPECT_EQ(tasks_of(group("mmlu_other")).size(), 13U);
  EXPECT_EQ(tasks_of(group("mmlu_social_sciences")).size(), 12U);
  EXPECT_EQ(tasks_of(group("mmlu_humanities")).size(), 13U);
  EXPECT_EQ(tasks_of(group("mmlu")).size(), 57U);
}

TEST(Groups, MmluIsQuotedByDocuments) {
  EXPECT_EQ(group("mmlu").means.front(), GroupMean::OfDocuments);
  EXPECT_THAT(group("mmlu").means, Contains(GroupMean::OfTasks));
}

TEST(Groups, CommonsenseTakesAccNormWhereLmEvalReportsIt) {
  for (const auto& member : group("commonsense").members) {
    const bool is_acc_only = member.task == "race" || member.task == "winogrande";
    EXPECT_EQ(member.metric, is_acc_only ? "acc" : "acc_norm") << member.task;
  }
  EXPECT_EQ(group("commonsense").members.size(), 7U);
}

TEST(Groups, Zebra8ContainsAGroup) {
  EXPECT_EQ(group("zebra8").members.size(), 8U);
  EXPECT_EQ(tasks_of(group("zebra8")).size(), 7U + 57U);
}

TEST(Groups, NamesAndTasksOccurOnceAndMembersOfGroupsComeFirst) {
  std::set<std::string> names;
  for (const auto& info : all_groups()) {
    const auto tasks = tasks_of(info);
    EXPECT_EQ(std::set<std::string>(tasks.begin(), tasks.end()).size(), tasks.size());
    for (const auto& member : info.members) {
      EXPECT_EQ(find_group(member.task).has_value(), names.contains(member.task)) << member.task;
      EXPECT_EQ(member.metric.empty(), names.contains(member.task)) << member.task;
    }
    EXPECT_TRUE(names.insert(info.name).second) << info.name;
    EXPECT_FALSE(info.means.empty() || info.description.empty() || info.source.empty());
  }
}

}  // namespace
}  // namespace hylo::tasks
