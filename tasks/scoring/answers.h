// From a generated text to an answer, and from an answer to right or wrong.
// Source: lm-evaluation-harness 0.4, lm_eval/filters/extraction.py and api/metrics.py
// (exact_match).
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "harness/base/regex.h"

namespace hylo::tasks {

/// What stands for an answer where none was found.
inline constexpr std::string_view no_answer = "[invalid]";

enum class Take { First, Last };

struct AnswerFilter {
  std::string name;
  Regex pattern;
  Take take = Take::First;
};

/// The first or last match: its first group that is not empty, or all of it if the pattern has no
/// groups; stripped as Python strips. no_answer without a match.
std::string extract_answer(const AnswerFilter& filter, std::string_view response);

struct ExactMatch {
  std::vector<Regex> ignored;  ///< every match of each, in order, is removed from both sides
  bool ignores_case = false;
};

std::string normalised_answer(const ExactMatch& comparison, std::string_view answer);
bool is_exact_match(const ExactMatch& comparison, std::string_view answer,
                    std::string_view reference);

/// Bytes that are not UTF-8 replaced by U+FFFD, so that patterns may be applied.
std::string as_valid_utf8(std::string_view text);

}  // namespace hylo::tasks
