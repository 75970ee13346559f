// What sequences begin with, as a tree and as runs: worked by hand, and against counting by brute
// force.
#include "models/engine/prefix_tree.h"

#include <gmock/gmock.h>
#include <pthread.h>

#include <algorithm>
#include <numeric>
#include <set>
#include <type_traits>

#include "harness/base/random.h"

namespace hylo::models {
namespace {

using ::testing::ElementsAre;
using ::testing::UnorderedElementsAre;
using Tokens = std::vector<int32_t>;

std::vector<std::span<const int32_t>> spans(const std::vector<Tokens>& sequences) {
  return {sequences.begin(), sequences.end()};
}

std::vector<int64_t> rows_added(const std::vector<Tokens>& sequences, int64_t min_saved) {
  return PrefixTree(spans(sequences), min_saved).rows_added();
}

TEST(PrefixTree, EveryNodeIsPaidOnceByTheFirstThatPassesThroughIt) {
  // 1 2 3 branches after 1 2; the last sequence is what two others begin with.
  EXPECT_THAT(rows_added({{9}, {1, 2, 3}, {1, 2, 4, 5}, {1, 2}}, 1), ElementsAre(1, 3, 2, 0));
}

TEST(PrefixTree, EqualSequencesCostNothingMore) {
  EXPECT_THAT(rows_added({{1, 2, 3}, {1, 2, 3}, {1, 2, 3}}, 1), ElementsAre(3, 0, 0));
}

TEST(PrefixTree, WhatSavesTooLittleIsComputedAgain) {
  const std::vector<Tokens> two{{1, 2, 3}, {1, 2, 4}};
  EXPECT_THAT(rows_added(two, 2), ElementsAre(3, 1));
  EXPECT_THAT(rows_added(two, 3), ElementsAre(3, 3));
  // Three sequences save four rows with the same two tokens.
  EXPECT_THAT(rows_added({{1, 2, 3}, {1, 2, 4}, {1, 2, 5}}, 3), ElementsAre(3, 1, 1));
  EXPECT_THAT(rows_added(two, PrefixTree::share_nothing), ElementsAre(3, 3));
}

TEST(PrefixTree, ABranchThatIsNotWorthANodeHangsWholeOnTheOneAbove) {
  // All share 1; 1 2 is shared by two and would save one row: not with min_saved 2.
  const PrefixTree tree(spans({{1, 2, 3}, {1, 2, 4}, {1, 5}}), 2);
  ASSERT_EQ(tree.root().children.size(), 1);
  const auto& shared = tree.node(tree.root().children.front());
  EXPECT_EQ(shared.end, 1);
  EXPECT_EQ(shared.num_rows, 1 + 2 + 2 + 1);
  EXPECT_EQ(shared.children.size(), 3);
}

TEST(PrefixTree, WithoutSequencesThereIsOnlyTheRoot) {
  const PrefixTree tree({}, 1);
  EXPECT_EQ(tree.root().num_rows, 0);
  EXPECT_TRUE(tree.rows_added().empty());
}

TEST(PrefixTree, SavingOneRowIsEnoughToComputeEveryDistinctPrefixOnce) {
  CounterRandom random(5);
  std::vector<Tokens> sequences(60);
  std::set<Tokens> prefixes;
  for (auto& sequence : sequences) {
    const auto length = 1 + random.below(6);
    for (uint64_t i = 0; i < length; ++i) {
      sequence.push_back(static_cast<int32_t>(random.below(3)));
      prefixes.insert(sequence);
    }
  }
  const auto rows = rows_added(sequences, 1);
  EXPECT_EQ(std::accumulate(rows.begin(), rows.end(), int64_t{0}), std::ssize(prefixes));
}

/// Runs on a thread whose stack is a hundredth of the usual one.
template <class Action>
void with_a_small_stack(Action&& action) {
  constexpr size_t stack_bytes = 80 << 10;
  pthread_attr_t attributes;
  ASSERT_EQ(pthread_attr_init(&attributes), 0);
  ASSERT_EQ(pthread_attr_setstacksize(&attributes, stack_bytes), 0);
  pthread_t thread;
  const auto run = [](void* called) -> void* {
    (*static_cast<std::remove_reference_t<Action>*>(called))();
    return nullptr;
  };
  ASSERT_EQ(pthread_create(&thread, &attributes, run, &action), 0);
  ASSERT_EQ(pthread_join(thread, nullptr), 0);
  pthread_attr_destroy(&attributes);
}

TEST(PrefixTree, PrefixesMayNestDeeperThanAStackIs) {
  constexpr size_t num_levels = 4000;
  const Tokens longest(num_levels, 7);
  std::vector<std::span<const int32_t>> nested;
  for (size_t length = 1; length <= num_levels; ++length) {
    nested.push_back(std::span(longest).first(length));
  }
  with_a_small_stack([&] {
    const PrefixTree tree(nested, 1);
    EXPECT_EQ(tree.root().num_rows, num_levels);
    EXPECT_THAT(tree.rows_added(), testing::Each(1));
    const auto* node = &tree.root();
    size_t depth = 0;
    for (; !node->children.empty(); ++depth) node = &tree.node(node->children.back());
    EXPECT_EQ(depth, num_levels);
  });
}

TEST(PrefixTree, ANodeKnowsTheSequencesThatPassThroughIt) {
  const PrefixTree tree(spans({{7, 1}, {8}, {7, 2}}), 1);
  ASSERT_EQ(tree.root().children.size(), 2);
  EXPECT_THAT(tree.sequences_of(tree.node(tree.root().children[0])), UnorderedElementsAre(0, 2));
  EXPECT_THAT(tree.sequences_of(tree.root()), UnorderedElementsAre(0, 1, 2));
}

std::vector<std::vector<size_t>> runs(const std::vector<Tokens>& sequences, size_t min_tokens) {
  std::vector<std::vector<size_t>> rows;
  for (const auto& run : prefix_runs(spans(sequences), min_tokens)) {
    rows.push_back({run.first, run.last, run.num_shared});
  }
  return rows;
}

TEST(PrefixRuns, NeighboursThatBeginAlikeAreOneRun) {
  EXPECT_THAT(runs({{1, 2, 3, 4}, {1, 2, 3, 5}, {1, 2, 6, 7}, {8, 9}}, 2),
              ElementsAre(ElementsAre(0, 3, 2), ElementsAre(3, 4, 0)));
}

TEST(PrefixRuns, ARunLeavesEverySequenceAToken) {
  EXPECT_THAT(runs({{1, 2, 3}, {1, 2, 3}, {1, 2}}, 1), ElementsAre(ElementsAre(0, 3, 1)));
}

TEST(PrefixRuns, ANeighbourThatWouldTakeMostOfARunAwayBeginsItsOwn) {
  EXPECT_THAT(runs({{1, 2, 3, 4, 5, 6}, {1, 2, 3, 4, 5, 7}, {1, 2, 8}}, 2),
              ElementsAre(ElementsAre(0, 2, 5), ElementsAre(2, 3, 0)));
}

}  // namespace
}  // namespace hylo::models
