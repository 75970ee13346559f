#include "models/tokenizer/pre_tokenizer.h"

#include <algorithm>
#include <optional>

#include "harness/base/overloaded.h"
#include "harness/base/regex.h"
#include "harness/base/unicode.h"
#include "models/tokenizer/normalizer.h"
#include "models/tokenizer/pattern_scanner.h"

namespace hylo::models {
namespace {

struct Part {
  size_t begin, end;
  bool is_match;
};

std::string literal_pattern(std::string_view text) {
  std::string pattern;
  for (const char c : text) {
    const bool is_special = static_cast<unsigned char>(c) < 0x80 && !std::isalnum(c);
    if (is_special) pattern += '\\';
    pattern += c;
  }
  return pattern;
}

/// Matches and what lies between them, in order, none empty.
std::vector<Part> parts_of(std::string_view text, const Regex& regex, bool invert) {
  std::vector<Part> parts;
  size_t done = 0;
  regex.for_each(text, [&](Regex::Span span) {
    if (span.begin > done) parts.push_back({done, span.begin, invert});
    if (span.end > span.begin) parts.push_back({span.begin, span.end, !invert});
    done = span.end;
  });
  if (done < text.size()) parts.push_back({done, text.size(), invert});
  return parts;
}

/// A match joins the part before it, unless that is a match.
std::vector<Part> merged_with_previous(const std::vector<Part>& parts) {
  std::vector<Part> out;
  bool after_match = false;
  for (const auto& part : parts) {
    if (part.is_match && !after_match && !out.empty()) {
      out.back().end = part.end;
    } else {
      out.push_back(part);
    }
    after_match = part.is_match;
  }
  return out;
}

/// The same read from the right.
std::vector<Part> merged_with_next(const std::vector<Part>& parts) {
  std::vector<Part> out;
  bool before_match = false;
  for (auto part = parts.rbegin(); part != parts.rend(); ++part) {
    if (part->is_match && !before_match && !out.empty()) {
      out.back().begin = part->begin;
    } else {
      out.push_back(*part);
    }
    before_match = part->is_match;
  }
  std::reverse(out.begin(), out.end());
  return out;
}

std::vector<Part> contiguous(const std::vector<Part>& parts) {
  std::vector<Part> out;
  for (const auto& part : parts) {
    if (!out.empty() && out.back().is_match == part.is_match) {
      out.back().end = part.end;
    } else {
      out.push_back(part);
    }
  }
  return out;
}

std::vector<Part> behave(std::vector<Part> parts, SplitBehavior behavior) {
  switch (behavior) {
    case SplitBehavior::Isolated:
      break;
    case SplitBehavior::Removed:
      std::erase_if(parts, [](const Part& part) { return part.is_match; });
      break;
    case SplitBehavior::MergedWithPrevious:
      return merged_with_previous(parts);
    case SplitBehavior::MergedWithNext:
      return merged_with_next(parts);
    case SplitBehavior::Contiguous:
      return contiguous(parts);
  }
  return parts;
}

}  // namespace

/// One step made ready: first the text is changed, then cut.
struct PreTokenizer::Stage {
  bool add_prefix_space = false;
  std::optional<Metaspace> metaspace;
  std::optional<PatternScanner> scanner;
  std::optional<Regex> regex;
  SplitBehavior behavior = SplitBehavior::Isolated;
  bool invert = false;

  Stage(const PreTokenizerStep& step, PreTokenizerOptions options) {
    std::visit(overloaded{
                   [&](const Split& split) { cut_by(split, options); },
                   [&](const ByteLevel& level) {
                     add_prefix_space = level.add_prefix_space;
                     const std::string gpt2(text_of(KnownPattern::Gpt2));
                     if (level.use_regex) cut_by({.pattern = gpt2}, options);
                   },
                   [&](const Metaspace& space) {
                     metaspace = space;
                     const Split at_mark{.pattern = space.mark,
                                         .is_literal = true,
                                         .behavior = SplitBehavior::MergedWithNext};
                     if (space.split) cut_by(at_mark, options);
                   },
               },
               step);
  }

  void cut_by(const Split& split, PreTokenizerOptions options) {
    behavior = split.behavior;
    invert = split.invert;
    const auto known = known_pattern(split.pattern);
    // These patterns match everywhere: isolated matches and removed gaps are the same pieces.
    const bool keeps_matches =
        invert ? behavior == SplitBehavior::Removed : behavior == SplitBehavior::Isolated;
    if (options.use_scanners && !split.is_literal && known && keeps_matches) {
      scanner.emplace(*known);
    } else {
      regex.emplace(split.is_literal ? literal_pattern(split.pattern) : to_pcre2(split.pattern));
    }
  }

  [[nodiscard]] bool changes_text() const { return add_prefix_space || metaspace; }

  [[nodiscard]] std::string changed(std::string_view text, bool is_first) const {
    if (add_prefix_space) return (text.starts_with(' ') ? "" : " ") + std::string(text);
    std::string out = replace_all(text, " ", metaspace->mark);
    const bool wants_mark = metaspace->prepend == Metaspace::Prepend::Always ||
                            (metaspace->prepend == Metaspace::Prepend::First && is_first);
    return wants_mark && !out.starts_with(metaspace->mark) ? metaspace->mark + out : out;
  }

  template <class OnPart>
  void cut(std::string_view text, const OnPart& on_part) const {
    if (scanner) {
      for (size_t begin = 0, end = 0; begin < text.size(); begin = end) {
        end = scanner->end_of_piece(text, begin);
        on_part(text.substr(begin, end - begin));
      }
    } else if (regex) {
      for (const auto& part : behave(parts_of(text, *regex, invert), behavior)) {
        on_part(text.substr(part.begin, part.end - part.begin));
      }
    } else {
      on_part(text);
    }
  }
};

PreTokenizer::PreTokenizer(const std::vector<PreTokenizerStep>& steps,
                           PreTokenizerOptions options) {
  for (const auto& step : steps) stages_.push_back(std::make_unique<const Stage>(step, options));
}
PreTokenizer::~PreTokenizer() = default;

void PreTokenizer::split(std::string_view text, bool is_first, const OnPiece& on_piece) const {
  if (!text.empty()) split_from(0, text, is_first, on_piece);
}

void PreTokenizer::split_from(size_t stage, std::string_view text, bool is_first,
                              const OnPiece& on_piece) const {
  if (stage == stages_.size()) return on_piece(text);
  const Stage& now = *stages_[stage];
  const std::string changed = now.changes_text() ? now.changed(text, is_first) : std::string();
  now.cut(now.changes_text() ? std::string_view(changed) : text, [&](std::string_view part) {
    split_from(stage + 1, part, is_first, on_piece);
    is_first = false;
  });
}

}  // namespace hylo::models
