#include "tasks/perplexity/rolling_suite.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tasks/catalog.h"
#include "tasks/perplexity/wikitext.h"
#include "tests/support/test_data.h"

namespace hylo::tasks {
namespace {

TEST(CountWords, EmptyPiecesAtTheEndsCount) {
  EXPECT_EQ(count_words("a b"), 2);
  EXPECT_EQ(count_words(" a  b\n"), 4);
  EXPECT_EQ(count_words(""), 1);
  EXPECT_EQ(count_words("a\u00a0b\u200bc"), 2);  // U+200B is no white space in Python
}

TEST(Wikitext, EveryStepOfTheDetokeniser) {
  const auto d = detokenise_wikitext;
  EXPECT_EQ(d("boys ' toys"), "boys' toys");
  EXPECT_EQ(d("the '90s"), "the '90s");
  EXPECT_EQ(d("/' 9/"), "/'[0-9]/");
  EXPECT_EQ(d("a @-@ b 1 @,@ 000 2 @.@ 5"), "a-b 1,000 2.5");
  EXPECT_EQ(d("a : b ; c . d ! e ? f , g"), "a: b; c. d! e? f, g");
  EXPECT_EQ(d("( a ) [ b ] { c }"), "(a) [b] {c}");
  EXPECT_EQ(d("\" a \" and ' b '"), "\"a\" and 'b'");
  EXPECT_EQ(d("( a\n ) ( open"), "(a) ( open");
  EXPECT_EQ(d("= = = = A = = = ="), "==== A ====");
  EXPECT_EQ(d("= = A = ="), "== A ==");
  EXPECT_EQ(d("5 \u00b0 C"), "5\u00b0C");
  EXPECT_EQ(d("a \n b"), "a\nb");
  EXPECT_EQ(d("a N b"), "a 1 b");
  EXPECT_EQ(d("Tom 's"), "Tom's");
}

TEST(Wikitext, ScoresTheCleanTextOverTheWordsAndBytesOfTheRawOne) {
  const auto task = make_task("wikitext");
  const Document page{0, {{"page", " = A = \n b @-@ c"}}};
  const auto requests = task->requests(page, {});
  EXPECT_EQ(std::get<ScoreRolling>(requests.at(0)).text, " = A =\nb-c");
  TextScore answer;
  answer.log_likelihood = -12;
  const std::vector<Response> responses{answer};
  const auto score = task->score(page, responses);
  EXPECT_EQ(score[0].metric, "word_perplexity");
  EXPECT_EQ(score[0].value, -12);
  EXPECT_EQ(score[0].weight, 7);  // "", =, A, =, b, @-@, c
  EXPECT_EQ(score[1].weight, 16);
}

TEST(RollingSuites, AFailedPageHasNoValue) {
  const auto task = make_task("wikitext");
  const std::vector<Response> responses{Failed{"no memory"}};
  const auto score = task->score({0, {{"page", "a"}}}, responses);
  ASSERT_EQ(score.size(), 3U);
  EXPECT_EQ(score[0].value, std::nullopt);
}

TEST(RollingSuites, TakeNoExamples) {
  const Document page{0, {{"page", "a"}}};
  const std::vector<const Document*> shots{&page};
  EXPECT_THAT(tests::error_of([&] { (void)make_task("wikitext")->requests(page, shots); }),
              testing::HasSubstr("no worked examples"));
}

}  // namespace
}  // namespace hylo::tasks
