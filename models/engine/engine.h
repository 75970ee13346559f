// Many sequences at once: prefill in chunks, shared prefixes, decode, sampling. Tokens in, numbers
// and tokens out; text is the business of its callers.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <vector>

#include "models/decoder/decoder.h"
#include "models/engine/call_plan.h"
#include "models/engine/numeric_mode.h"
#include "models/engine/prefix_tree.h"
#include "models/engine/sampling.h"

namespace hylo::models {

struct EngineOptions {
  NumericMode mode = NumericMode::Stable;
  RotaryPrecision rotary = RotaryPrecision::Exact;
  int64_t max_rows = 2048;     ///< rows of one forward call
  int64_t max_sequences = 64;  ///< that generate at once
  bool share_prefixes = true;  ///< compute once what sequences of one call begin with
  /// Recurrent states of the branches that score() computes side by side; one is always held.
  int64_t max_state_bytes = int64_t{2} << 30;
};

/// Log-probability of the last num_scored tokens, each after all that come before it.
struct ScoreJob {
  std::vector<int32_t> tokens;
  int64_t num_scored = 0;  ///< from 1 to tokens.size() - 1
  bool keep_each = false;  ///< each token's log-probability as well
};
struct SequenceScore {
  double log_likelihood = 0;  ///< float64 sum of natural logs; NaN when the model gives NaN
  bool is_greedy = true;      ///< every scored token is the arg max; first index wins
  std::optional<std::vector<double>> of_each =
      {};  ///< with keep_each: one per scored token, in order
};

struct GenerateJob {
  std::vector<int32_t> prompt;  ///< at least one token
  int64_t max_new_tokens = 0;
  SamplingOptions sampling;
  uint64_t seed = 0;
  std::vector<int32_t> end_tokens;
  /// Told all generated tokens after each; true ends the sequence.
  std::function<bool(std::span<const int32_t>)> is_finished;
};
enum class EndReason { EndToken, Finished, Length };
struct Generated {
  std::vector<int32_t> tokens;  ///< the end token included
  EndReason reason = EndReason::Length;
};

class Engine {
 public:
  /// `decoder` must outlive the engine.
  Engine(const Decoder& decoder, const EngineOptions& options);

  /// One score per job, in order. What several begin with is computed once, however deep it
  /// branches. Peak memory: the caches of one path of the tree of prefixes and of one wave of at
  /// most max_rows rows and max_state_bytes beside it (a longer sequence is a path of its own),
  /// plus the logits of the scored rows in pieces of at most 128 MiB.
  std::vector<SequenceScore> score(std::span<const ScoreJob> jobs);

  /// Calls on_done(index, Generated) for each job as it ends. Neighbours whose prompts begin alike
  /// compute that once.
  void generate(std::span<const GenerateJob> jobs,
                const std::function<void(size_t, Generated)>& on_done);

  /// Rows that each job adds to those before it when they are scored in one call; without sharing,
  /// tokens.size() - 1.
  [[nodiscard]] std::vector<int64_t> rows_added(std::span<const ScoreJob> jobs) const;
  /// The same for prompts that are generated from in one call.
  [[nodiscard]] std::vector<int64_t> prompt_rows_added(PrefixTree::Sequences prompts) const;
  [[nodiscard]] bool shares_prefixes() const;
  /// Threads that products and kernels run on; float32 products change bits with it.
  [[nodiscard]] static int num_threads();
  static void set_num_threads(int threads);
  [[nodiscard]] const EngineOptions& options() const { return options_; }
  [[nodiscard]] const Cache& cache() const { return cache_; }

 private:
  struct Wanted;
  struct ScoreWork;
  struct WantedRows;
  struct Active;
  struct ScoreCall;
  class PromptRuns;
  static WantedRows wanted_rows(const Call& call, const ScoreWork& work);
  static std::optional<EndReason> take_token(const GenerateJob& job, Active& sequence,
                                             std::span<const float> logits_W);
  [[nodiscard]] std::vector<PrefixRun> runs_of(PrefixTree::Sequences prompts) const;
  [[nodiscard]] PrefixTree tree_of(std::span<const ScoreJob> jobs) const;
  void score_below(const ScoreCall& call, const PrefixNode& node, const SequenceCache* remembered);
  void score_wave(const ScoreCall& call, std::span<const size_t> nodes,
                  const SequenceCache* remembered);
  void run(const ScoreWork& work, std::span<SequenceScore> scores);
  void add_scores(const at::Tensor& normed_ND, const WantedRows& wanted,
                  std::span<SequenceScore> scores);
  void step(std::span<const GenerateJob> jobs, std::vector<Active>& active,
            const std::function<void(size_t, Generated)>& on_done);
  at::Tensor last_logits(std::span<const Feed> feeds);
  void feed_all(std::span<const Feed> feeds,
                const std::function<void(const Call&, const at::Tensor&)>& on_call);
  kernels::RowGroups row_groups() const;

  const Decoder& decoder_;
  EngineOptions options_;
  Cache cache_;
};

}  // namespace hylo::models
