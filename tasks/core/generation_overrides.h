// Generation settings from the command line that take the place of the task's.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tasks/core/request.h"

namespace hylo::tasks {

/// What is absent stays as the task has it.
struct GenerationOverrides {
  std::optional<std::vector<std::string>> stop;
  std::optional<int64_t> max_new_tokens;
  std::optional<bool> do_sample;
  std::optional<double> temperature;
  std::optional<int64_t> top_k;
  std::optional<double> top_p;
  std::optional<double> min_p;
  std::optional<double> repetition_penalty;
  std::optional<uint64_t> seed;
  bool operator==(const GenerationOverrides&) const = default;
};

/// Two forms, with the keys of lm-eval's --gen_kwargs:
///   until=Question:,max_gen_toks=64,temperature=0.7     (until may occur several times)
///   {"until": ["a, b", "c"], "max_gen_toks": 64}        (stop strings that hold commas)
/// Keys: until, max_gen_toks (or max_new_tokens, max_tokens, max_completion_tokens), do_sample,
/// temperature, top_k, top_p, min_p, repetition_penalty, seed. An empty text overrides nothing.
/// Throws Error for an unknown key (with the nearest), a value of the wrong type or out of range,
/// and settings that contradict each other or would have no effect (top_k while decoding greedily).
GenerationOverrides parse_generation_overrides(std::string_view text);

/// A temperature above 0 samples; do_sample without a temperature samples at 1.
GenerateText with_overrides(GenerateText request, const GenerationOverrides& overrides);

}  // namespace hylo::tasks
