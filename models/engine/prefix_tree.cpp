#include "models/engine/prefix_tree.h"

#include <algorithm>
#include <numeric>
#include <ranges>

#include "harness/base/error.h"

namespace hylo::models {
namespace {

size_t common_length(std::span<const int32_t> a, std::span<const int32_t> b) {
  return static_cast<size_t>(std::ranges::mismatch(a, b).in1 - a.begin());
}

}  // namespace

PrefixTree::PrefixTree(Sequences sequences, int64_t min_saved)
    : min_saved_(min_saved), order_(sequences.size()) {
  for (const auto& sequence : sequences) invariant(!sequence.empty(), "a sequence of no tokens");
  std::iota(order_.begin(), order_.end(), size_t{0});
  nodes_.push_back({.last = order_.size(), .children = {}});
  if (min_saved == share_nothing) {
    for (size_t i = 0; i < order_.size(); ++i) {
      add_node(0, {.end = sequences[i].size(), .first = i, .last = i + 1, .children = {}});
    }
  } else {
    std::ranges::stable_sort(order_, [&](size_t a, size_t b) {
      return std::ranges::lexicographical_compare(sequences[a], sequences[b]);
    });
    if (!order_.empty()) grow(sequences);
  }
  count_rows();
}

/// Makes the nodes of sequences that are in order, each before those below it. What is still to be
/// hung up lies on a list of our own: prefixes nest as deep as the prompts are long.
void PrefixTree::grow(Sequences sequences) {
  std::vector<Range> left{{.last = order_.size()}};
  while (!left.empty()) {
    const Range range = left.back();
    left.pop_back();
    if (range.last - range.first > 1) {
      hang_many(sequences, range, left);
    } else {
      hang_one(sequences, range);
    }
  }
}

void PrefixTree::hang_one(Sequences sequences, const Range& range) {
  const size_t end = sequences[order_[range.first]].size();
  if (range.depth == end) return;
  add_node(
      range.parent,
      {.begin = range.depth, .end = end, .first = range.first, .last = range.last, .children = {}});
}

/// A node for what all of the range begin with, where that saves enough; its branches are left.
void PrefixTree::hang_many(Sequences sequences, Range range, std::vector<Range>& left) {
  // In lexicographic order the first and the last agree least.
  const auto& lowest = sequences[order_[range.first]];
  const auto& highest = sequences[order_[range.last - 1]];
  range.agreed += common_length(lowest.subspan(range.agreed), highest.subspan(range.agreed));
  const size_t saved = (range.last - range.first - 1) * (range.agreed - range.depth);
  if (static_cast<int64_t>(saved) >= min_saved_) {
    range.parent = add_node(range.parent, {.begin = range.depth,
                                           .end = range.agreed,
                                           .first = range.first,
                                           .last = range.last,
                                           .children = {}});
    range.depth = range.agreed;
  }
  const size_t num_before = left.size();
  branch(sequences, range, left);
  std::ranges::reverse(std::span(left).subspan(num_before));  // the first is taken first
}

/// One branch for each token that follows what all agree in; the shortest sequences end there.
void PrefixTree::branch(Sequences sequences, const Range& range, std::vector<Range>& left) const {
  const auto ends = [&](size_t i) { return sequences[order_[i]].size() == range.agreed; };
  const auto token_of = [&](size_t i) { return sequences[order_[i]][range.agreed]; };
  const auto add = [&](size_t first, size_t last) {
    left.push_back(range);
    left.back().first = first;
    left.back().last = last;
  };
  size_t first = range.first;
  for (; first < range.last && ends(first); ++first) add(first, first + 1);
  while (first < range.last) {
    size_t next = first + 1;
    while (next < range.last && token_of(next) == token_of(first)) ++next;
    add(first, next);
    first = next;
  }
}

size_t PrefixTree::add_node(size_t parent, PrefixNode node) {
  nodes_.push_back(std::move(node));
  nodes_[parent].children.push_back(nodes_.size() - 1);
  return nodes_.size() - 1;
}

/// From the last node to the root: every node stands before those below it.
void PrefixTree::count_rows() {
  for (auto& node : std::views::reverse(nodes_)) {
    node.num_rows = static_cast<int64_t>(node.end - node.begin);
    for (const size_t child : node.children) node.num_rows += nodes_[child].num_rows;
  }
}

std::vector<int64_t> PrefixTree::rows_added() const {
  std::vector<int64_t> rows(order_.size());
  for (const auto& node : nodes_) {
    if (node.begin == node.end) continue;
    rows[std::ranges::min(sequences_of(node))] += static_cast<int64_t>(node.end - node.begin);
  }
  return rows;
}

std::vector<PrefixRun> prefix_runs(PrefixTree::Sequences sequences, size_t min_tokens) {
  std::vector<PrefixRun> runs;
  for (size_t i = 0; i < sequences.size(); ++i) {
    if (!runs.empty()) {
      auto& run = runs.back();
      const auto& head = sequences[run.first];
      const size_t before = run.last - run.first == 1 ? head.size() - 1 : run.num_shared;
      const size_t shared =
          std::min({before, sequences[i].size() - 1, common_length(head, sequences[i])});
      // A neighbour that agrees much less would take more from the run than it saves itself.
      const bool agrees = run.last - run.first == 1 || 2 * shared >= run.num_shared;
      if (shared >= min_tokens && agrees) {
        run.num_shared = shared;
        run.last = i + 1;
        continue;
      }
    }
    runs.push_back({.first = i, .last = i + 1});
  }
  return runs;
}

}  // namespace hylo::models
