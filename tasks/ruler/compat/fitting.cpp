#include "tasks/ruler/compat/fitting.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>
#include <utility>

namespace hylo::tasks::ruler::compat {
namespace {

/// The tokens of a prompt that the search draws; there the reference does not catch an exception.
int64_t tokens_of_probe(const Fitting& fitting, int64_t units, const Draw& draw,
                        const CountTokens& count) {
  const auto attempt = draw(units, 0);
  if (const auto* none = std::get_if<NoDraft>(&attempt)) {
    fail(
        "{}: no sample of {} tokens can be made: {} {} were tried and {}; the reference generator "
        "ends with an exception; {}",
        fitting.task, fitting.length, units, fitting.unit, none->why, fitting.what_to_do);
  }
  return count(std::get<Draft>(attempt).text);
}

/// In doubles and in the order of the reference.
int64_t upper_bound(const Fitting& fitting, int64_t tokens) {
  const auto length = static_cast<double>(fitting.length);
  const double tokens_per_unit =
      static_cast<double>(tokens) / static_cast<double>(fitting.estimate_at);
  if (fitting.is_estimated_in_whole_steps) {
    const double whole = (length - std::fmod(length, tokens_per_unit)) / tokens_per_unit;
    return static_cast<int64_t>(std::round(whole)) * 2;
  }
  return static_cast<int64_t>(length / tokens_per_unit * 3);
}

/// Attempts at one sample.
struct Tries {
  int64_t units = 0;
  int64_t num_at_smallest = 0;
  int64_t fewest_tokens = std::numeric_limits<int64_t>::max();
  std::string why;  ///< the last one did not succeed
};

[[noreturn]] void give_up(const Fitting& fitting, const Tries& tries, size_t sample,
                          std::string_view reason) {
  const auto found = tries.why.empty() ? fmt::format("take {} tokens with the {} new ones",
                                                     tries.fewest_tokens, fitting.max_new_tokens)
                                       : tries.why;
  fail(
      "{}: sample {} of {} tokens can not be made: {} {}, the smallest haystack that is tried, {}; "
      "the reference generator would redraw it for ever ({}); {}",
      fitting.task, sample, fitting.length, tries.units, fitting.unit, found, reason,
      fitting.what_to_do);
}

/// The attempt if it fits; else `tries` learns why not.
std::optional<Fitted> fitted_of(const SampleLoop& loop, Attempt& attempt, Tries& tries) {
  if (const auto* none = std::get_if<NoDraft>(&attempt)) {
    tries.why = none->why;
    return std::nullopt;
  }
  auto& draft = std::get<Draft>(attempt);
  const int64_t tokens = loop.count(draft.text);
  const int64_t length = tokens + loop.fitting.max_new_tokens;
  tries.fewest_tokens = std::min(tries.fewest_tokens, length);
  tries.why.clear();
  if (length > loop.fitting.length) return std::nullopt;
  draft.meta["units"] = tries.units;
  return Fitted{.draft = std::move(draft), .tokens = tokens};
}

}  // namespace

Fit search(const Fitting& fitting, const Draw& draw, const CountTokens& count) {
  Fit fit{.lower = fitting.step,
          .limit = fitting.length,
          .final_units = fitting.step,
          .step = fitting.step};
  const int64_t estimated = tokens_of_probe(fitting, fitting.estimate_at, draw, count);
  fit.upper = std::max(upper_bound(fitting, estimated), 2 * fitting.step);
  int64_t lower = fit.lower;
  int64_t upper = fit.upper;
  while (lower <= upper) {
    const int64_t middle = (lower + upper) / 2;
    const int64_t tokens = tokens_of_probe(fitting, middle, draw, count) + fitting.max_new_tokens +
                           fitting.example_tokens;
    fit.probes.push_back({.units = middle, .tokens = tokens});
    if (tokens <= fitting.length) {
      fit.final_units = middle;
      lower = middle + 1;
    } else {
      upper = middle - 1;
    }
  }
  return fit;
}

Fitted make_sample(const SampleLoop& loop, int64_t units, size_t sample) {
  for (Tries tries{.units = units};;) {
    const Streams before = loop.streams;
    auto attempt = loop.draw(tries.units, sample);
    if (auto fitted = fitted_of(loop, attempt, tries)) return std::move(*fitted);
    if (tries.units > loop.fitting.step) {
      tries = {.units = tries.units - loop.fitting.step};
      continue;
    }
    ++tries.num_at_smallest;
    const auto* none = std::get_if<NoDraft>(&attempt);
    if (none && !none->by_chance) give_up(loop.fitting, tries, sample, "none can be drawn");
    if (loop.streams == before) give_up(loop.fitting, tries, sample, "the same text each time");
    if (tries.num_at_smallest >= loop.max_redraws) {
      give_up(loop.fitting, tries, sample,
              fmt::format("the fewest tokens of {} redraws", tries.num_at_smallest));
    }
  }
}

}  // namespace hylo::tasks::ruler::compat
