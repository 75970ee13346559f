#include "tasks/ruler/word_maker.h"

#include <array>
#include <cctype>

namespace hylo::tasks::ruler {
namespace {

// Few letters on purpose: with these no syllable is a rude word of English.
constexpr std::array<std::string_view, 20> onsets{"b",  "d",  "g",  "l",  "m",  "n",  "p",
                                                  "r",  "s",  "t",  "v",  "z",  "br", "dr",
                                                  "gl", "gr", "pl", "st", "tr", "sl"};
constexpr std::array<std::string_view, 6> vowels{"a", "e", "i", "o", "ea", "oa"};
constexpr std::array<std::string_view, 8> codas{"", "", "", "n", "r", "l", "m", "nd"};

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

std::vector<std::string> WordMaker::words(size_t count, int num_syllables,
                                          const std::vector<std::string_view>& endings) {
  std::vector<std::string> all;
  all.reserve(count);
  while (all.size() < count)
    all.push_back(word(num_syllables, endings[all.size() % endings.size()]));
  return all;
}

}  // namespace hylo::tasks::ruler
