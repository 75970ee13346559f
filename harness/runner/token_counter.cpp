#include "harness/runner/token_counter.h"

#include <algorithm>
#include <set>
#include <string>

#include "harness/base/error.h"
#include "harness/base/unicode.h"

namespace hylo::harness {
namespace {

/// Every letter and digit, and what the prompts have beside them.
constexpr std::string_view needed =
    "abcdefghijklmnopqrstuvwxyz ABCDEFGHIJKLMNOPQRSTUVWXYZ 0123456789 ( ) , . ' - : = ?\nend";

void add_code_points(std::set<char32_t>& points, std::string_view text) {
  for (size_t i = 0; i < text.size();) {
    const auto point = code_point_at(text, i);
    if (!is_python_space(point.value)) points.insert(point.value);
    i += point.num_bytes;
  }
}

std::set<char32_t> code_points_of(const tasks::ruler::Sources& sources) {
  std::set<char32_t> points;
  const auto add_all = [&](const std::vector<std::string>& texts) {
    for (const auto& text : texts) add_code_points(points, text);
  };
  add_code_points(points, sources.essay);
  add_all(sources.words.nouns);
  add_all(sources.words.adjectives);
  add_all(sources.words.verbs);
  for (const auto* set : {&sources.squad, &sources.hotpotqa}) add_all(set->documents);
  return points;
}

}  // namespace

tasks::ruler::CountTokens counter_of(const models::Tokenizer& tokenizer) {
  return [&tokenizer](std::string_view text) {
    return static_cast<int64_t>(tokenizer.encode(text, false).size());
  };
}

void check_has_characters(const models::Tokenizer& tokenizer, std::string_view name,
                          const tasks::ruler::Sources& sources) {
  const auto decoded = tokenizer.decode(tokenizer.encode(needed, false), false);
  const auto back = python_strip(decoded);  // some put a blank in front of every text
  require(back == needed,
          "{}: the tokenizer loses characters that RULER's prompts need: expected '{}' back, found "
          "'{}'; its lengths would mean nothing",
          name, needed, back);
  const auto unknown = tokenizer.info().unknown;
  if (!unknown) return;
  for (const char32_t point : code_points_of(sources)) {
    std::string character;
    append_utf8(character, point);
    const auto ids = tokenizer.encode(character, false);
    require(std::ranges::find(ids, *unknown) == ids.end(),
            "{}: the tokenizer has only its unknown token for '{}' (U+{:04X}) of the sources; use "
            "other texts or another tokenizer",
            name, character, static_cast<uint32_t>(point));
  }
}

}  // namespace hylo::harness
