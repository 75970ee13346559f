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

/// Length of what all inputs begin with. The input of a job is all but its last token.
size_t common_prefix(std::span<const ScoreJob> jobs) {
  size_t length = jobs.front().tokens.size() - 1;
  for (const auto& job : jobs.subspan(1)) {
    const auto& first = jobs.front().tokens;
    const auto limit = static_cast<int64_t>(std::min(length, job.tokens.size() - 1));
    length = static_cast<size_t>(
        std::mismatch(first.begin(), first.begin() + limit, job.tokens.begin()).first -
        first.begin());
  }
  return length;
}

/// The jobs from `begin` on that carry one group number.
size_t end_of_group(std::span<const ScoreJob> jobs, size_t begin) {
  size_t end = begin + 1;
  while (end < jobs.size() && jobs[end].group == jobs[begin].group) ++end;
  return end;
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

ScoreCost Engine::cost(std::span<const ScoreJob> jobs) const {
  ScoreCost cost;
  for (size_t begin = 0; begin < jobs.size();) {
    const size_t end = end_of_group(jobs, begin);
    const auto shared = static_cast<int64_t>(common_prefix(jobs.subspan(begin, end - begin)));
    for (size_t i = begin; i < end; ++i) {
      const auto rows = static_cast<int64_t>(jobs[i].tokens.size()) - 1;
      cost.rows_unshared += rows;
      cost.rows += shares_prefixes() && i > begin ? rows - shared : rows;
    }
    begin = end;
  }
  return cost;
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
  for (size_t begin = 0; begin < jobs.size();) {
    size_t end = end_of_group(jobs, begin);
    int64_t rows = cost(jobs.subspan(begin, end - begin)).rows;
    while (end < jobs.size()) {
      const size_t next = end_of_group(jobs, end);
      rows += cost(jobs.subspan(end, next - end)).rows;
      if (rows > options_.max_rows) break;
      end = next;
    }
    score_wave(jobs.subspan(begin, end - begin), std::span(scores).subspan(begin, end - begin));
    begin = end;
  }
  return scores;
}

std::vector<Engine::Wanted> Engine::wanted_between(std::span<const ScoreJob> jobs, size_t job,
                                                   size_t begin, size_t end) {
  const auto& tokens = jobs[job].tokens;
  std::vector<Wanted> wanted;
  for (size_t p = std::max(begin, tokens.size() - 1 - jobs[job].num_scored); p < end; ++p) {
    wanted.push_back({static_cast<int64_t>(p - begin), tokens[p + 1], job});
  }
  return wanted;
}

void Engine::score_wave(std::span<const ScoreJob> jobs, std::span<SequenceScore> scores) {
  struct Branch {
    size_t job;
    const SequenceCache* parent;
    size_t prefix;
  };
  std::deque<SequenceCache> caches;  // of which addresses are kept
  std::vector<Branch> branches;
  // First what the jobs of a group share, then what each adds to it.
  ScoreWork shared;
  for (size_t begin = 0; begin < jobs.size();) {
    const size_t end = shares_prefixes() ? end_of_group(jobs, begin) : begin + 1;
    const size_t prefix = common_prefix(jobs.subspan(begin, end - begin));
    auto& cache = caches.emplace_back(cache_.new_sequence());
    std::vector<Wanted> wanted;
    for (size_t job = begin; job < end; ++job) {
      const auto of_job = wanted_between(jobs, job, 0, prefix);
      wanted.insert(wanted.end(), of_job.begin(), of_job.end());
      if (prefix < jobs[job].tokens.size() - 1) branches.push_back({job, &cache, prefix});
    }
    std::ranges::stable_sort(wanted, {}, &Wanted::row);
    if (prefix > 0) {
      shared.feeds.push_back({&cache, std::span(jobs[begin].tokens).first(prefix)});
      shared.wanted.push_back(std::move(wanted));
    }
    begin = end;
  }
  run(shared, scores);

  ScoreWork own;
  for (const auto& [job, parent, prefix] : branches) {
    auto& cache = caches.emplace_back(parent->fork());
    const size_t end = jobs[job].tokens.size() - 1;
    own.feeds.push_back({&cache, std::span(jobs[job].tokens).subspan(prefix, end - prefix)});
    own.wanted.push_back(wanted_between(jobs, job, prefix, end));
  }
  run(own, scores);
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
      if (score.of_each) score.of_each->push_back(log_prob);
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

void Engine::generate(std::span<const GenerateJob> jobs,
                      const std::function<void(size_t, Generated)>& on_done) {
  const c10::InferenceMode no_gradients;
  for (const auto& job : jobs) {
    require(!job.prompt.empty(), "engine: a prompt without tokens");
    check(job.sampling);
  }
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
          {index, cache_.new_sequence(), jobs[index].prompt, {}, CounterRandom(jobs[index].seed)});
    }
    if (!active.empty()) step(jobs, active, on_done);
  }
}

}  // namespace hylo::models
