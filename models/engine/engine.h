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
#include "models/engine/sampling.h"

namespace hylo::models {

struct EngineOptions {
  NumericMode mode = NumericMode::Stable;
  RotaryPrecision rotary = RotaryPrecision::Exact;
  int64_t max_rows = 2048;     ///< rows of one forward call
  int64_t max_sequences = 64;  ///< that generate at once
  bool share_prefixes = true;  ///< compute what the sequences of a group begin with once
};

/// Log-probability of the last num_scored tokens, each after all that come before it.
struct ScoreJob {
  std::vector<int32_t> tokens;
  int64_t num_scored = 0;  ///< from 1 to tokens.size() - 1
  int64_t group = 0;       ///< neighbours with the same number may share what they begin with
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

/// Rows that scoring `jobs` computes, with prefixes shared as the options say, and without any
/// sharing.
struct ScoreCost {
  int64_t rows = 0, rows_unshared = 0;
};

class Engine {
 public:
  /// `decoder` must outlive the engine.
  Engine(const Decoder& decoder, const EngineOptions& options);

  /// One score per job, in order. Peak memory: the cache of one wave of about max_rows rows (a
  /// longer sequence is a wave of its own), plus the logits of the scored rows in pieces of at most
  /// 128 MiB.
  std::vector<SequenceScore> score(std::span<const ScoreJob> jobs);

  /// Calls on_done(index, Generated) for each job as it ends.
  void generate(std::span<const GenerateJob> jobs,
                const std::function<void(size_t, Generated)>& on_done);

  [[nodiscard]] ScoreCost cost(std::span<const ScoreJob> jobs) const;
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
  static std::vector<Wanted> wanted_between(std::span<const ScoreJob> jobs, size_t job,
                                            size_t begin, size_t end);
  static WantedRows wanted_rows(const Call& call, const ScoreWork& work);
  static std::optional<EndReason> take_token(const GenerateJob& job, Active& sequence,
                                             std::span<const float> logits_W);
  void score_wave(std::span<const ScoreJob> jobs, std::span<SequenceScore> scores);
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
