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
  int64_t step = 0;  ///< taken away from a sample that does not fit, until it does
};
/// How a build went: two programs that agree here drew the same.
struct CompatTrace {
  std::vector<Fit> fits;   ///< vt: of the worked example, then of the samples
  double next_random = 0;  ///< what random.random() would give after the last draw
  int64_t next_numpy = 0;  ///< what np.random.randint(10000, 99999) would give

  /// Whether samples have so few steps to lose that one which takes more than others may be too
  /// long with the smallest haystack too: then only trying all of them tells whether they fit.
  [[nodiscard]] bool is_near_the_smallest() const;
};

/// After so many redraws of a haystack of the smallest size a build is given up: some seconds. The
/// reference goes on for ever there, or until chance brings a text that is short enough.
inline constexpr int64_t redraws_before_giving_up = 1'000;

/// Throws Error where more samples are asked for than the sources have questions, of which each is
/// asked once.
void check_enough_questions(const BuildRequest& request, const Sources& sources);

/// Makes the samples in order. Throws Error where the reference would never end or ends with an
/// exception: a length too small for the task, more samples than questions, more words than are
/// given. Calls with the same arguments give the same samples; several may run at once.
CompatTrace build_compat(const BuildRequest& request, const Sources& sources,
                         const CountTokens& count, const OnSample& on_sample,
                         int64_t max_redraws = redraws_before_giving_up);

/// The smallest length of a task is looked for with so many samples, or with all questions where
/// there are fewer.
inline constexpr int64_t num_smallest_samples = 16;

/// The smallest length at which the first samples of a seed can be made; fewer tokens end in the
/// named error, more of them as a rule do not. Seconds, not minutes.
int64_t smallest_compat_length(const RulerSpec& spec, const Sources& sources,
                               const CountTokens& count, uint64_t seed);

/// The smallest length, found by bisection, at which all samples of the request can be made,
/// whatever its own length is. Throws Error where none will do.
int64_t compat_length_needed(const BuildRequest& request, const Sources& sources,
                             const CountTokens& count);

/// A sample as the line of JSON that the reference writes: its keys in its order, non-ASCII
/// characters escaped. `number` of the sample, from 0.
std::string compat_record(const RulerSpec& spec, const Sample& sample, int64_t number,
                          const CountTokens& count);

}  // namespace hylo::tasks::ruler
