#include "models/engine/engine.h"

#include <ATen/Parallel.h>
#include <ATen/ops/cat.h>
#include <c10/core/InferenceMode.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "harness/base/error.h"
#include "models/engine/call_plan.h"

namespace hylo::models {
namespace {

/// Shorter beginnings of prompts are not worth a call of their own.
constexpr size_t min_shared_prompt = 32;

CacheOptions cache_options(const Decoder& decoder, const EngineOptions& options) {
  // Room for a wave of many short sequences, each with a page that is hardly used, and for some of
  // the longest that the model takes. Only address space until it is used.
  const int64_t long_ones = 8 * std::max<int64_t>(decoder.config().max_positions, 4096);
  const int64_t short_ones = 64 * (options.max_rows + options.max_sequences);
  return {
      .type = decoder.type(), .page_tokens = 64, .max_tokens = 4 * std::max(long_ones, short_ones)};
}

}  // namespace

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
