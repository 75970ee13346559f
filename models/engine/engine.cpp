#include "models/engine/engine.h"

#include <ATen/Parallel.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/index_select.h>
#include <c10/core/InferenceMode.h>

#include <algorithm>
#include <deque>
#include <memory>
#include <optional>

#include "harness/base/error.h"
#include "kernels/ops/log_likelihood.h"

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

CacheOptions cache_options(const Decoder& decoder, const EngineOptions& options) {
  // Room for a wave of many short sequences, each with a page that is hardly used, and for some of
  // the longest that the model takes. Only address space until it is used.
  const int64_t long_ones = 8 * std::max<int64_t>(decoder.config().max_positions, 4096);
  const int64_t short_ones = 64 * (options.max_rows + options.max_sequences);
  return {
      .type = decoder.type(), .page_tokens = 64, .max_tokens = 4 * std::max(long_ones, short_ones)};
}

}  // namespace

/// Tokens that a sequence is to be fed, and the log-probabilities that are wanted on the way.
struct Engine::Feed {
  struct Wanted {
    int64_t row;  ///< of this feed
    int32_t token;
    size_t job;
  };
  SequenceCache* cache;
  std::span<const int32_t> tokens;
  std::vector<Wanted> wanted;  ///< ascending rows
  int64_t num_fed = 0;
};

