// Evaluations while a student learns: the flags that ask for them, and the lines that tell them.
#pragma once

#include <CLI/CLI.hpp>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "harness/training/prepared_training.h"
#include "harness/training/student_evaluation.h"

namespace hylo::cli {

struct TrainingEvaluationOptions {
  std::vector<std::string> tasks;
  std::optional<int64_t> every, limit;
  std::string sets;
  bool is_off = false;
};

void add_evaluation_options(CLI::App& verb, TrainingEvaluationOptions& options);
harness::EvaluationRequest request_of(const TrainingEvaluationOptions& options);

/// "  step 50: acc of arc_easy 0.25", its error, documents and run: a line for each task.
std::vector<std::string> evaluation_lines(int64_t step, const harness::EvaluationOutcome& outcome);

}  // namespace hylo::cli
