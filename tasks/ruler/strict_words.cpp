#include <algorithm>
#include <cmath>
#include <memory>
#include <numbers>
#include <numeric>
#include <set>
#include <unordered_set>

#include "tasks/ruler/generated_sources.h"
#include "tasks/ruler/strict_designs.h"
#include "tasks/ruler/strict_draws.h"

namespace hylo::tasks::ruler {
namespace {

/// How often words occur, and how many the worked example has; the benchmark's.
struct CwePlan {
  int64_t common_times, rare_times;
  int64_t example_words, example_common_times, example_rare_times;
};
constexpr CwePlan long_plan{30, 3, 40, 10, 3};
constexpr CwePlan short_plan{6, 1, 20, 3, 1};
constexpr int64_t first_length_of_long_plan = 4096;
constexpr int64_t min_rare_words = 3;

/// All words of the lists, sorted, none twice.
std::vector<std::string> vocabulary_of(const Words& words) {
  std::set<std::string> sorted(words.nouns.begin(), words.nouns.end());
  sorted.insert(words.adjectives.begin(), words.adjectives.end());
  sorted.insert(words.verbs.begin(), words.verbs.end());
  return {sorted.begin(), sorted.end()};
}

/// The further words that are not there yet, in their order.
std::vector<std::string> more_words_of(const Sources& sources,
                                       const std::vector<std::string>& words) {
  std::unordered_set<std::string> seen(words.begin(), words.end());
  auto more = sources.more_words.empty() ? generated_more_words() : sources.more_words;
  std::erase_if(more, [&](const std::string& word) { return !seen.insert(word).second; });
  return more;
}

/// Words in the order in which a sample draws them: the first of a shuffled list, made as far as
/// they are asked for.
class WordDraw {
 public:
  WordDraw(size_t num_words, CounterRandom random) : places_(num_words), random_(random) {
    std::iota(places_.begin(), places_.end(), 0U);
  }
  /// Which word comes i-th.
  uint32_t at(size_t i) {
    for (; num_drawn_ <= i; ++num_drawn_) {
      std::swap(places_.at(num_drawn_),
                places_[num_drawn_ + random_.below(places_.size() - num_drawn_)]);
    }
    return places_[i];
  }

 private:
  std::vector<uint32_t> places_;
  CounterRandom random_;
  size_t num_drawn_ = 0;
};

class CweDesign {
 public:
  CweDesign(const CweSpec& spec, const DesignInput& input)
      : num_common_(spec.num_common),
        input_(input),
        plan_(input.request.length < first_length_of_long_plan ? short_plan : long_plan),
        words_(vocabulary_of(input.sources.words)) {
    for (int64_t first = 1; first < 10'000'000; first *= 10) {
      number_tokens_.push_back(static_cast<double>(input.count(fmt::format(" {}.", first))));
    }
    count_new_words();
    if (tokens_of_all_words() > enough_words * static_cast<double>(input.request.length)) return;
    for (auto& word : more_words_of(input.sources, words_)) words_.push_back(std::move(word));
    count_new_words();
  }

  [[nodiscard]] Sample draw(int64_t index, int64_t target_tokens) const {
    auto random = sample_random(input_.request, index);
    WordDraw draw(words_.size(), CounterRandom(random.next()));
    CounterRandom example_random(random.next());
    CounterRandom list_random(random.next());
    const auto example_words = static_cast<size_t>(plan_.example_words);
    const auto shown = example(draw, example_random);
    const auto& prompt = input_.prompts.cwe;
    const auto frame = fill(prompt.task, {{"context", ""}});
    const double others = static_cast<double>(input_.count(shown + frame + prompt.answer_prefix));
    const size_t num_words =
        num_fitting(draw, example_words, static_cast<double>(target_tokens) - others);

    std::vector<uint32_t> chosen;
    for (size_t i = 0; i < num_words; ++i) chosen.push_back(draw.at(example_words + i));
    Sample sample;
    sample.input = shown + fill(prompt.task, {{"context", list(chosen, plan_.common_times,
                                                               plan_.rare_times, list_random)}});
    sample.answer_prefix = prompt.answer_prefix;
    for (int64_t i = 0; i < num_common_; ++i) {
      sample.references.push_back(words_[chosen[static_cast<size_t>(i)]]);
    }
    sample.meta = {{"units", num_words},
                   {"common_times", plan_.common_times},
                   {"rare_times", plan_.rare_times}};
    return sample;
  }

