// How feeds are cut into calls: rows of each, and where every part stands.
#include "models/engine/call_plan.h"

#include <gmock/gmock.h>

#include <numeric>

namespace hylo::models {
namespace {

using ::testing::ElementsAre;

/// Feeds of the given lengths; their tokens count up from 100 times their number.
struct Feeds {
  explicit Feeds(const std::vector<int64_t>& lengths) {
    for (size_t i = 0; i < lengths.size(); ++i) {
      auto& of_feed = tokens.emplace_back(lengths[i]);
      std::iota(of_feed.begin(), of_feed.end(), static_cast<int32_t>(100 * i));
    }
    for (const auto& of_feed : tokens) feeds.push_back({.tokens = of_feed});
  }
  std::vector<std::vector<int32_t>> tokens;
  std::vector<Feed> feeds;
};

/// Rows of every part, call by call.
std::vector<std::vector<int64_t>> rows_of(const Feeds& feeds, const CallLimits& limits) {
  std::vector<std::vector<int64_t>> rows;
  CallPlan plan(feeds.feeds, limits);
  while (const auto call = plan.next()) {
    auto& of_call = rows.emplace_back();
    for (const auto& part : call->parts) of_call.push_back(part.num_rows);
  }
  return rows;
}

TEST(CallPlan, CallsAreFilledInOrderAndOnlyTheirLastPartIsCut) {
  EXPECT_THAT(rows_of(Feeds({3, 1, 9, 2}), {.max_rows = 5}),
              ElementsAre(ElementsAre(3, 1, 1), ElementsAre(5), ElementsAre(3, 2)));
  EXPECT_THAT(rows_of(Feeds({2, 2}), {.max_rows = 1}),
              ElementsAre(ElementsAre(1), ElementsAre(1), ElementsAre(1), ElementsAre(1)));
  EXPECT_THAT(rows_of(Feeds({2, 3, 4}), {.max_rows = 9}), ElementsAre(ElementsAre(2, 3, 4)));
  EXPECT_TRUE(rows_of(Feeds({}), {.max_rows = 9}).empty());
}

TEST(CallPlan, AWholeFeedIsACallOfItsOwnHoweverLong) {
  EXPECT_THAT(rows_of(Feeds({3, 1, 9}), {.max_rows = 5, .one_whole_feed = true}),
              ElementsAre(ElementsAre(3), ElementsAre(1), ElementsAre(9)));
}

TEST(CallPlan, EveryTokenIsFedOnceAndPartsSayWhereTheyStand) {
  const Feeds feeds({3, 1, 9, 2, 7});
  for (int64_t max_rows = 1; max_rows < 25; ++max_rows) {
    std::vector<std::vector<int32_t>> fed(feeds.tokens.size());
    std::vector<int> ends(feeds.tokens.size(), 0);
    CallPlan plan(feeds.feeds, {.max_rows = max_rows});
    while (const auto call = plan.next()) {
      EXPECT_EQ(call->batch.num_rows(), static_cast<int64_t>(call->tokens.size()));
      EXPECT_LE(call->batch.num_rows(), max_rows);
      EXPECT_EQ(call->batch.sequences.size(), call->parts.size());
      for (const auto& part : call->parts) {
        EXPECT_EQ(part.begin, static_cast<int64_t>(fed[part.feed].size()));
        const auto* first = call->tokens.data() + part.first_row;
        fed[part.feed].insert(fed[part.feed].end(), first, first + part.num_rows);
        ends[part.feed] += part.is_last;
        EXPECT_EQ(part.is_last, fed[part.feed].size() == feeds.tokens[part.feed].size());
      }
    }
    EXPECT_EQ(fed, feeds.tokens);
    EXPECT_THAT(ends, ::testing::Each(1));
  }
}

TEST(CallPlan, AFeedWithoutTokensIsAFaultOfTheCaller) {
  const Feeds feeds({3, 0});
  EXPECT_THROW(CallPlan(feeds.feeds, {.max_rows = 5}), std::logic_error);
  EXPECT_THROW(CallPlan({}, {.max_rows = 0}), std::logic_error);
}

}  // namespace
}  // namespace hylo::models
