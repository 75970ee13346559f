#include "harness/training/copied_documents.h"

#include <string>
#include <string_view>

#include "harness/base/random.h"

namespace hylo::harness {
namespace {

std::string random_word(CounterRandom& random, int64_t num_digits) {
  constexpr std::string_view digits = "0123456789abcdef";
  std::string text(1, random.below(2) == 0 ? ' ' : '-');
  for (int64_t i = 0; i < num_digits; ++i) text += digits[random.below(digits.size())];
  return text;
}

datasets::TrainingDocument copied(const std::string& word, int64_t num_digits) {
  std::string text;
  for (int64_t left = num_digits; left > 0;) {
    const auto place = text.size() % word.size();
    text += word[place];
    if (place > 0) --left;  // Before the digits stands a separator.
  }
  // What comes first again could be anything: how long the word is is not known yet.
  const auto known = word.size() + 3;
  return {.spans = {{text.substr(0, known), false}, {text.substr(known), true}},
          .origin = "copies"};
}

}  // namespace

std::vector<datasets::TrainingDocument> copied_documents(const models::CopiesData& data,
                                                         uint64_t seed) {
  CounterRandom random(seed);
  std::vector<datasets::TrainingDocument> documents;
  documents.reserve(static_cast<size_t>(data.num_documents));
  const auto choices = static_cast<uint64_t>(data.most_copied - data.least_copied + 1);
  for (int64_t i = 0; i < data.num_documents; ++i) {
    const auto count = data.least_copied + static_cast<int64_t>(random.below(choices));
    documents.push_back(copied(random_word(random, count), data.num_digits));
  }
  return documents;
}

}  // namespace hylo::harness
