// The half of the engine that scores: jobs as a tree of prefixes, walked with forks.
#include <ATen/ops/empty.h>
#include <ATen/ops/index_select.h>
#include <c10/core/InferenceMode.h>

#include <algorithm>
#include <deque>
#include <utility>

#include "harness/base/error.h"
#include "kernels/ops/log_likelihood.h"
#include "models/cache/predicted.h"
#include "models/engine/call_plan.h"
#include "models/engine/engine.h"

namespace hylo::models {
namespace {

/// Elements of one piece of logits: 128 MiB of float32.
constexpr int64_t max_logits = int64_t{1} << 25;

/// A node of the tree of prefixes costs a fork for each that passes through it; fewer rows than
/// these are sooner computed again.
constexpr int64_t min_saved_rows = 8;

/// How many branches, each with recurrent states of its own, may be held at once.
int64_t max_branches(const Decoder& decoder, int64_t max_state_bytes) {
  const auto element_bytes = static_cast<int64_t>(c10::elementSize(decoder.type()));
  const int64_t states =
      predicted_bytes(decoder.config(), {.tokens = 1, .element_bytes = element_bytes}).states;
  return states == 0 ? INT64_MAX : std::max<int64_t>(1, max_state_bytes / states);
}

/// A tree has at most twice as many nodes as leaves.
int64_t most_branches(const PrefixNode& node) {
  return 2 * static_cast<int64_t>(node.last - node.first);
}

/// All tokens but the last, which is only predicted.
std::span<const int32_t> input_of(const ScoreJob& job) {
  return std::span(job.tokens).first(job.tokens.size() - 1);
}

/// Rows whose logits are held at once: a multiple of a group, so that no group is padded twice.
int64_t rows_of_a_piece(int64_t vocabulary_size) {
  constexpr int64_t group = kernels::rows_of_a_group;
  return std::max(group, max_logits / vocabulary_size / group * group);
}

at::Tensor indices(std::span<const int64_t> rows) {
  auto index = at::empty({static_cast<int64_t>(rows.size())}, at::TensorOptions().dtype(at::kLong));
  std::ranges::copy(rows, index.mutable_data_ptr<int64_t>());
  return index;
}

}  // namespace

/// A log-probability that is wanted after one row of a feed.
struct Engine::Wanted {
  int64_t row;
  int32_t token;
  size_t job;
};

/// Feeds, and for each what is wanted on the way, by ascending rows.
struct Engine::ScoreWork {
  std::vector<Feed> feeds;
  std::vector<std::vector<Wanted>> wanted;
};

/// The rows of one call whose logits are wanted, each once, and what is wanted of them.
struct Engine::WantedRows {
  std::vector<int64_t> rows;
  std::vector<kernels::Target> targets;  ///< row: index into rows
  std::vector<size_t> jobs;              ///< of each target
};

/// Jobs that are scored in one call of score(), and where their scores go.
struct Engine::ScoreCall {
  std::span<const ScoreJob> jobs;
  std::span<SequenceScore> scores;
  const PrefixTree& tree;

