#include "tasks/ruler/word_maker.h"

#include <array>
#include <cctype>

namespace hylo::tasks::ruler {
namespace {

// Few letters on purpose: with these no word is a rude one of English, and most tokenizers need two
// tokens for two syllables.
constexpr std::array<std::string_view, 10> onsets{"b", "d", "l", "m", "n", "r", "s", "t", "v", "w"};
constexpr std::array<std::string_view, 4> vowels{"a", "e", "i", "o"};
constexpr std::array<std::string_view, 5> codas{"", "", "n", "r", "s"};

template <size_t n>
std::string_view draw(const std::array<std::string_view, n>& pieces, CounterRandom& random) {
  return pieces[random.below(n)];
}

}  // namespace

std::string WordMaker::word(int num_syllables, std::string_view ending) {
  while (true) {
    std::string made;
    for (int i = 0; i < num_syllables; ++i) {
      made += draw(onsets, random_);
      made += draw(vowels, random_);
      if (i + 1 < num_syllables || ending.empty()) made += draw(codas, random_);
    }
    made += ending;
    if (made_.insert(made).second) return made;
  }
}

std::string WordMaker::name(int num_syllables, std::string_view ending) {
  auto made = word(num_syllables, ending);
  made[0] = static_cast<char>(std::toupper(static_cast<unsigned char>(made[0])));
  return made;
}

std::vector<std::string> WordMaker::words(size_t count, int num_syllables) {
  std::vector<std::string> all;
  all.reserve(count);
  while (all.size() < count) all.push_back(word(num_syllables));
  return all;
}

}  // namespace hylo::tasks::ruler