 private:
  /// A list of all words has to be longer than a prompt, so that every draw of words can fill one.
  static constexpr double enough_words = 1.1;

  void count_new_words() {
    while (word_tokens_.size() < words_.size()) {
      word_tokens_.push_back(static_cast<double>(input_.count(" " + words_[word_tokens_.size()])));
    }
  }
  [[nodiscard]] double tokens_of_all_words() const {
    const double once = std::accumulate(word_tokens_.begin(), word_tokens_.end(), 0.0);
    return once * static_cast<double>(plan_.rare_times) +
           tokens_of_numbers(num_entries(words_.size()));
  }

  /// Estimated tokens of the numbers 1 to `count`.
  [[nodiscard]] double tokens_of_numbers(int64_t count) const {
    double tokens = 0;
    int64_t first = 1;
    for (size_t digits = 0; digits < number_tokens_.size() && first <= count; ++digits) {
      tokens +=
          number_tokens_[digits] * static_cast<double>(std::min(count, first * 10 - 1) - first + 1);
      first *= 10;
    }
    return tokens;
  }

  /// Words of the longest list that is estimated at `max_tokens` or fewer.
  size_t num_fitting(WordDraw& draw, size_t first, double max_tokens) const {
    double tokens = 0;
    size_t num_words = 0;
    const auto smallest = static_cast<size_t>(num_common_ + min_rare_words);
    while (true) {
      const bool is_common = static_cast<int64_t>(num_words) < num_common_;
      const auto times = is_common ? plan_.common_times : plan_.rare_times;
      require(first + num_words < words_.size(),
              "cwe at {} tokens: {} different words are not enough; give --more-words",
              input_.request.length, words_.size());
      tokens += static_cast<double>(times) * word_tokens_[draw.at(first + num_words)];
      const auto entries = num_entries(num_words + 1);
      if (num_words >= smallest && tokens + tokens_of_numbers(entries) > max_tokens)
        return num_words;
      ++num_words;
    }
  }
  [[nodiscard]] int64_t num_entries(size_t num_words) const {
    const auto words = static_cast<int64_t>(num_words);
    const auto common = std::min(words, num_common_);
    return common * plan_.common_times + (words - common) * plan_.rare_times;
  }

  /// "1. w 2. w ...": the first words often, the others rarely, shuffled.
  [[nodiscard]] std::string list(const std::vector<uint32_t>& chosen, int64_t common_times,
                                 int64_t rare_times, CounterRandom& random) const {
    std::vector<uint32_t> entries;
    for (size_t i = 0; i < chosen.size(); ++i) {
      const bool is_common = static_cast<int64_t>(i) < num_common_;
      entries.insert(entries.end(), static_cast<size_t>(is_common ? common_times : rare_times),
                     chosen[i]);
    }
    shuffle(entries, random);
    std::string text;
    text.reserve(entries.size() * 16);
    for (size_t i = 0; i < entries.size(); ++i) {
      if (i > 0) text += ' ';
      text += std::to_string(i + 1);
      text += ". ";
      text += words_[entries[i]];
    }
    return text;
  }

  /// The worked example with its answers and the line feed behind it.
  std::string example(WordDraw& draw, CounterRandom& random) const {
    std::vector<uint32_t> chosen;
    for (size_t i = 0; i < static_cast<size_t>(plan_.example_words); ++i) {
      chosen.push_back(draw.at(i));
    }
    const auto& prompt = input_.prompts.cwe;
    std::string text = fill(
        prompt.task,
        {{"context", list(chosen, plan_.example_common_times, plan_.example_rare_times, random)}});
    text += prompt.answer_prefix;
    for (int64_t i = 0; i < num_common_; ++i) {
      text += fmt::format(" {}. {}", i + 1, words_[chosen[static_cast<size_t>(i)]]);
    }
    return text + "\n";
  }

  int64_t num_common_;
  const DesignInput& input_;
  CwePlan plan_;
  std::vector<std::string> words_;
  std::vector<double> word_tokens_;
  std::vector<double> number_tokens_;  // of a number with i + 1 digits, its full stop and blank
};

class FweDesign {
 public:
  FweDesign(const FweSpec& spec, const DesignInput& input)
      : alpha_(spec.alpha), zeta_(std::riemann_zeta(spec.alpha)), input_(input) {
    dots_tokens_ = static_cast<double>(input.count(fmt::format(" {}", dots)));
  }