  /// What the jobs below a node want to know while its tokens are fed, by ascending rows.
  [[nodiscard]] std::vector<Wanted> wanted_in(const PrefixNode& node) const {
    std::vector<Wanted> wanted;
    for (const size_t job : tree.sequences_of(node)) {
      const auto& tokens = jobs[job].tokens;
      const size_t first = tokens.size() - 1 - static_cast<size_t>(jobs[job].num_scored);
      for (size_t p = std::max(node.begin, first); p < node.end; ++p) {
        wanted.push_back({static_cast<int64_t>(p - node.begin), tokens[p + 1], job});
      }
    }
    std::ranges::stable_sort(wanted, {}, &Wanted::row);
    return wanted;
  }
  [[nodiscard]] std::span<const int32_t> tokens_of(const PrefixNode& node) const {
    const auto& tokens = jobs[tree.sequences_of(node).front()].tokens;
    return std::span(tokens).subspan(node.begin, node.end - node.begin);
  }
};

PrefixTree Engine::tree_of(std::span<const ScoreJob> jobs) const {
  std::vector<std::span<const int32_t>> inputs;
  inputs.reserve(jobs.size());
  for (const auto& job : jobs) inputs.push_back(input_of(job));
  return {inputs, shares_prefixes() ? min_saved_rows : PrefixTree::share_nothing};
}

std::vector<int64_t> Engine::rows_added(std::span<const ScoreJob> jobs) const {
  return tree_of(jobs).rows_added();
}

std::vector<SequenceScore> Engine::score(std::span<const ScoreJob> jobs) {
  const c10::InferenceMode no_gradients;
  for (const auto& job : jobs) {
    require(
        job.num_scored >= 1 && job.num_scored < static_cast<int64_t>(job.tokens.size()),
        "engine: {} of {} tokens are to be scored; at least one must be, and one must come before",
        job.num_scored, job.tokens.size());
  }
  std::vector<SequenceScore> scores(jobs.size());
  for (size_t i = 0; i < jobs.size(); ++i) {
    if (jobs[i].keep_each) scores[i].of_each.emplace();
  }
  const auto tree = tree_of(jobs);
  score_below({jobs, scores, tree}, tree.root(), nullptr);
  return scores;
}

/// Scores what hangs below a node, whose tokens `remembered` holds (nullptr: none). Small branches
/// go together; a large one is fed by itself and then taken apart.
void Engine::score_below(const ScoreCall& call, const PrefixNode& node,
                         const SequenceCache* remembered) {
  const int64_t most = max_branches(decoder_, options_.max_state_bytes);
  std::vector<size_t> wave;
  int64_t rows = 0, branches = 0;
  const auto score_those = [&] {
    score_wave(call, wave, remembered);
    wave.clear();
    rows = branches = 0;
  };
  for (const size_t index : node.children) {
    const auto& child = call.tree.node(index);
    const bool is_leaf = child.children.empty();
    if (child.num_rows > options_.max_rows || (!is_leaf && most_branches(child) > most)) {
      auto cache = remembered ? remembered->fork() : cache_.new_sequence();
      run({.feeds = {{&cache, call.tokens_of(child)}}, .wanted = {call.wanted_in(child)}},
          call.scores);
      score_below(call, child, &cache);
      continue;
    }
    const int64_t own_branches = is_leaf ? 1 : most_branches(child);
    if (rows + child.num_rows > options_.max_rows || branches + own_branches > most) score_those();
    wave.push_back(index);
    rows += child.num_rows;
    branches += own_branches;
  }
  score_those();
}

/// Branches of the tree together, level by level.
void Engine::score_wave(const ScoreCall& call, std::span<const size_t> nodes,
                        const SequenceCache* remembered) {
  struct Branch {
    size_t node;
    const SequenceCache* parent;
  };
  std::vector<Branch> level;
  for (const size_t node : nodes) level.push_back({node, remembered});
  std::deque<SequenceCache> caches;  // of which addresses are kept
  while (!level.empty()) {
    ScoreWork work;
    std::vector<Branch> next;
    for (const auto& [index, parent] : level) {
      const auto& node = call.tree.node(index);
      auto& cache = caches.emplace_back(parent ? parent->fork() : cache_.new_sequence());
      work.feeds.push_back({&cache, call.tokens_of(node)});
      work.wanted.push_back(call.wanted_in(node));
      for (const size_t child : node.children) next.push_back({child, &cache});
    }
    run(work, call.scores);
    level = std::move(next);
  }
}

/// Feeds all tokens and adds the wanted log-probabilities up.
void Engine::run(const ScoreWork& work, std::span<SequenceScore> scores) {
  feed_all(work.feeds, [&](const Call& call, const at::Tensor& normed_ND) {
    add_scores(normed_ND, wanted_rows(call, work), scores);
  });
}

Engine::WantedRows Engine::wanted_rows(const Call& call, const ScoreWork& work) {
  WantedRows found;
  for (const auto& part : call.parts) {
    const auto& wanted = work.wanted[part.feed];
    for (auto w = std::ranges::lower_bound(wanted, part.begin, {}, &Wanted::row);
         w != wanted.end() && w->row < part.begin + part.num_rows; ++w) {
      const int64_t row = part.first_row + w->row - part.begin;
      if (found.rows.empty() || found.rows.back() != row) found.rows.push_back(row);
      found.targets.push_back({static_cast<int64_t>(found.rows.size()) - 1, w->token});
      found.jobs.push_back(w->job);
    }
  }
  return found;
}

/// Logits of a few rows at a time, so that a wide vocabulary does not fill the memory.
void Engine::add_scores(const at::Tensor& normed_ND, const WantedRows& wanted,
                        std::span<SequenceScore> scores) {
  const auto num_rows = static_cast<int64_t>(wanted.rows.size());
  const int64_t piece = rows_of_a_piece(decoder_.config().vocabulary_size);
  size_t first = 0;  // target of the piece
  for (int64_t begin = 0; begin < num_rows; begin += piece) {
    const int64_t n = std::min(piece, num_rows - begin);
    const auto index = indices(std::span(wanted.rows).subspan(begin, n));
    const auto logits_MW = decoder_.logits(at::index_select(normed_ND, 0, index), row_groups());
    std::vector<kernels::Target> targets;
    for (size_t i = first; i < wanted.targets.size() && wanted.targets[i].row < begin + n; ++i) {
      targets.push_back({wanted.targets[i].row - begin, wanted.targets[i].token});
    }
    for (const auto& [log_prob, is_greedy] : kernels::log_likelihoods(logits_MW, targets)) {
      auto& score = scores[wanted.jobs[first++]];
      score.log_likelihood += log_prob;
      score.is_greedy = score.is_greedy && is_greedy;
      if (score.of_each) score.of_each->push_back(log_prob);
    }
  }
}

}  // namespace hylo::models
