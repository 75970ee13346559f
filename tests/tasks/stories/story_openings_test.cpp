#include "tasks/stories/story_openings.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include "harness/base/files.h"
#include "harness/base/unicode.h"
#include "tasks/catalog.h"
#include "tasks/core/task_data.h"
#include "tests/support/test_data.h"

namespace hylo::tasks {
namespace {

using testing::HasSubstr;

std::vector<Document> openings() { return make_task("story_openings")->generate_documents(); }

StoryGrammar grammar() {
  return read_story_grammar(shipped_file("tasks/stories/story_grammar.json"));
}

std::vector<std::string> choices_of(const Document& document) {
  return document.fields.at("choices").get<std::vector<std::string>>();
}

TEST(StoryOpenings, NoneOccursTwiceAndNoPlaceIsLeftOpen) {
  std::set<std::string> seen;
  for (const auto& document : openings()) {
    const auto opening = document.fields.at("opening").get<std::string>();
    EXPECT_TRUE(seen.insert(opening).second) << opening;
    for (const auto& choice : choices_of(document)) {
      EXPECT_EQ((opening + choice).find_first_of("{}|"), std::string::npos);
    }
  }
  EXPECT_GE(seen.size(), 200U);
}

TEST(StoryOpenings, ADocumentDoesNotDependOnOthers) {
  EXPECT_EQ(story_opening(grammar(), 77).fields, openings()[77].fields);
}

// They have one text but for the names and things in it.
TEST(StoryOpenings, DocumentsOfOneFrameAreOneCluster) {
  const auto task = make_task("story_openings");
  const auto documents = openings();
  const auto num_frames = grammar().frames.size();
  std::map<std::string, std::set<size_t>> frames;
  for (size_t i = 0; i < documents.size(); ++i) {
    const auto cluster = task->cluster_of(documents[i]);
    EXPECT_NE(cluster, "");
    frames[cluster].insert(i % num_frames);
  }
  EXPECT_EQ(frames.size(), num_frames);
  for (const auto& [cluster, of_cluster] : frames) EXPECT_EQ(of_cluster.size(), 1U);
}

TEST(StoryOpenings, BothContinuationsHaveTheSameNumberOfWordsAndDiffer) {
  for (const auto& document : openings()) {
    const auto choices = choices_of(document);
    ASSERT_EQ(choices.size(), 2U);
    EXPECT_NE(choices[0], choices[1]);
    EXPECT_EQ(std::ranges::count(choices[0], ' '), std::ranges::count(choices[1], ' '))
        << choices[0];
  }
}

TEST(StoryOpenings, TheSensibleContinuationIsFirstAboutHalfOfTheTime) {
  const auto documents = openings();
  const auto first = std::ranges::count_if(
      documents, [](const Document& d) { return d.fields.at("answer") == 0; });
  // Four standard deviations of a fair coin.
  EXPECT_NEAR(static_cast<double>(first), documents.size() / 2.0, 2 * std::sqrt(documents.size()));
}

TEST(StoryOpenings, AWordThatMakesSenseHereBreaksTheStoryThere) {
  // A system that only prefers some words to others gains nothing where continuations are fixed
  // texts: each occurs as the sensible one as often as the broken one of its partner.
  std::map<std::string, int> balance;
  for (const auto& frame : grammar().frames) {
    if (frame.kind != "thing" && frame.kind != "feeling" && frame.kind != "verb") continue;
    const Json fields = {{"hero", {{"her", "her"}}}, {"place", "park"}, {"parent", "mom"}};
    const auto first_word = [&](const TextTemplate& text) {
      const auto rendered = text.render(fields);
      return rendered.substr(0, rendered.find(' '));
    };
    ++balance[first_word(frame.sensible)];
    --balance[first_word(*frame.broken)];
  }
  EXPECT_GE(balance.size(), 10U);
  for (const auto& [word, count] : balance) EXPECT_EQ(count, 0) << word;
}

TEST(StoryGrammar, MovedWordsAreTheSameWordsInAnotherOrder) {
  CounterRandom random(1);
  const std::string text = "They were happy friends.";
  const auto moved = with_words_moved(text, random);
  EXPECT_NE(moved, text);
  EXPECT_TRUE(moved.ends_with("."));
  EXPECT_NE(moved.substr(0, 5), "They ");
  auto sorted_letters = moved;
  auto expected = text;
  std::ranges::sort(sorted_letters);
  std::ranges::sort(expected);
  EXPECT_EQ(sorted_letters, expected);
  EXPECT_THAT(tests::error_of([&] { with_words_moved("no no.", random); }), HasSubstr("differ"));
}

TEST(StoryGrammar, AMisspeltKeyIsAnErrorWithItsPath) {
  Json json = read_json_file(shipped_file("tasks/stories/story_grammar.json"));
  json["frames"][2]["brokn"] = "x";
  const tests::TemporaryFolder folder;
  write_text_file(folder / "grammar.json", json.dump());
  EXPECT_THAT(tests::error_of([&] { read_story_grammar(folder / "grammar.json"); }),
              HasSubstr("frames[2].brokn: unknown key"));
}

TEST(TaskDataOfStories, NeedsNoDataRootAndHasAFingerprint) {
  for (const char* name : {"story_openings", "story_perplexity"}) {
    const auto data = open_task_data(*make_task(name), "", /*with_pool=*/false);
    EXPECT_FALSE(data.documents.empty());
    EXPECT_EQ(data.sha256.size(), 64U);
    EXPECT_TRUE(data.is_verified);
  }
}

}  // namespace
}  // namespace hylo::tasks
