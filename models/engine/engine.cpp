#include "models/engine/engine.h"

#include <ATen/Parallel.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/index_select.h>
#include <c10/core/InferenceMode.h>

#include <algorithm>
#include <deque>
#include <optional>
#include <utility>

#include "harness/base/error.h"
#include "kernels/ops/log_likelihood.h"
#include "models/engine/call_plan.h"

namespace hylo::models {
namespace {

/// Elements of one piece of logits: 128 MiB of float32.
constexpr int64_t max_logits = int64_t{1} << 25;

/// A node of the tree of prefixes costs a fork for each that passes through it; fewer rows than
/// these are sooner computed again.
constexpr int64_t min_saved_rows = 8;
/// Shorter beginnings of prompts are not worth a call of their own.
constexpr size_t min_shared_prompt = 32;

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

CacheOptions cache_options(const Decoder& decoder, const EngineOptions& options) {
  // Room for a wave of many short sequences, each with a page that is hardly used, and for some of
  // the longest that the model takes. Only address space until it is used.
  const int64_t long_ones = 8 * std::max<int64_t>(decoder.config().max_positions, 4096);
  const int64_t short_ones = 64 * (options.max_rows + options.max_sequences);
  return {
      .type = decoder.type(), .page_tokens = 64, .max_tokens = 4 * std::max(long_ones, short_ones)};
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

struct Engine::Active {
  size_t index;
  SequenceCache cache;
  std::vector<int32_t> tokens;  ///< prompt and generated
  Generated out;
  CounterRandom random;
};

Engine::Engine(const Decoder& decoder, const EngineOptions& options)
    : decoder_(decoder),
      options_(options),
      cache_(decoder.config(), cache_options(decoder, options)) {
  require(options.max_rows > 0 && options.max_sequences > 0,
          "engine: max_rows {} and max_sequences {} must be above 0", options.max_rows,
          options.max_sequences);
}

bool Engine::shares_prefixes() const {
  return options_.share_prefixes && !depends_on_call_length(decoder_.config());
}

int Engine::num_threads() { return at::get_num_threads(); }

void Engine::set_num_threads(int threads) { at::set_num_threads(threads); }

kernels::RowGroups Engine::row_groups() const {
  return options_.mode == NumericMode::Exact ? kernels::RowGroups::Fixed : kernels::RowGroups::Free;
}

/// Jobs that are scored in one call of score(), and where their scores go.
struct Engine::ScoreCall {
  std::span<const ScoreJob> jobs;
  std::span<SequenceScore> scores;
  const PrefixTree& tree;

  /// What the jobs below a node want to know while its tokens are fed, by ascending rows.
  [[nodiscard]] std::vector<Wanted> wanted_in(const PrefixNode& node) const {
    std::vector<Wanted> wanted;
    for (const size_t job : tree.sequences_of(node)) {
      const auto& [tokens, num_scored] = jobs[job];
      const size_t first = tokens.size() - 1 - static_cast<size_t>(num_scored);
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

std::vector<PrefixRun> Engine::runs_of(PrefixTree::Sequences prompts) const {
  return prefix_runs(prompts, shares_prefixes() ? min_shared_prompt : SIZE_MAX);
}

std::vector<int64_t> Engine::prompt_rows_added(PrefixTree::Sequences prompts) const {
  std::vector<int64_t> rows;
  for (const auto& run : runs_of(prompts)) {
    for (size_t i = run.first; i < run.last; ++i) {
      const size_t shared = i > run.first ? run.num_shared : 0;
      rows.push_back(static_cast<int64_t>(prompts[i].size() - shared));
    }
  }
  return rows;
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
  const auto tree = tree_of(jobs);
  score_below({jobs, scores, tree}, tree.root(), nullptr);
  return scores;
}

/// Scores what hangs below a node, whose tokens `remembered` holds (nullptr: none). Small branches
/// go together; a large one is fed by itself and then taken apart.
void Engine::score_below(const ScoreCall& call, const PrefixNode& node,
                         const SequenceCache* remembered) {
  std::vector<size_t> wave;
  int64_t rows = 0;
  const auto score_those = [&] {
    score_wave(call, wave, remembered);
    wave.clear();
    rows = 0;
  };
  for (const size_t index : node.children) {
    const auto& child = call.tree.node(index);
    if (child.num_rows > options_.max_rows) {
      auto cache = remembered ? remembered->fork() : cache_.new_sequence();
      run({.feeds = {{&cache, call.tokens_of(child)}}, .wanted = {call.wanted_in(child)}},
          call.scores);
      score_below(call, child, &cache);
      continue;
    }
    if (rows + child.num_rows > options_.max_rows) score_those();
    wave.push_back(index);
    rows += child.num_rows;
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

/// Feeds all tokens and shows every call with its rows after the final norm.
void Engine::feed_all(std::span<const Feed> feeds,
                      const std::function<void(const Call&, const at::Tensor&)>& on_call) {
  CallPlan plan(feeds, {.max_rows = options_.max_rows,
                        .one_whole_feed = depends_on_call_length(decoder_.config())});
  while (const auto call = plan.next()) {
    const ForwardOptions how{.groups = row_groups(), .rotary = options_.rotary};
    on_call(*call, decoder_.forward(call->tokens, call->batch, how).normed_ND);
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
    }
  }
}

/// Feeds all tokens and returns the logits after the last of each feed, [feeds, W] in float32.
at::Tensor Engine::last_logits(std::span<const Feed> feeds) {
  std::vector<at::Tensor> last_rows;
  feed_all(feeds, [&](const Call& call, const at::Tensor& normed_ND) {
    for (const auto& part : call.parts) {
      if (!part.is_last) continue;
      // A copy: a view would keep all rows of the call alive until the last prompt is fed.
      last_rows.push_back(normed_ND.narrow(0, part.first_row + part.num_rows - 1, 1).clone());
    }
  });
  return decoder_.logits(at::cat(last_rows), row_groups()).to(at::kFloat).contiguous();
}

/// Chooses the next token; why the sequence ends with it, if it does.
std::optional<EndReason> Engine::take_token(const GenerateJob& job, Active& sequence,
                                            std::span<const float> logits_W) {
  const int32_t token = choose_token(logits_W, sequence.tokens, job.sampling, sequence.random);
  sequence.tokens.push_back(token);
  sequence.out.tokens.push_back(token);
  if (std::ranges::find(job.end_tokens, token) != job.end_tokens.end()) return EndReason::EndToken;
  if (job.is_finished && job.is_finished(sequence.out.tokens)) return EndReason::Finished;
  if (static_cast<int64_t>(sequence.out.tokens.size()) >= job.max_new_tokens) {
    return EndReason::Length;
  }
  return std::nullopt;
}

/// One token more for each. Those that run feed their newest token, newcomers their whole prompt.
void Engine::step(std::span<const GenerateJob> jobs, std::vector<Active>& active,
                  const std::function<void(size_t, Generated)>& on_done) {
  std::vector<Feed> feeds;
  for (auto& sequence : active) {
    feeds.push_back(
        {&sequence.cache,
         std::span(std::as_const(sequence.tokens)).subspan(sequence.cache.num_tokens())});
  }
  const auto logits_AW = last_logits(feeds);
  const auto width = static_cast<size_t>(logits_AW.size(1));
  const std::span all(logits_AW.const_data_ptr<float>(), active.size() * width);
  std::vector<Active> still_active;
  for (size_t i = 0; i < active.size(); ++i) {
    auto& sequence = active[i];
    const auto end = take_token(jobs[sequence.index], sequence, all.subspan(i * width, width));
    if (!end) {
      still_active.push_back(std::move(sequence));
      continue;
    }
    sequence.out.reason = *end;
    on_done(sequence.index, std::move(sequence.out));
  }
  active = std::move(still_active);
}

/// Hands every prompt the cache that it begins with, computed when the first of its run asks.
class Engine::PromptRuns {
 public:
  PromptRuns(Engine& engine, std::span<const GenerateJob> jobs) : engine_(engine), jobs_(jobs) {
    std::vector<std::span<const int32_t>> prompts;
    for (const auto& job : jobs) prompts.emplace_back(job.prompt);
    runs_ = engine.runs_of(prompts);
  }

  /// For the jobs in their order, each once.
  SequenceCache cache_for(size_t job) {
    while (runs_[run_].last <= job) {
      ++run_;
      shared_.reset();
    }
    const auto& run = runs_[run_];
    if (run.num_shared == 0) return engine_.cache_.new_sequence();
    if (!shared_) {
      shared_ = engine_.cache_.new_sequence();
      const Feed feed{&*shared_, std::span(jobs_[run.first].prompt).first(run.num_shared)};
      engine_.feed_all({&feed, 1}, [](const Call&, const at::Tensor&) {});
    }
    auto cache = shared_->fork();
    if (job + 1 == run.last) shared_.reset();
    return cache;
  }

 private:
  Engine& engine_;
  std::span<const GenerateJob> jobs_;
  std::vector<PrefixRun> runs_;
  size_t run_ = 0;
  std::optional<SequenceCache> shared_;
};

void Engine::generate(std::span<const GenerateJob> jobs,
                      const std::function<void(size_t, Generated)>& on_done) {
  const c10::InferenceMode no_gradients;
  for (const auto& job : jobs) {
    require(!job.prompt.empty(), "engine: a prompt without tokens");
    check(job.sampling);
  }
  PromptRuns runs(*this, jobs);
  std::vector<Active> active;
  size_t next = 0;
  while (next < jobs.size() || !active.empty()) {
    while (next < jobs.size() && static_cast<int64_t>(active.size()) < options_.max_sequences) {
      const size_t index = next++;
      if (jobs[index].max_new_tokens <= 0) {
        on_done(index, {});
        continue;
      }
      active.push_back(
          {index, runs.cache_for(index), jobs[index].prompt, {}, CounterRandom(jobs[index].seed)});
    }
    if (!active.empty()) step(jobs, active, on_done);
  }
}

}  // namespace hylo::models
