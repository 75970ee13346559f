#include "harness/training/copied_documents.h"

#include <string>
#include <string_view>

#include "harness/base/random.h"

namespace hylo::harness {
namespace {

/// Hyphens stand before some pairs of digits, as in a UUID.
std::string random_word(CounterRandom& random, int64_t num_digits) {
  constexpr std::string_view digits = "0123456789abcdef";
  std::string text(1, random.below(2) == 0 ? ' ' : '-');
  for (int64_t i = 0; i < num_digits; ++i) {
    if (i > 0 && i % 2 == 0 && random.below(4) == 0) text += '-';
    text += digits[random.below(digits.size())];
  }
  return text;
}

bool is_digit(char c) { return c != ' ' && c != '-'; }

datasets::TrainingDocument copied(const std::string& word, int64_t num_digits) {
  std::string text;
  for (int64_t left = num_digits; left > 0;) {
    text += word[text.size() % word.size()];
    if (is_digit(text.back())) --left;
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
