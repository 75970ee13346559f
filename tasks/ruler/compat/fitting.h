// The length search of the reference and its loop over samples.
// Source: NVIDIA/RULER c3f5e3b, scripts/data/synthetic/{niah, variable_tracking,
// common_words_extraction, qa}.py, which share one form of both.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "tasks/ruler/compat.h"
#include "tasks/ruler/compat/draft.h"
#include "tasks/ruler/compat/streams.h"

namespace hylo::tasks::ruler::compat {

/// What differs between the families.
struct Fitting {
  std::string task;       ///< for messages
  std::string_view unit;  ///< what a haystack is counted in, for messages
  int64_t length = 0;     ///< prompt and new tokens
  int64_t max_new_tokens = 0;
  int64_t step = 0;            ///< smallest size that is tried first, and what is taken away
  int64_t estimate_at = 0;     ///< size of the prompt that tokens per unit are estimated from
  int64_t example_tokens = 0;  ///< added to each probe
  bool is_estimated_in_whole_steps = false;  ///< cwe: twice the whole quotient, else three times it
  /// Of messages, where it can not be made.
  std::string_view what_to_do =
      "ask for a longer length; hylo data build --dry-run prints the smallest of each task";
};

/// Draws prompts until the largest size that fitted on the way is known. Throws Error where the
/// reference ends with an exception.
Fit search(const Fitting& fitting, const Draw& draw, const CountTokens& count);

/// What the loop over samples works with.
struct SampleLoop {
  const Fitting& fitting;
  Streams& streams;
  const Draw& draw;
  const CountTokens& count;
  int64_t max_redraws;
};

struct Fitted {
  Draft draft;
  int64_t tokens = 0;  ///< of its text
};

/// Makes a sample of `units`, smaller by one step as often as it does not fit. Throws Error where
/// the reference would never end: at once where no other draw can come, else after `max_redraws` of
/// the smallest size.
Fitted make_sample(const SampleLoop& loop, int64_t units, size_t sample);

}  // namespace hylo::tasks::ruler::compat
