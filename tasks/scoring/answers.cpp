#include "tasks/scoring/answers.h"

#include "harness/base/unicode.h"

namespace hylo::tasks {
namespace {

using Groups = std::vector<Regex::Span>;

std::string text_of_match(std::string_view subject, const Groups& groups) {
  const auto text = [&](Regex::Span span) {
    return std::string(python_strip(subject.substr(span.begin, span.end - span.begin)));
  };
  if (groups.size() == 1) return text(groups.front());
  for (size_t i = 1; i < groups.size(); ++i) {
    if (groups[i].begin != std::string_view::npos && groups[i].end > groups[i].begin) {
      return text(groups[i]);
    }
  }
  return std::string(no_answer);
}

}  // namespace

std::string extract_answer(const AnswerFilter& filter, std::string_view response) {
  const std::string subject = as_valid_utf8(response);
  std::optional<Groups> taken;
  for (size_t begin = 0; begin <= subject.size();) {
    auto groups = filter.pattern.search(subject, begin);
    if (!groups) break;
    const auto [match_begin, match_end] = groups->front();
    taken = std::move(groups);
    if (filter.take == Take::First) break;
    begin = match_end;
    if (match_begin == match_end) {
      begin += match_end < subject.size() ? code_point_at(subject, match_end).num_bytes : 1;
    }
  }
  return taken ? text_of_match(subject, *taken) : std::string(no_answer);
}

std::string normalised_answer(const ExactMatch& comparison, std::string_view answer) {
  std::string text = as_valid_utf8(answer);
  for (const auto& pattern : comparison.ignored) text = pattern.replace(text, "");
  return comparison.ignores_case ? python_lower(text) : text;
}

bool is_exact_match(const ExactMatch& comparison, std::string_view answer,
                    std::string_view reference) {
  return normalised_answer(comparison, answer) == normalised_answer(comparison, reference);
}

std::string as_valid_utf8(std::string_view text) {
  if (!first_invalid_utf8(text)) return std::string(text);
  std::string valid;
  for (size_t i = 0; i < text.size();) {
    const auto [value, num_bytes] = code_point_at(text, i);
    append_utf8(valid, value);
    i += num_bytes;
  }
  return valid;
}

}  // namespace hylo::tasks
