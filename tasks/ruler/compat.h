// RULER as the reference generator makes it: the same text, drawn from the same random streams.
// Source: NVIDIA/RULER c3f5e3b, scripts/data/synthetic.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "tasks/ruler/sample.h"
#include "tasks/ruler/sources.h"

namespace hylo::tasks::ruler {

struct Probe {
  int64_t units = 0;
  int64_t tokens = 0;  ///< of the prompt and the new tokens
  bool operator==(const Probe&) const = default;
};
/// One search for the size of the haystack.
struct Fit {
  int64_t lower = 0, upper = 0, limit = 0;
  std::vector<Probe> probes;
  int64_t final_units = 0;
};
/// How a build went: two programs that agree here drew the same.
struct CompatTrace {
  std::vector<Fit> fits;   ///< vt: of the worked example, then of the samples
  double next_random = 0;  ///< what random.random() would give after the last draw
  int64_t next_numpy = 0;  ///< what np.random.randint(10000, 99999) would give
};

/// After so many redraws of a haystack of the smallest size a build is given up. The reference goes
/// on for ever there, or until chance brings a text that is short enough.
inline constexpr int64_t redraws_before_giving_up = 10'000;

/// Makes the samples in order. Throws Error where the reference would never end or ends with an
/// exception: a length too small for the task, more samples than questions, more words than are
/// given. Calls with the same arguments give the same samples; several may run at once.
CompatTrace build_compat(const BuildRequest& request, const Sources& sources,
                         const CountTokens& count, const OnSample& on_sample,
                         int64_t max_redraws = redraws_before_giving_up);

/// The smallest length at which the first samples of a seed can be made; fewer tokens end in the
/// named error, more of them as a rule do not. Seconds, not minutes.
int64_t smallest_compat_length(const RulerSpec& spec, const Sources& sources,
                               const CountTokens& count, uint64_t seed);

/// A sample as the line of JSON that the reference writes: its keys in its order, non-ASCII
/// characters escaped. `number` of the sample, from 0.
std::string compat_record(const RulerSpec& spec, const Sample& sample, int64_t number,
                          const CountTokens& count);

}  // namespace hylo::tasks::ruler
