#include "datasets/held_out.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <set>

#include "tests/support/test_data.h"

namespace hylo::datasets {
namespace {

using ::testing::HasSubstr;
using tests::error_of;

TrainingDocument document(const std::string& text) { return {.spans = {{text}}, .origin = text}; }

std::vector<TrainingDocument> numbers(int begin, int end) {
  std::vector<TrainingDocument> documents;
  for (int i = begin; i < end; ++i) documents.push_back(document("number " + std::to_string(i)));
  return documents;
}

std::set<std::string> origins(const std::vector<TrainingDocument>& documents) {
  std::set<std::string> all;
  for (const auto& each : documents) all.insert(each.origin);
  return all;
}

TEST(HeldOut, EveryDocumentIsOnOneSideAndTheShareIsAbout) {
  const auto divided = hold_out(numbers(0, 1000), 0.1, 7);
  EXPECT_EQ(divided.training.size() + divided.held_out.size(), 1000);
  // 1000 draws at 0.1: a standard deviation of 9.5, six of them.
  EXPECT_NEAR(static_cast<double>(divided.held_out.size()), 100, 57);
  EXPECT_EQ(divided.training.front().origin, "number 0");
}

TEST(HeldOut, MoreDocumentsMoveNoOther) {
  const auto few = origins(hold_out(numbers(100, 300), 0.2, 1).held_out);
  const auto many = origins(hold_out(numbers(0, 400), 0.2, 1).held_out);
  for (int i = 100; i < 300; ++i) {
    const auto name = "number " + std::to_string(i);
    EXPECT_EQ(few.contains(name), many.contains(name)) << name;
  }
}

TEST(HeldOut, AnotherSeedHoldsOutOthers) {
  const auto held_out = [](uint64_t seed) {
    return origins(hold_out(numbers(0, 200), 0.2, seed).held_out);
  };
  EXPECT_EQ(held_out(1), held_out(1));
  EXPECT_NE(held_out(1), held_out(2));
}

TEST(HeldOut, ALargerShareHoldsOutTheSameAndMore) {
  const auto small = origins(hold_out(numbers(0, 200), 0.1, 1).held_out);
  const auto large = origins(hold_out(numbers(0, 200), 0.3, 1).held_out);
  EXPECT_TRUE(std::ranges::includes(large, small));
}

TEST(HeldOut, ATextThatOccursTwiceIsOnOneSide) {
  auto documents = numbers(0, 100);
  for (auto& each : numbers(0, 100)) documents.push_back(std::move(each));
  const auto divided = hold_out(std::move(documents), 0.3, 1);
  const auto training = origins(divided.training);
  for (const auto& each : divided.held_out) EXPECT_FALSE(training.contains(each.origin));
}

TEST(HeldOut, ASideLeftEmptyIsAnError) {
  EXPECT_THAT(error_of([] { hold_out({document("a")}, 0.5, 1); }),
              HasSubstr("held-out documents: expected some of 1 documents on both sides, found "));
  EXPECT_THAT(error_of([] { hold_out(numbers(0, 9), 1, 1); }),
              HasSubstr("expected a share between 0 and 1, both excluded, found 1"));
}

TEST(HeldOut, DocumentsOfAFileOfTheirOwnAreLeftOutOfTraining) {
  const auto divided = hold_out(numbers(0, 10), numbers(8, 12));
  EXPECT_EQ(divided.training.size(), 8);
  EXPECT_EQ(divided.held_out.size(), 4);
  EXPECT_EQ(divided.num_repeated, 2);
  EXPECT_THAT(error_of([] { hold_out(numbers(0, 2), numbers(0, 3)); }),
              HasSubstr("expected documents to train on, found that all 2 are held out"));
}

}  // namespace
}  // namespace hylo::datasets
