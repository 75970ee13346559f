// What sample sets of RULER are built with: a tokenizer, texts, and what is known of lengths.
#pragma once

#include <algorithm>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>

#include "harness/base/error.h"
#include "harness/cli/build_outcome.h"
#include "models/tokenizer/tokenizer.h"
#include "tasks/ruler/compat.h"
#include "tasks/ruler/sample.h"
#include "tasks/ruler/sources.h"

namespace hylo::cli {

struct BuildOptions {
  std::string suite, mode = "strict", tasks = "all", tokenizer, lengths, out;
  int64_t num_samples = 500;
  uint64_t seed = 42;
  std::string essays, squad, hotpotqa, words, more_words;
  int64_t num_threads = std::max(1U, std::thread::hardware_concurrency());
  bool dry_run = false, json = false;
};

/// There is no such set with this tokenizer and these sources; others may well be made.
class CannotBeMade : public Error {
 public:
  using Error::Error;
};

/// Shared by all jobs; safe to use from several threads.
class Workshop {
 public:
  /// Throws Error for a tokenizer or sources that cannot be read or do not go together.
  explicit Workshop(const BuildOptions& options);

  [[nodiscard]] const BuildOptions& options() const { return options_; }
  [[nodiscard]] tasks::ruler::Mode mode() const { return mode_; }
  [[nodiscard]] const models::Tokenizer& tokenizer() const { return *tokenizer_; }
  [[nodiscard]] const tasks::ruler::Sources& sources() const { return sources_; }

  /// All samples of a job.
  [[nodiscard]] tasks::ruler::BuildRequest request_of(const BuildJob& job) const;

  /// Of a task with these texts, looked for once; nothing where no length will do.
  std::optional<int64_t> smallest_length(const tasks::ruler::RulerSpec& spec);

  /// The length that the very samples of a job take; nothing where that is not known. In the mode
  /// compat looked for once.
  std::optional<int64_t> length_needed(const BuildJob& job);

  /// Throws CannotBeMade where the generator refuses; what `on_sample` throws stays what it is. The
  /// trace is that of the mode compat.
  tasks::ruler::CompatTrace build_samples(const tasks::ruler::BuildRequest& request,
                                          const tasks::ruler::OnSample& on_sample) const;

  /// What a set would be, from its first samples, or from all of them where only that tells whether
  /// they fit. Throws CannotBeMade.
  void try_set(BuildOutcome& outcome);

 private:
  /// What is looked for once.
  struct Known {
    std::once_flag looked_for;
    std::optional<int64_t> length;
  };

  void try_compat(BuildOutcome& outcome) const;
  void try_strict(BuildOutcome& outcome) const;
  /// Tells the outcome what so many samples are like.
  tasks::ruler::CompatTrace try_samples(BuildOutcome& outcome, int64_t num_samples) const;

  BuildOptions options_;
  tasks::ruler::Mode mode_;
  std::unique_ptr<models::Tokenizer> tokenizer_;
  tasks::ruler::CountTokens count_;
  tasks::ruler::Sources sources_;
  std::map<std::string_view, Known> smallest_, needed_;  ///< of every task
};

}  // namespace hylo::cli
