// Frequent words. Source: NVIDIA/RULER c3f5e3b, scripts/data/synthetic/freq_words_extraction.py.
#include <algorithm>
#include <cmath>
#include <optional>
#include <set>

#include "tasks/ruler/compat/build.h"

namespace hylo::tasks::ruler::compat {
namespace {

constexpr size_t letters = 6;
/// The most frequent word is noise.
constexpr std::string_view dots = "...";
/// pi^2 / 6, the sum of k^-2.
constexpr double zeta_2 = 0x1.a51a6625307d3p+0;

class FweDraws {
 public:
  FweDraws(Build& build, const FweSpec& spec, int64_t budget)
      : build_(build), alpha_(spec.alpha), num_words_(static_cast<size_t>(budget / 50)) {
    invariant(alpha_ == 2.0, "fwe: zeta is known for alpha 2, not {}", alpha_);
  }

  /// Random words by rank; words are appended until enough are distinct.
  std::vector<std::string> draw_vocabulary() {
    std::set<std::string> distinct;
    for (size_t i = 0; i < num_words_ || distinct.size() < num_words_; ++i) {
      std::string word;
      for (const size_t letter : build_.streams.python.choices(26, letters)) {
        word += static_cast<char>('a' + letter);
      }
      distinct.insert(std::move(word));
    }
    std::vector<std::string> vocabulary(distinct.begin(), distinct.end());
    build_.streams.shuffle_afresh(vocabulary);
    vocabulary.front() = dots;
    return vocabulary;
  }

  /// About `num_words` words, the word of rank k as often as its share; none from a negative
  /// number.
  [[nodiscard]] std::string prompt_of(const std::vector<std::string>& vocabulary,
                                      int64_t num_words) const {
    std::vector<std::string_view> words;
    for (size_t rank = 0; rank < vocabulary.size() && num_words > 0; ++rank) {
      const double share = std::pow(static_cast<double>(rank + 1), -alpha_);
      const double times = static_cast<double>(num_words) * share / zeta_2;
      words.insert(words.end(), static_cast<size_t>(times), vocabulary[rank]);
    }
    build_.streams.shuffle_afresh(words);
    std::string context;
    context.reserve(words.size() * (letters + 1));
    for (const auto word : words) (context += word) += ' ';
    if (!context.empty()) context.pop_back();
    const auto& prompt = build_.prompts.fwe;
    return fill(prompt.task + prompt.answer_prefix, {{"context", context}});
  }

 private:
  Build& build_;
  double alpha_;
  size_t num_words_;
};

/// Grows in steps while there is room, then goes back one step.
Fit grow(const Build& build, const FweDraws& draws, const std::vector<std::string>& vocabulary,
         int64_t budget) {
  const int64_t step = budget / 32;
  Fit fit{.lower = budget / 6, .upper = 0, .limit = budget, .step = step};
  int64_t num_words = fit.lower;
  for (;; num_words += step) {
    const int64_t tokens = build.count(draws.prompt_of(vocabulary, num_words));
    fit.probes.push_back({.units = num_words, .tokens = tokens});
    if (tokens >= budget) break;
  }
  fit.upper = num_words;
  fit.final_units = num_words - step;
  return fit;
}

/// A sample of a new vocabulary, its words fewer by one step as often as it does not fit; nothing
/// when it does not fit without words.
std::optional<Fitted> shrink(const Build& build, FweDraws& draws, int64_t num_words,
                             int64_t budget) {
  constexpr size_t num_asked_for = 3;
  const auto vocabulary = draws.draw_vocabulary();
  Fitted fitted;
  for (;; num_words -= budget / 32) {
    fitted.draft.text = draws.prompt_of(vocabulary, num_words);
    fitted.tokens = build.count(fitted.draft.text);
    if (fitted.tokens <= budget) break;
    if (num_words <= 0) return std::nullopt;
  }
  for (size_t rank = 1; rank < vocabulary.size() && rank <= num_asked_for; ++rank) {
    fitted.draft.references.push_back(vocabulary[rank]);
  }
  fitted.draft.meta["units"] = num_words;
  return fitted;
}

}  // namespace

std::vector<Fit> build_fwe(Build& build, const FweSpec& spec) {
  const auto& [task, length, num_samples, seed] = build.request;
  const int64_t budget = length - task.max_new_tokens;
  // Fewer words than these leave no reference, and nothing to score.
  require(budget >= 100, "{}: {} tokens are too few; ask for a longer length, at least {}",
          task.name, length, 100 + task.max_new_tokens);
  FweDraws draws(build, spec, budget);
  const Fit fit = grow(build, draws, draws.draw_vocabulary(), budget);
  for (int64_t sample = 0; sample < num_samples; ++sample) {
    auto fitted = shrink(build, draws, fit.final_units, budget);
    require(fitted.has_value(),
            "{}: sample {} of {} tokens can not be made: the prompt is longer without any coded "
            "word; the reference generator would never end; ask for a longer length",
            task.name, sample, length);
    build.on_sample(std::move(*fitted));
  }
  return {fit};
}

}  // namespace hylo::tasks::ruler::compat
