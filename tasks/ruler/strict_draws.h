// What a sample of the strict mode is drawn from: a random stream of its own, strata shared fairly
// among the samples, orders in which nothing comes twice.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

#include "harness/base/random.h"
#include "tasks/ruler/ruler_spec.h"
#include "tasks/ruler/sample.h"

namespace hylo::tasks::ruler {

/// Names the strict generator in the identity of a set; whatever changes a sample changes this.
inline constexpr std::string_view strict_revision = "strict-3";

/// The stream of sample `index`, a function of (seed, task, length, index) alone.
CounterRandom sample_random(const BuildRequest& request, int64_t index);

/// Tenths of the haystack: each depth falls into one of them.
inline constexpr int64_t num_strata = 10;

/// The strata of the needles of sample `index`, all different for up to ten needles. In any ten
/// samples from a multiple of ten on, needle j visits every stratum once; so after any number of
/// samples its strata differ by at most one in count.
std::vector<int64_t> strata_of(const BuildRequest& request, int64_t index, int64_t num_needles);

/// Units that a haystack has at least.
inline constexpr int64_t min_haystack_units = 1;

/// A slot before unit p of `num_units` (or behind the last) whose depth p / num_units lies in the
/// stratum: floor(10 p / num_units) = stratum, the end belonging to the last one. Haystacks of
/// fewer than nine units have fewer slots than there are strata: neighbouring strata then share
/// one.
int64_t slot_in_stratum(int64_t stratum, int64_t num_units, CounterRandom& random);

/// Question of sample `index`: a seeded order of all questions, the same at every length, so that
/// lengths are compared on the same questions; begun anew, in another order, when all were asked.
class QuestionOrder {
 public:
  QuestionOrder(const BuildRequest& request, size_t num_questions);
  [[nodiscard]] size_t at(int64_t index) const;

 private:
  std::vector<std::vector<size_t>> rounds_;
  size_t num_questions_;
};

/// Draws that never repeat a text within one prompt.
class UniqueTexts {
 public:
  /// Draws until the text is new. Throws Error where a thousand draws bring nothing new: `what`
  /// says what the sources have too few of.
  template <class Draw>
  std::string draw(const Draw& text, std::string_view what) {
    for (int attempt = 0; attempt < 1000; ++attempt) {
      auto drawn = text();
      if (seen_.insert(drawn).second) return drawn;
    }
    fail("{}: {} different ones are not enough for one prompt; give longer word lists", what,
         seen_.size());
  }

 private:
  std::unordered_set<std::string> seen_;
};

template <class T>
void shuffle(std::vector<T>& items, CounterRandom& random) {
  for (size_t i = items.size(); i-- > 1;) std::swap(items[i], items[random.below(i + 1)]);
}

/// A number of seven digits.
std::string draw_number(CounterRandom& random);
/// A version-4 UUID.
std::string draw_uuid(CounterRandom& random);
std::string draw_letters(CounterRandom& random, int count, char first);

}  // namespace hylo::tasks::ruler
