// The error of a mean over cells that share questions, worked by hand and held against the formulas
// that it must become.
#include "reports/compare/mean_of_cells.h"

#include <gmock/gmock.h>

#include <cmath>
#include <random>
#include <stdexcept>

namespace hylo::reports {
namespace {

using Cells = std::vector<std::vector<WeightedValue>>;

WeightedValue of(int64_t cluster, double value) { return {.value = value, .cluster = cluster}; }

TEST(MeanOfCells, TheSameAnswersAtTwoLengthsTellNoMoreThanAtOne) {
  // Question 0 is right at both lengths, 1 wrong. Each deviates by sqrt(2) 0.5 / 2 in each cell:
  // (2 sqrt(2) / 4)^2 = 1/2 for each, SE^2 = (1/2 + 1/2) / 2^2.
  const Cells cells{{of(0, 1), of(1, 0)}, {of(0, 1), of(1, 0)}};
  const auto mean = mean_of_cells(cells);
  EXPECT_DOUBLE_EQ(mean.value.value(), 0.5);
  EXPECT_DOUBLE_EQ(mean.clustered_error.value(), 0.5);
  EXPECT_DOUBLE_EQ(mean.standard_error.value(), std::sqrt(0.5 * 0.5 + 0.5 * 0.5) / 2);
  EXPECT_EQ(mean.best_error(), mean.clustered_error);
  EXPECT_EQ(mean.n, 4);
  EXPECT_EQ(mean.num_clusters, 2);
}

TEST(MeanOfCells, AnswersThatMakeUpForEachOtherLeaveNoError) {
  const Cells cells{{of(0, 1), of(1, 0)}, {of(0, 0), of(1, 1)}};
  EXPECT_NEAR(mean_of_cells(cells).clustered_error.value(), 0, 1e-15);
}

TEST(MeanOfCells, OneCommonQuestionOfThreeByHand) {
  // Cell 1: mean 1/3, questions 0 1 2 deviate by 2/9, -1/9, -1/9, scaled by sqrt(3/2).
  // Cell 2: mean 2/3, questions 0 3 4 deviate by 1/9, 1/9, -2/9, scaled alike.
  // Sums 3/9, -1/9, -1/9, 1/9, -2/9: squares 16/81; SE^2 = 3/2 * 16/81 / 4 = 2/27.
  const Cells cells{{of(0, 1), of(1, 0), of(2, 0)}, {of(0, 1), of(3, 1), of(4, 0)}};
  const auto mean = mean_of_cells(cells);
  EXPECT_DOUBLE_EQ(mean.clustered_error.value(), std::sqrt(2.0 / 27));
  EXPECT_EQ(mean.num_clusters, 5);
}

TEST(MeanOfCells, IndependentCellsHaveTheErrorOfTheirMeans) {
  // Errors 0.5 and 1: sqrt(0.25 + 1) / 2.
  const Cells single{{{1}, {0}}, {{3}, {1}}};
  const auto mean = mean_of_cells(single);
  EXPECT_DOUBLE_EQ(mean.standard_error.value(), std::sqrt(1.25) / 2);
  EXPECT_FALSE(mean.clustered_error);
  EXPECT_EQ(mean.best_error(), mean.standard_error);
  // An article of two questions at one length, another one at the other: no common clusters.
  const Cells articles{{of(0, 1), of(0, 1), of(1, 0)}, {of(2, 1), of(2, 0), of(3, 0)}};
  double squares = 0;
  for (const auto& scores : articles) {
    squares += std::pow(aggregate(Aggregation::Mean, scores).clustered_error.value(), 2);
  }
  EXPECT_DOUBLE_EQ(mean_of_cells(articles).clustered_error.value(), std::sqrt(squares) / 2);
}

TEST(MeanOfCells, OfOneCellItIsTheErrorOfTheCell) {
  const std::vector<WeightedValue> scores{of(0, 1), of(0, 1), of(1, 0), {.value = 0.5}};
  const auto cell = aggregate(Aggregation::Mean, scores);
  const auto mean = mean_of_cells(Cells{scores});
  EXPECT_DOUBLE_EQ(mean.value.value(), cell.value.value());
  EXPECT_DOUBLE_EQ(mean.clustered_error.value(), cell.clustered_error.value());
  EXPECT_EQ(mean.num_clusters, cell.num_clusters);
}

TEST(MeanOfCells, OfTheSameQuestionsItIsTheErrorOfTheMeansOfTheQuestions) {
  std::mt19937_64 random(7);
  std::normal_distribution<double> noise;
  Cells cells(3);
  std::vector<double> means;
  for (int64_t question = 0; question < 50; ++question) {
    const double ease = noise(random);
    double sum = 0;
    for (auto& cell : cells) {
      cell.push_back(of(question, ease + noise(random)));
      sum += cell.back().value;
    }
    means.push_back(sum / 3);
  }
  EXPECT_NEAR(mean_of_cells(cells).clustered_error.value(), standard_error(means).value(), 1e-12);
}

TEST(MeanOfCells, AWeightCountsInTheValueAndInItsErrors) {
  // Errors 0.5 and 1, weights 1 and 3: sqrt(0.25 + 9) / 4.
  const Cells single{{{1}, {0}}, {{3}, {1}}};
  const auto mean = mean_of_cells(single, std::vector<double>{1, 3});
  EXPECT_DOUBLE_EQ(mean.value.value(), (0.5 + 3 * 2) / 4);
  EXPECT_DOUBLE_EQ(mean.best_error().value(), std::sqrt(9.25) / 4);
  // The same two questions: their weighted means are 1 and 0, whose mean has the error 0.5.
  const Cells shared{{of(0, 1), of(1, 0)}, {of(0, 1), of(1, 0)}};
  EXPECT_DOUBLE_EQ(mean_of_cells(shared, std::vector<double>{1, 3}).best_error().value(), 0.5);
  EXPECT_THROW((void)mean_of_cells(shared, std::vector<double>{1}), std::logic_error);
}

TEST(MeanOfCells, WithoutScoresThereIsNoValueAndWithOneClusterNoError) {
  EXPECT_FALSE(mean_of_cells(Cells{{{1}, {0}}, {}}).value);
  const auto one = mean_of_cells(Cells{{of(0, 1), of(0, 0)}, {of(0, 1), of(1, 0)}});
  EXPECT_DOUBLE_EQ(one.value.value(), 0.5);
  EXPECT_FALSE(one.best_error());
  EXPECT_FALSE(one.standard_error);
  EXPECT_THROW((void)mean_of_cells(Cells{}), std::logic_error);
}

}  // namespace
}  // namespace hylo::reports
