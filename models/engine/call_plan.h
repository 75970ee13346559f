// How the tokens of many sequences are cut into forward calls.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "models/decoder/decoder.h"

namespace hylo::models {

/// Tokens that a sequence is to be fed, behind what it remembers.
struct Feed {
  SequenceCache* cache = nullptr;
  std::span<const int32_t> tokens;
};

struct CallLimits {
  int64_t max_rows = 0;
  bool one_whole_feed = false;  ///< a call is one feed, uncut, however long it is
};

/// What a call takes of one feed: its tokens [begin, begin + num_rows).
struct FedPart {
  size_t feed = 0;
  int64_t begin = 0, num_rows = 0;
  int64_t first_row = 0;  ///< of the part in the call
  bool is_last = false;   ///< the feed ends with it
};

struct Call {
  Batch batch;
  std::vector<int32_t> tokens;
  std::vector<FedPart> parts;  ///< in the order of the feeds
};

/// Fills one call after the other with the feeds in their order; only the last part of a call is
/// cut.
class CallPlan {
 public:
  /// `feeds` must outlive the plan; each has at least one token.
  CallPlan(std::span<const Feed> feeds, const CallLimits& limits);

  /// The next call; nothing when all tokens have been fed. Pages and positions are those that the
  /// sequences remember, so a call must have been made before the next is asked for.
  std::optional<Call> next();

 private:
  [[nodiscard]] int64_t rows_for(int64_t num_left, int64_t num_used) const;

  std::span<const Feed> feeds_;
  CallLimits limits_;
  size_t feed_ = 0;      ///< the first that is not wholly fed
  int64_t num_fed_ = 0;  ///< of that one
};

}  // namespace hylo::models
