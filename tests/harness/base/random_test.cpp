#include "harness/base/random.h"

#include <gmock/gmock.h>

#include <numeric>

#include "tests/support/test_data.h"

namespace hylo::tests {
namespace {

using testing::Each;
using testing::ElementsAre;
using testing::HasSubstr;

TEST(PythonRandomNumbers, FloatsAreThoseOfCPython) {
  PythonRandom random(42);
  EXPECT_EQ(random.random(), 0.6394267984578837);
  EXPECT_EQ(random.random(), 0.025010755222666936);
  EXPECT_EQ(random.random(), 0.27502931836911926);
  EXPECT_EQ(PythonRandom(0).random(), 0.8444218515250481);
  EXPECT_EQ(PythonRandom(1234).random(), 0.9664535356921388);
}

TEST(PythonRandomNumbers, IntegersAreThoseOfCPython) {
  PythonRandom random(42);
  for (const int64_t expected : {2867825, 1419610, 5614226, 5108603, 4744854}) {
    EXPECT_EQ(random.randint(1000000, 9999999), expected);
  }
}

// 128 bits, of which CPython draws the least significant word first:
// bdd640fb-06671ad1-1c80317f-a3b1799d.
TEST(PythonRandomNumbers, BitsComeLeastSignificantWordFirst) {
  PythonRandom random(42);
  EXPECT_EQ(random.getrandbits(64), 0x1c80317fa3b1799dULL);
  EXPECT_EQ(random.getrandbits(64), 0xbdd640fb06671ad1ULL);
}

TEST(PythonRandomNumbers, ShuffleAndSampleAreThoseOfCPython) {
  std::vector<int> items(10);
  std::iota(items.begin(), items.end(), 0);
  PythonRandom(42).shuffle(items);
  EXPECT_THAT(items, ElementsAre(7, 3, 2, 8, 5, 6, 9, 4, 0, 1));
  EXPECT_THAT(PythonRandom(42).sample(40, 4), ElementsAre(7, 1, 17, 15));
  EXPECT_THAT(PythonRandom(42).sample(22, 5), ElementsAre(20, 3, 0, 8, 7));
}

TEST(PythonRandomNumbers, ASecondSampleGoesOnInTheStream) {
  PythonRandom random(1234);
  EXPECT_THAT(random.sample(7473, 5), ElementsAre(6374, 3610, 957, 61, 742));
  EXPECT_THAT(random.sample(7473, 5), ElementsAre(7462, 6610, 4769, 286, 5501));
}

TEST(PythonRandomNumbers, ChoicesAreThoseOfCPython) {
  std::string drawn;
  for (const size_t i : PythonRandom(42).choices(26, 5)) drawn += "ABCDEFGHIJKLMNOPQRSTUVWXYZ"[i];
  EXPECT_EQ(drawn, "QAHFT");
  EXPECT_THAT(error_of([] { (void)PythonRandom(1).choices(0, 1); }),
              HasSubstr("cannot choose from nothing"));
}

TEST(PythonRandomNumbers, GeneratorsAreEqualWhenTheSameDrawsAreToCome) {
  PythonRandom one(1);
  const PythonRandom other(1);
  EXPECT_EQ(one, other);
  (void)one.random();
  EXPECT_NE(one, other);
}

TEST(NumpyRandomNumbers, IntegersAreThoseOfNumpysLegacyGenerator) {
  NumpyRandom random(42);
  for (const int64_t expected : {25795, 10860, 86820, 64886, 16265, 92386, 47194, 97498}) {
    EXPECT_EQ(random.randint(10000, 99999), expected);
  }
}

TEST(NumpyRandomNumbers, ARangeOfOneNumberDrawsNothing) {
  NumpyRandom random(42);
  EXPECT_EQ(random.randint(7, 8), 7);
  EXPECT_EQ(random, NumpyRandom(42));
  EXPECT_THROW((void)random.randint(7, 7), std::logic_error);
}

TEST(PythonRandomNumbers, TheEdgesOfTheRangesAreRespected) {
  PythonRandom random(1);
  EXPECT_EQ(random.randbelow(1), 0U);
  EXPECT_EQ(random.randint(-3, -3), -3);
  EXPECT_THAT(random.sample(0, 0), testing::IsEmpty());
  EXPECT_THAT(error_of([&] { (void)random.sample(3, 4); }),
              HasSubstr("cannot draw 4 items from 3"));
  EXPECT_THROW((void)random.randbelow(0), std::logic_error);
  EXPECT_THROW((void)random.randint(2, 1), std::logic_error);
  EXPECT_THROW((void)random.getrandbits(0), std::logic_error);
  EXPECT_THROW((void)random.getrandbits(65), std::logic_error);
}

// The reference program of Vigna (splitmix64.c), seeds 0 and 1234567.
TEST(CounterRandomNumbers, TheSequenceIsSplitMix64) {
  CounterRandom zero(0);
  EXPECT_EQ(zero.next(), 0xE220A8397B1DCDAFULL);
  EXPECT_EQ(zero.next(), 0x6E789E6AA1B965F4ULL);
  EXPECT_EQ(zero.next(), 0x06C45D188009454FULL);
  EXPECT_EQ(CounterRandom(1234567).next(), 6457827717110365317ULL);
}

TEST(CounterRandomNumbers, ADrawDependsOnKeyAndCounterOnly) {
  CounterRandom from_start(7);
  for (int i = 0; i < 5; ++i) (void)from_start.next();
  EXPECT_EQ(CounterRandom(7, 5).next(), from_start.next());
}

TEST(CounterRandomNumbers, DrawsStayInsideTheirRange) {
  CounterRandom random(3);
  std::vector<int> counts(3);
  for (int i = 0; i < 3000; ++i) ++counts.at(random.below(3));
  EXPECT_THAT(counts, Each(testing::AllOf(testing::Gt(900), testing::Lt(1100))));
  for (int i = 0; i < 1000; ++i) {
    const double u = random.uniform();
    ASSERT_TRUE(u >= 0 && u < 1) << u;
  }
  EXPECT_EQ(random.below(1), 0U);
  EXPECT_THROW((void)random.below(0), std::logic_error);
}

}  // namespace
}  // namespace hylo::tests
