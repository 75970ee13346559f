// What became of a sample set that was to be built, for the user to read.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

#include "harness/base/json.h"
#include "tasks/ruler/sample_set.h"

namespace hylo::cli {

/// One task at one length.
struct BuildJob {
  const tasks::ruler::RulerSpec* spec = nullptr;
  int64_t length = 0;
};

/// What became of a job.
struct BuildOutcome {
  BuildJob job;
  std::string state;   ///< built, there, fits, left out
  std::string reason;  ///< it was left out
  std::filesystem::path file;
  std::optional<tasks::ruler::SampleSetHeader> header;
  std::optional<int64_t> smallest_length;  ///< where it was looked for and is known
  std::optional<int64_t> needed_length;    ///< the same, of the very samples that were asked for
  int64_t num_tried = 0;                   ///< samples of a dry run that were made
  double tokens_per_sample = 0, bytes_per_sample = 0;
  double seconds = 0;
};

inline constexpr auto left_out = "left out";

/// Why a set was left out, with the lengths that would do where they are known.
std::string reason_of(const BuildOutcome& outcome);
/// A line for the terminal; num_samples are those that were asked for.
std::string line_of(const BuildOutcome& outcome, int64_t num_samples);
OrderedJson json_of(const BuildOutcome& outcome);

}  // namespace hylo::cli
