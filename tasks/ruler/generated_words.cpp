#include "tasks/ruler/generated_sources.h"
#include "tasks/ruler/word_maker.h"

namespace hylo::tasks::ruler {
namespace {

constexpr uint64_t words_key = 0x776f726473;  // "words"

/// The lists in the order in which they are drawn, so that a longer one would not change the
/// others.
struct AllWords {
  Words words;
  WordMaker maker{words_key};

  AllWords() {
    words.adjectives = maker.words(1'000, 2);
    words.nouns = maker.words(7'000, 2);
    words.verbs = maker.words(1'200, 2);
  }
};

}  // namespace

Words generated_words() { return AllWords().words; }

std::vector<std::string> generated_more_words() {
  AllWords all;
  return all.maker.words(150'000, 3);
}

}  // namespace hylo::tasks::ruler
