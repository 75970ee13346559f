// Documents that say something random over and over.
#include "harness/training/copied_documents.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <set>
#include <string>

namespace hylo::harness {
namespace {

constexpr models::CopiesData ten_of_24{
    .num_documents = 10, .num_digits = 24, .least_copied = 6, .most_copied = 12};

bool is_digit(char c) { return c != ' ' && c != '-'; }

std::string text_of(const datasets::TrainingDocument& document) {
  std::string text;
  for (const auto& span : document.spans) text += span.text;
  return text;
}

TEST(CopiedDocuments, RepeatWhatIsReadAndLearnWhatFollowsFromIt) {
  std::set<std::string> texts;
  for (const auto& document : copied_documents(ten_of_24, 1)) {
    ASSERT_EQ(document.spans.size(), 2);
    EXPECT_FALSE(document.spans[0].is_trained);
    EXPECT_TRUE(document.spans[1].is_trained);
    const auto text = text_of(document);
    EXPECT_THAT(text, ::testing::MatchesRegex("([ -][0-9a-f]+)+"));
    EXPECT_EQ(std::ranges::count_if(text, is_digit), 24);
    // A word, and what comes first again: a separator and two signs.
    const auto period = document.spans[0].text.size() - 3;
    const auto copied = std::count_if(text.begin(), text.begin() + period, is_digit);
    EXPECT_GE(copied, 6);
    EXPECT_LE(copied, 12);
    for (size_t i = period; i < text.size(); ++i) EXPECT_EQ(text[i], text[i - period]) << text;
    texts.insert(text);
  }
  EXPECT_EQ(texts.size(), 10);
  const auto has_inner_hyphen = [](const std::string& text) {
    return text.find('-', 1) != std::string::npos;
  };
  EXPECT_GE(std::ranges::count_if(texts, has_inner_hyphen), 5) << "as a UUID has";
}

TEST(CopiedDocuments, OfASeedAreTheSameAndOfAnotherOthers) {
  const auto first = copied_documents(ten_of_24, 1);
  EXPECT_EQ(first[3].spans, copied_documents(ten_of_24, 1)[3].spans);
  EXPECT_NE(first[3].spans, copied_documents(ten_of_24, 2)[3].spans);
}

}  // namespace
}  // namespace hylo::harness
