#include "tasks/ruler/strict.h"

#include <algorithm>
#include <optional>

#include "harness/base/error.h"
#include "harness/base/overloaded.h"
#include "tasks/ruler/ordered_map.h"
#include "tasks/ruler/strict_designs.h"

namespace hylo::tasks::ruler {
namespace {

/// A model may put one token in front of a prompt.
constexpr int64_t bos_tokens = 1;
/// Corrections of an estimate until the last exact count is taken as it is.
constexpr int max_rounds = 12;
/// A prompt that fills so much is not worth another count.
constexpr double enough_fill = 0.985;
/// What the smallest length of a task is looked for with: the same samples whatever is built.
constexpr int64_t num_probes = 64;
constexpr uint64_t seed_of_probes = 42;
/// The first estimate aims below the limit by this share, so that it is seldom too long.
constexpr double caution = 0.0025;

DrawSample design_of(const DesignInput& input) {
  return std::visit(overloaded{
                        [&](const NiahSpec& spec) { return niah_design(spec, input); },
                        [&](const VtSpec& spec) { return vt_design(spec, input); },
                        [&](const CweSpec& spec) { return cwe_design(spec, input); },
                        [&](const FweSpec& spec) { return fwe_design(spec, input); },
                        [&](const QaSpec& spec) { return qa_design(spec, input); },
                    },
                    input.request.spec.family);
}

/// The samples of one request, each made by itself.
class Builder {
 public:
  Builder(const BuildRequest& request, const Sources& sources, const CountTokens& count)
      : request_(request),
        prompts_(read_ruler_prompts()),
        input_{request_, sources, count, prompts_},
        draw_(design_of(input_)),
        max_tokens_(request.length - bos_tokens - request.spec.max_new_tokens) {}
  Builder(const Builder&) = delete;
  Builder& operator=(const Builder&) = delete;

  /// Tokens of the smallest prompt of sample `index`, and all that a length has to hold beside it.
  [[nodiscard]] int64_t least_length(int64_t index) const {
    return counted(draw_(index, 0)).num_tokens + bos_tokens + request_.spec.max_new_tokens;
  }
  /// The length that holds the smallest prompt of every sample.
  [[nodiscard]] int64_t least_length() const {
    int64_t least = 0;
    for (int64_t i = 0; i < request_.num_samples; ++i) least = std::max(least, least_length(i));
    return least;
  }

  [[nodiscard]] Sample sample(int64_t index) const {
    auto fitted = largest_that_fits(index);
    require(fitted.has_value(),
            "{} at {} tokens: too small for sample {}, whose smallest prompt with its new tokens "
            "takes {}; `hylo data build ruler --dry-run` prints the smallest length of each task",
            request_.spec.name, request_.length, index, least_length(index));
    const double fill = fill_of(*fitted);
    require(request_.length < first_length_to_fill || fill >= least_fill,
            "{} at {} tokens: sample {} fills only {:.1f} % of the length, expected at least "
            "{:.0f} %; its sources have pieces that are too long to fit and cannot be cut",
            request_.spec.name, request_.length, index, 100 * fill, 100 * least_fill);
    return std::move(*fitted);
  }

 private:
  [[nodiscard]] Sample counted(Sample sample) const {
    sample.num_tokens = input_.count(sample.input + sample.answer_prefix);
    return sample;
  }
  [[nodiscard]] double fill_of(const Sample& sample) const {
    return static_cast<double>(sample.num_tokens + bos_tokens + request_.spec.max_new_tokens) /
           static_cast<double>(request_.length);
  }

  /// Estimates are put right by exact counts, between the largest target known to fit and the
  /// smallest known not to. Where a higher target brings no more text, as pieces that are counted
  /// alone may cost more than in their place, it is raised by twice as much.
  [[nodiscard]] std::optional<Sample> largest_that_fits(int64_t index) const {
    std::optional<Sample> best;
    int64_t fits = 0;
    int64_t fails = 2 * max_tokens_ + 2;
    int64_t step = 0;
    auto target = static_cast<int64_t>(static_cast<double>(max_tokens_) * (1 - caution));
    for (int round = 0; round < max_rounds && target > fits && target < fails; ++round) {
      auto made = counted(draw_(index, target));
      const int64_t left = max_tokens_ - made.num_tokens;
      if (left < 0) {
        fails = target;
        target = std::max(target + left - max_tokens_ / 1000, fits + (fails - fits) / 4);
      } else {
        fits = target;
        const bool has_grown = !best || made.num_tokens > best->num_tokens;
        step = std::max<int64_t>(has_grown ? left : 2 * step, 1);
        target = std::min(target + step, fails - (fails - fits) / 4);
        if (has_grown) best = std::move(made);
        if (fill_of(*best) >= enough_fill) break;
      }
    }
    if (best) return best;
    auto smallest = counted(draw_(index, 0));
    if (smallest.num_tokens > max_tokens_) return std::nullopt;
    return smallest;
  }

  BuildRequest request_;
  RulerPrompts prompts_;
  DesignInput input_;
  DrawSample draw_;
  int64_t max_tokens_;
};

}  // namespace

void build_strict(const BuildRequest& request, const Sources& sources, const CountTokens& count,
                  const OnSample& on_sample, int num_threads) {
  const Builder builder(request, sources, count);
  OrderedMap<Sample> samples(request.num_samples, num_threads,
                             [&](int64_t index) { return builder.sample(index); });
  samples.run(on_sample);
}

int64_t strict_length_needed(const BuildRequest& request, const Sources& sources,
                             const CountTokens& count) {
  return Builder(request, sources, count).least_length();
}

int64_t smallest_strict_length(const RulerSpec& spec, const Sources& sources,
                               const CountTokens& count) {
  const auto needed_at = [&](int64_t length) {
    const BuildRequest probes{
        .spec = spec, .length = length, .num_samples = num_probes, .seed = seed_of_probes};
    return strict_length_needed(probes, sources, count);
  };
  // Up from where nothing fits, as longer lengths may ask for more (cwe lists more words from 4,096
  // tokens on), until what is drawn at a length fits in it.
  int64_t length = 1;
  while (true) {
    const int64_t needed = needed_at(length);
    if (needed <= length) return length;
    length = needed;
  }
}

}  // namespace hylo::tasks::ruler
