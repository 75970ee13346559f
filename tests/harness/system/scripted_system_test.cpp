#include "harness/system/scripted_system.h"

#include <gmock/gmock.h>

namespace hylo::harness {
namespace {

tasks::Response answer(const tasks::Request& request) {
  CrcSystem system;
  tasks::Response answer;
  system.answer({&request, 1}, [&](size_t, tasks::Response response) { answer = response; });
  return answer;
}

// CRC-32 of "The sky is", 0x1f, " blue" is 4043274542: 46 modulo 64, bit 16 set.
TEST(CrcSystem, ALogLikelihoodFollowsFromTheChecksumOfContextAndContinuation) {
  const auto blue = std::get<tasks::TextScore>(answer(tasks::ScoreText{"The sky is", " blue"}));
  EXPECT_EQ(blue.log_likelihood, -11.75);
  EXPECT_TRUE(blue.is_greedy);
  const auto green = std::get<tasks::TextScore>(answer(tasks::ScoreText{"The sky is", " green"}));
  EXPECT_EQ(green.log_likelihood, -2.25);
  EXPECT_FALSE(green.is_greedy);
}

// CRC-32 of "A text." is 3044109678: 100546 modulo 1000003.
TEST(CrcSystem, ARollingTextIsScoredByItsChecksum) {
  const auto score = std::get<tasks::TextScore>(answer(tasks::ScoreRolling{"A text."}));
  EXPECT_EQ(score.log_likelihood, -12568.25);
  EXPECT_THAT(score.window_log_likelihoods, testing::ElementsAre(-12568.25));
}

// CRC-32 of the prompt is 2193272296.
TEST(CrcSystem, AGeneratedTextIsTheChecksumOfThePromptModulo1000) {
  const auto text = std::get<tasks::GeneratedText>(
      answer(tasks::GenerateText{.prompt = "Q: 1+1?\nA:", .stop = {}, .sampling = {}}));
  EXPECT_EQ(text.text, "#### 296");
}

}  // namespace
}  // namespace hylo::harness
