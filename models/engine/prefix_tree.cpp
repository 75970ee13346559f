#include "models/engine/prefix_tree.h"

#include <algorithm>
#include <numeric>

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
    if (!order_.empty()) grow(sequences, 0, 0, order_.size(), 0);
  }
  count_rows(0);
}

/// Hangs order()[first, last), which agree in their first `depth` tokens, under `parent`.
void PrefixTree::grow(Sequences sequences, size_t parent, size_t first, size_t last, size_t depth) {
  const auto& lowest = sequences[order_[first]];
  if (last - first == 1) {
    if (depth < lowest.size()) {
      add_node(
          parent,
          {.begin = depth, .end = lowest.size(), .first = first, .last = last, .children = {}});
    }
    return;
  }
  // In lexicographic order the first and the last agree least.
  const size_t shared = common_length(lowest, sequences[order_[last - 1]]);
  if (static_cast<int64_t>((last - first - 1) * (shared - depth)) >= min_saved_) {
    parent = add_node(
        parent, {.begin = depth, .end = shared, .first = first, .last = last, .children = {}});
    depth = shared;
  }
  branch(sequences, parent, first, last, depth, shared);
}

/// One branch for each token that follows the `shared` ones; the shortest sequences end there.
void PrefixTree::branch(Sequences sequences, size_t parent, size_t first, size_t last, size_t depth,
                        size_t shared) {
  const auto token_of = [&](size_t i) { return sequences[order_[i]][shared]; };
  while (first < last && sequences[order_[first]].size() == shared) {
    grow(sequences, parent, first, first + 1, depth);
    ++first;
  }
  while (first < last) {
    size_t next = first + 1;
    while (next < last && token_of(next) == token_of(first)) ++next;
    grow(sequences, parent, first, next, depth);
    first = next;
  }
}

size_t PrefixTree::add_node(size_t parent, PrefixNode node) {
  nodes_.push_back(std::move(node));
  nodes_[parent].children.push_back(nodes_.size() - 1);
  return nodes_.size() - 1;
}

int64_t PrefixTree::count_rows(size_t index) {
  auto rows = static_cast<int64_t>(nodes_[index].end - nodes_[index].begin);
  for (const size_t child : nodes_[index].children) rows += count_rows(child);
  return nodes_[index].num_rows = rows;
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