  [[nodiscard]] Sample draw(int64_t index, int64_t target_tokens) const {
    auto random = sample_random(input_.request, index);
    CounterRandom order_random(random.next());
    const auto& prompt = input_.prompts.fwe;
    const auto frame = fill(prompt.task, {{"context", ""}}) + prompt.answer_prefix;
    const double max_tokens = static_cast<double>(target_tokens - input_.count(frame));
    const auto words = coded_words(static_cast<int64_t>(std::max(max_tokens, 0.0)), random);
    const int64_t total = largest_total(words, max_tokens);

    Sample sample;
    sample.input = fill(prompt.task, {{"context", shuffled(words, total, order_random)}});
    sample.answer_prefix = prompt.answer_prefix;
    for (size_t rank = 2; rank <= 4; ++rank) sample.references.push_back(words[rank - 1].text);
    sample.meta = {
        {"units", total},
        {"counts",
         {count_of(2, total), count_of(3, total), count_of(4, total), count_of(5, total)}}};
    return sample;
  }

 private:
  static constexpr std::string_view dots = "...";  // the most frequent "word", which is noise
  static constexpr int letters = 6;
  /// With fewer words the fifth would not occur, or as often as the fourth.
  static constexpr int64_t min_total = 53;

  struct Word {
    std::string text;
    double tokens = 0;
  };

  [[nodiscard]] int64_t count_of(size_t rank, int64_t total) const {
    return static_cast<int64_t>(static_cast<double>(total) *
                                std::pow(static_cast<double>(rank), -alpha_) / zeta_);
  }
  /// Whether the three words that are asked for are the three most frequent ones, in one order.
  [[nodiscard]] bool is_clear(int64_t total) const {
    for (size_t rank = 1; rank <= 4; ++rank) {
      if (count_of(rank, total) <= count_of(rank + 1, total)) return false;
    }
    return true;
  }

  /// As many as occur in a text of `max_total` words.
  std::vector<Word> coded_words(int64_t max_total, CounterRandom& random) const {
    UniqueTexts texts;
    std::vector<Word> words{{std::string(dots), dots_tokens_}};
    while (words.size() < 5 || count_of(words.size() + 1, max_total) > 0) {
      auto text = texts.draw([&] { return draw_letters(random, letters, 'a'); }, "coded words");
      const auto tokens = static_cast<double>(input_.count(" " + text));
      words.push_back({std::move(text), tokens});
    }
    return words;
  }

  [[nodiscard]] double estimated(const std::vector<Word>& words, int64_t total) const {
    double tokens = 0;
    for (size_t i = 0; i < words.size(); ++i) {
      tokens += words[i].tokens * static_cast<double>(count_of(i + 1, total));
    }
    return tokens;
  }

  [[nodiscard]] int64_t largest_total(const std::vector<Word>& words, double max_tokens) const {
    int64_t low = min_total;
    int64_t high = std::max<int64_t>(static_cast<int64_t>(max_tokens), low) + 1;
    while (high - low > 1) {
      const int64_t middle = low + (high - low) / 2;
      (estimated(words, middle) <= max_tokens ? low : high) = middle;
    }
    while (low > min_total && !is_clear(low)) --low;
    return low;
  }

  [[nodiscard]] std::string shuffled(const std::vector<Word>& words, int64_t total,
                                     CounterRandom& random) const {
    std::vector<uint32_t> entries;
    for (size_t i = 0; i < words.size(); ++i) {
      entries.insert(entries.end(), static_cast<size_t>(count_of(i + 1, total)),
                     static_cast<uint32_t>(i));
    }
    shuffle(entries, random);
    std::string text;
    text.reserve(entries.size() * (letters + 1));
    for (const auto entry : entries) {
      if (!text.empty()) text += ' ';
      text += words[entry].text;
    }
    return text;
  }

  double alpha_, zeta_;
  const DesignInput& input_;
  double dots_tokens_ = 0;
};

}  // namespace

DrawSample cwe_design(const CweSpec& spec, const DesignInput& input) {
  const auto design = std::make_shared<CweDesign>(spec, input);
  return [design](int64_t index, int64_t target) { return design->draw(index, target); };
}

DrawSample fwe_design(const FweSpec& spec, const DesignInput& input) {
  const auto design = std::make_shared<FweDesign>(spec, input);
  return [design](int64_t index, int64_t target) { return design->draw(index, target); };
}

}  // namespace hylo::tasks::ruler
