// Sequences by what they begin with, so that it is computed once.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace hylo::models {

/// A run of tokens that several sequences share, or the rest of one.
struct PrefixNode {
  size_t begin = 0, end = 0;     ///< tokens of each sequence below it
  size_t first = 0, last = 0;    ///< its sequences are order()[first, last)
  int64_t num_rows = 0;          ///< tokens of this node and of all below it
  std::vector<size_t> children;  ///< nodes, in the order of their tokens
};

/// A node is made where it saves at least `min_saved` rows: (sequences - 1) x tokens.
class PrefixTree {
 public:
  using Sequences = std::span<const std::span<const int32_t>>;
  static constexpr int64_t share_nothing = INT64_MAX;

  /// Sequences must not be empty; equal ones are allowed.
  PrefixTree(Sequences sequences, int64_t min_saved);

  [[nodiscard]] const PrefixNode& root() const { return nodes_.front(); }  ///< of no tokens
  [[nodiscard]] const PrefixNode& node(size_t index) const { return nodes_[index]; }
  [[nodiscard]] std::span<const size_t> sequences_of(const PrefixNode& node) const {
    return std::span(order_).subspan(node.first, node.last - node.first);
  }

  /// Per sequence, the tokens that it adds to those before it: every node is paid by the first
  /// that passes through it.
  [[nodiscard]] std::vector<int64_t> rows_added() const;

 private:
  /// Sequences order()[first, last) that agree in their first `agreed` tokens and hang under
  /// `parent`, which has their first `depth` ones.
  struct Range {
    size_t parent = 0, first = 0, last = 0, depth = 0, agreed = 0;
  };
  void grow(Sequences sequences);
  void hang_one(Sequences sequences, const Range& range);
  void hang_many(Sequences sequences, Range range, std::vector<Range>& left);
  void branch(Sequences sequences, const Range& range, std::vector<Range>& left) const;
  size_t add_node(size_t parent, PrefixNode node);
  void count_rows();

  int64_t min_saved_;
  std::vector<size_t> order_;  ///< the sequences in lexicographic order
  std::vector<PrefixNode> nodes_;
};

/// Neighbours that begin with the same tokens, at least `min_tokens` of them.
struct PrefixRun {
  size_t first = 0, last = 0;  ///< sequences [first, last)
  size_t num_shared = 0;       ///< tokens that all of them begin with; 0 where there is one
};

/// Cuts sequences, in their order, into runs. What is shared leaves each sequence one token.
std::vector<PrefixRun> prefix_runs(PrefixTree::Sequences sequences, size_t min_tokens);

}  // namespace hylo::models