struct Engine::Active {
  size_t index;
  std::unique_ptr<SequenceCache> cache;
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

void Engine::score_wave(std::span<const ScoreJob> jobs, std::span<SequenceScore> scores) {
  // First what the jobs of a group share, then what each adds to it.
  std::vector<std::unique_ptr<SequenceCache>> caches;
  std::vector<Feed> shared_feeds, own_feeds;
  struct Branch {
    size_t job, parent, prefix;
  };
  std::vector<Branch> branches;
  const auto want = [&](Feed& feed, size_t job, size_t begin, size_t end) {
    const auto& tokens = jobs[job].tokens;
    for (size_t p = std::max(begin, tokens.size() - 1 - jobs[job].num_scored); p < end; ++p) {
      feed.wanted.push_back({static_cast<int64_t>(p - begin), tokens[p + 1], job});
    }
  };
  for (size_t begin = 0; begin < jobs.size();) {
    const size_t end = shares_prefixes() ? end_of_group(jobs, begin) : begin + 1;
    const size_t prefix = common_prefix(jobs.subspan(begin, end - begin));
    caches.push_back(std::make_unique<SequenceCache>(cache_.new_sequence()));
    Feed feed{.cache = caches.back().get(),
              .tokens = std::span(jobs[begin].tokens).first(prefix),
              .wanted = {}};
    for (size_t job = begin; job < end; ++job) {
      want(feed, job, 0, prefix);
      if (prefix < jobs[job].tokens.size() - 1)
        branches.push_back({job, caches.size() - 1, prefix});
    }
    std::ranges::stable_sort(feed.wanted, {}, &Feed::Wanted::row);
    if (prefix > 0) shared_feeds.push_back(std::move(feed));
    begin = end;
  }
  run(shared_feeds, scores);
  for (const auto& [job, parent, prefix] : branches) {
    caches.push_back(std::make_unique<SequenceCache>(caches[parent]->fork()));
    const auto& tokens = jobs[job].tokens;
    Feed feed{.cache = caches.back().get(),
              .tokens = std::span(tokens).subspan(prefix, tokens.size() - 1 - prefix),
              .wanted = {}};
    want(feed, job, prefix, tokens.size() - 1);
    own_feeds.push_back(std::move(feed));
  }
  run(own_feeds, scores);
}

/// Feeds all tokens in calls of at most max_rows rows and adds the wanted log-probabilities up.
void Engine::run(std::vector<Feed>& feeds, std::span<SequenceScore> scores) {
  const bool whole = depends_on_call_length(decoder_.config());
  for (size_t first = 0; first < feeds.size();) {
    Batch batch;
    std::vector<int32_t> tokens;
    std::vector<int64_t> rows;  // that are wanted, each once
    std::vector<kernels::Target> targets;
    std::vector<size_t> target_jobs;
    for (size_t i = first; i < feeds.size(); ++i) {
      auto& feed = feeds[i];
      const auto used = static_cast<int64_t>(tokens.size());
      const auto left = static_cast<int64_t>(feed.tokens.size()) - feed.num_fed;
      const int64_t n = whole ? left : std::min(left, options_.max_rows - used);
      if (n <= 0 || (whole && used > 0)) break;
      const auto part = feed.tokens.subspan(feed.num_fed, n);
      tokens.insert(tokens.end(), part.begin(), part.end());
      batch.sequences.push_back({feed.cache, n});
      for (const auto& wanted : feed.wanted) {
        if (wanted.row < feed.num_fed || wanted.row >= feed.num_fed + n) continue;
        const int64_t row = used + wanted.row - feed.num_fed;
        if (rows.empty() || rows.back() != row) rows.push_back(row);
        targets.push_back({static_cast<int64_t>(rows.size()) - 1, wanted.token});
        target_jobs.push_back(wanted.job);
      }
      feed.num_fed += n;
    }
    const auto normed_ND =
        decoder_.forward(tokens, batch, {.groups = row_groups(), .rotary = options_.rotary})
            .normed_ND;
    const int64_t piece = std::max<int64_t>(
        kernels::rows_of_a_group, max_logits / decoder_.config().vocabulary_size /
                                      kernels::rows_of_a_group * kernels::rows_of_a_group);
    size_t target = 0;
    for (int64_t begin = 0; begin < static_cast<int64_t>(rows.size()); begin += piece) {
      const int64_t n = std::min<int64_t>(piece, static_cast<int64_t>(rows.size()) - begin);
      auto index = at::empty({n}, at::TensorOptions().dtype(at::kLong));
      std::copy_n(rows.begin() + begin, n, index.mutable_data_ptr<int64_t>());
      const auto logits_MW = decoder_.logits(at::index_select(normed_ND, 0, index), row_groups());
      std::vector<kernels::Target> in_piece;
      const size_t first_target = target;
      for (; target < targets.size() && targets[target].row < begin + n; ++target) {
        in_piece.push_back({targets[target].row - begin, targets[target].token});
      }
      const auto found = kernels::log_likelihoods(logits_MW, in_piece);
      for (size_t i = 0; i < found.size(); ++i) {
        auto& score = scores[target_jobs[first_target + i]];
        score.log_likelihood += found[i].log_prob;
        score.is_greedy = score.is_greedy && found[i].is_greedy;
      }
    }
    while (first < feeds.size() &&
           feeds[first].num_fed == static_cast<int64_t>(feeds[first].tokens.size())) {
      ++first;
    }
  }
}

/// Feeds all tokens and returns the logits after the last of each feed, [feeds, W] in float32.
at::Tensor Engine::last_logits(std::vector<Feed>& feeds) {
  const bool whole = depends_on_call_length(decoder_.config());
  std::vector<at::Tensor> last_rows;
  for (size_t first = 0; first < feeds.size();) {
    Batch batch;
    std::vector<int32_t> tokens;
    std::vector<int64_t> ends;
    for (size_t i = first; i < feeds.size(); ++i) {
      auto& feed = feeds[i];
      const auto used = static_cast<int64_t>(tokens.size());
      const auto left = static_cast<int64_t>(feed.tokens.size()) - feed.num_fed;
      const int64_t n = whole ? left : std::min(left, options_.max_rows - used);
      if (n <= 0 || (whole && used > 0)) break;
      const auto part = feed.tokens.subspan(feed.num_fed, n);
      tokens.insert(tokens.end(), part.begin(), part.end());
      batch.sequences.push_back({feed.cache, n});
      feed.num_fed += n;
      if (n == left) ends.push_back(static_cast<int64_t>(tokens.size()) - 1);
    }
    const auto normed_ND =
        decoder_.forward(tokens, batch, {.groups = row_groups(), .rotary = options_.rotary})
            .normed_ND;
    for (const int64_t row : ends) last_rows.push_back(normed_ND.narrow(0, row, 1));
    first += ends.size();
  }
  return decoder_.logits(at::cat(last_rows), row_groups()).to(at::kFloat);
}

void Engine::generate(std::span<const GenerateJob> jobs,
                      const std::function<void(size_t, Generated)>& on_done) {
  const c10::InferenceMode no_gradients;
  for (const auto& job : jobs) {
    require(!job.prompt.empty(), "engine: a prompt without tokens");
    check(job.sampling);
  }
  std::deque<size_t> waiting;
  for (size_t i = 0; i < jobs.size(); ++i) {
    if (jobs[i].max_new_tokens > 0) {
      waiting.push_back(i);
    } else {
      on_done(i, {});
    }
  }
  std::vector<Active> active;
  const auto take = [&](Active& sequence, std::span<const float> logits) {
    const auto& job = jobs[sequence.index];
    const int32_t token = choose_token(logits, sequence.tokens, job.sampling, sequence.random);
    sequence.tokens.push_back(token);
    sequence.out.tokens.push_back(token);
    if (std::ranges::find(job.end_tokens, token) != job.end_tokens.end()) {
      sequence.out.reason = EndReason::EndToken;
      return true;
    }
    if (job.is_finished && job.is_finished(sequence.out.tokens)) {
      sequence.out.reason = EndReason::Finished;
      return true;
    }
    return static_cast<int64_t>(sequence.out.tokens.size()) >= job.max_new_tokens;
  };
  while (!active.empty() || !waiting.empty()) {
    // Those that run feed their newest token, newcomers their whole prompt.
    const auto room = static_cast<size_t>(options_.max_sequences) - active.size();
    for (size_t i = 0; i < room && !waiting.empty(); ++i) {
      const size_t index = waiting.front();
      waiting.pop_front();
      active.push_back({index,
                        std::make_unique<SequenceCache>(cache_.new_sequence()),
                        jobs[index].prompt,
                        {},
                        CounterRandom(jobs[index].seed)});
    }
    std::vector<Feed> feeds;
    for (auto& sequence : active) {
      const auto remembered = static_cast<size_t>(sequence.cache->num_tokens());
      feeds.push_back({.cache = sequence.cache.get(),
                       .tokens = std::span(sequence.tokens).subspan(remembered),
                       .wanted = {}});
    }
    const auto logits_AW = last_logits(feeds).contiguous();
    const auto* logits = logits_AW.const_data_ptr<float>();
    const auto width = static_cast<size_t>(logits_AW.size(1));
    std::vector<Active> still_active;
    for (size_t i = 0; i < active.size(); ++i) {
      if (take(active[i], {logits + i * width, width})) {
        on_done(active[i].index, std::move(active[i].out));
      } else {
        still_active.push_back(std::move(active[i]));
      }
    }
    active = std::move(still_active);
  }
}

}  // namespace hylo::models
