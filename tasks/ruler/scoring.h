// Scores of RULER. Source: NVIDIA/RULER c3f5e3b, scripts/eval/synthetic/constants.py,
// scripts/eval/evaluate.py; averages and effective length: arXiv 2404.06654.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "tasks/ruler/ruler_spec.h"

namespace hylo::tasks::ruler {

/// What is scored of a prediction: white space (Python's) stripped, each character below U+0020
/// turned into a line feed, stripped again.
std::string postprocessed(std::string_view prediction);

/// Share of the references that are in the prediction, or 1 where any is; both in Python's lower
/// case. From 0 to 1. `prediction` is taken as it is: postprocess it first. Throws Error without
/// references.
double score_of(Metric metric, std::string_view prediction,
                std::span<const std::string> references);

/// Mean of the samples' scores times 100, rounded as the reference does it. Throws Error for none.
double task_score(std::span<const double> sample_scores);

/// Python's round(): to so many decimals, a tie of the exact binary value to the even digit.
double python_round(double value, int decimals);

struct LengthScore {
  int64_t length = 0;
  double score = 0;  ///< mean over the tasks, 0 to 100
};

/// Averages over lengths, as the paper prints them.
struct LengthAverages {
  double plain = 0;
  double increasing = 0;  ///< wAvg. (inc): weights 1, 2, ... from the shortest length on
  double decreasing = 0;  ///< wAvg. (dec): the same from the longest on
};
/// Scores in any order of length. Throws Error for none.
LengthAverages averages_over_lengths(std::vector<LengthScore> scores);

/// Mean over the tasks at one length. Throws Error for none.
double average_over_tasks(std::span<const double> task_scores);

/// What Llama-2-7B-chat scores at 4K: a length counts as effective above it.
inline constexpr double effective_threshold = 85.6;

/// The largest length whose score exceeds the threshold, if one does.
std::optional<int64_t> effective_length(std::span<const LengthScore> scores,
                                        double threshold = effective_threshold);

}  // namespace hylo::tasks::ruler
