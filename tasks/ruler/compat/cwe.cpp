// Common words. Source: NVIDIA/RULER c3f5e3b, scripts/data/synthetic/common_words_extraction.py.
#include <fmt/ranges.h>

#include "tasks/ruler/compat/build.h"
#include "tasks/ruler/word_pairs.h"

namespace hylo::tasks::ruler::compat {
namespace {

/// Words of a list and how often they stand in it.
struct ListSize {
  int64_t num_words, repeats_of_common, repeats_of_others;
};

/// "1. word 2. word ..."
std::string numbered(const std::vector<std::string>& words) {
  std::string text;
  for (size_t i = 0; i < words.size(); ++i) {
    fmt::format_to(std::back_inserter(text), "{}{}. {}", i ? " " : "", i + 1, words[i]);
  }
  return text;
}

struct WordList {
  std::string text;
  std::vector<std::string> common;
};

class CweDraws {
 public:
  CweDraws(Build& build, const CweSpec& spec)
      : build_(build),
        num_common_(static_cast<size_t>(spec.num_common)),
        words_(all_words(build.sources.words)) {
    build.streams.shuffle_afresh(words_);
  }

  /// The worked example is drawn before the list that is asked about.
  Attempt draw(int64_t num_words) {
    const bool is_short = build_.is_short();
    const ListSize example_size = is_short ? ListSize{20, 3, 1} : ListSize{40, 10, 3};
    const ListSize size = is_short ? ListSize{num_words, 6, 1} : ListSize{num_words, 30, 3};
    for (const auto& [wanted, common, others] : {example_size, size}) {
      if (source_of(wanted).size() < static_cast<size_t>(wanted)) return too_few_words(wanted);
    }
    const auto example = draw_list(example_size);
    const auto list = draw_list(size);
    Draft draft{.text = prompt_of(example.text), .references = list.common};
    draft.text += " " + numbered(example.common) + "\n" + prompt_of(list.text);
    return draft;
  }

 private:
  [[nodiscard]] const std::vector<std::string>& source_of(int64_t num_words) const {
    const bool suffices = static_cast<size_t>(num_words) <= words_.size();
    return suffices ? words_ : build_.sources.more_words;
  }

  [[nodiscard]] NoDraft too_few_words(int64_t num_words) const {
    return {.why = fmt::format("{} words are needed, the word lists have {} and the further list "
                               "(english_words.json) {}; give a longer one",
                               num_words, words_.size(), build_.sources.more_words.size())};
  }

  WordList draw_list(const ListSize& size) {
    const auto& source = source_of(size.num_words);
    std::vector<std::string> drawn;
    for (const size_t i :
         build_.streams.python.sample(source.size(), static_cast<size_t>(size.num_words))) {
      drawn.push_back(source[i]);
    }
    const size_t num_common = std::min(num_common_, drawn.size());
    const std::vector<std::string> common(drawn.begin(),
                                          drawn.begin() + static_cast<std::ptrdiff_t>(num_common));
    drawn.erase(drawn.begin(), drawn.begin() + static_cast<std::ptrdiff_t>(num_common));
    std::vector<std::string> list;
    const auto repeat = [&](const std::vector<std::string>& words, int64_t times) {
      for (int64_t i = 0; i < times; ++i) list.insert(list.end(), words.begin(), words.end());
    };
    repeat(common, size.repeats_of_common);
    repeat(drawn, size.repeats_of_others);
    build_.streams.shuffle_afresh(list);
    return {.text = numbered(list), .common = common};
  }

  [[nodiscard]] std::string prompt_of(std::string_view context) const {
    const auto& prompt = build_.prompts.cwe;
    return fill(prompt.task + prompt.answer_prefix, {{"context", context}});
  }

  Build& build_;
  size_t num_common_;
  std::vector<std::string> words_;
};

}  // namespace

std::vector<Fit> build_cwe(Build& build, const CweSpec& spec) {
  CweDraws draws(build, spec);
  Fitting fitting = build.fitting("words", 10);
  fitting.estimate_at = 4096;
  fitting.is_estimated_in_whole_steps = true;
  const Draw draw = [&](int64_t units, size_t) { return draws.draw(units); };
  const Fit fit = search(fitting, draw, build.count);
  build.make_samples(fitting, fit.final_units, draw);
  return {fit};
}

}  // namespace hylo::tasks::ruler::compat
