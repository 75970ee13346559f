#include "models/engine/call_plan.h"

#include <algorithm>

#include "harness/base/error.h"

namespace hylo::models {

CallPlan::CallPlan(std::span<const Feed> feeds, const CallLimits& limits)
    : feeds_(feeds), limits_(limits) {
  invariant(limits.max_rows > 0, "calls of {} rows", limits.max_rows);
  for (const auto& feed : feeds) invariant(!feed.tokens.empty(), "a feed without tokens");
}

/// How many of the `num_left` tokens of a feed fit behind `num_used` rows.
int64_t CallPlan::rows_for(int64_t num_left, int64_t num_used) const {
  if (limits_.one_whole_feed) return num_used == 0 ? num_left : 0;
  return std::min(num_left, limits_.max_rows - num_used);
}

std::optional<Call> CallPlan::next() {
  Call call;
  while (feed_ < feeds_.size()) {
    const auto& feed = feeds_[feed_];
    const auto used = static_cast<int64_t>(call.tokens.size());
    const auto left = static_cast<int64_t>(feed.tokens.size()) - num_fed_;
    const int64_t rows = rows_for(left, used);
    if (rows == 0) break;
    const auto part = feed.tokens.subspan(num_fed_, rows);
    call.tokens.insert(call.tokens.end(), part.begin(), part.end());
    call.batch.sequences.push_back({feed.cache, rows});
    call.parts.push_back({.feed = feed_,
                          .begin = num_fed_,
                          .num_rows = rows,
                          .first_row = used,
                          .is_last = rows == left});
    num_fed_ += rows;
    if (rows < left) break;
    ++feed_;
    num_fed_ = 0;
  }
  if (call.parts.empty()) return std::nullopt;
  return call;
}

}  // namespace hylo::models
