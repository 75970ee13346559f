#include "models/tokenizer/pattern_scanner.h"

#include <array>
#include <string>

#include "harness/base/regex.h"
#include "harness/base/unicode.h"
#include "models/tokenizer/normalizer.h"

namespace hylo::models {
namespace {

constexpr size_t no_limit = std::string_view::npos;
constexpr char32_t end_of_unicode = 0x110000;

// Sources: openai/gpt-2 src/encoder.py; the tokenizer.json of meta-llama/Meta-Llama-3-8B; the slow
// tokenizer of Qwen2 (transformers, models/qwen2).
struct NamedPattern {
  KnownPattern pattern;
  std::string_view text;
};
constexpr std::array known_patterns{
    NamedPattern{KnownPattern::Gpt2,
                 R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)"},
    NamedPattern{KnownPattern::Llama3,
                 R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3})"
                 R"(| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)"},
    NamedPattern{KnownPattern::Qwen2,
                 R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N})"
                 R"(| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)"},
};

bool is_line_end(char c) { return c == '\r' || c == '\n'; }
char ascii_lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; }

/// Bytes of 's, 't, 're, 've, 'm, 'll or 'd at `at`, where the apostrophe stands; 0 if it is none.
size_t contraction(std::string_view text, size_t at, bool any_case) {
  const auto letter = [&](size_t i) {
    const char c = at + i < text.size() ? text[at + i] : '\0';
    return any_case ? ascii_lower(c) : c;
  };
  const char first = letter(1);
  if (first == 's' || first == 't' || first == 'm' || first == 'd') return 2;
  if ((first == 'r' || first == 'v') && letter(2) == 'e') return 3;
  if (first == 'l' && letter(2) == 'l') return 3;
  // The long s is the one other character that equals a letter of these but for case.
  if (any_case && text.substr(at + 1).starts_with("\u017F")) return 3;
  return 0;
}

void mark(std::vector<uint8_t>& classes, const std::string& every_character,
          const std::vector<char32_t>& character_at, const char* pattern, uint8_t kind) {
  Regex(pattern).for_each(every_character, [&](Regex::Span span) {
    for (size_t i = span.begin; i < span.end; ++i) classes[character_at[i]] = kind;
  });
}

}  // namespace

std::string_view text_of(KnownPattern pattern) {
  for (const auto& known : known_patterns) {
    if (known.pattern == pattern) return known.text;
  }
  return {};
}

std::optional<KnownPattern> known_pattern(std::string_view text) {
  for (const auto& known : known_patterns) {
    if (known.text == text) return known.pattern;
  }
  return std::nullopt;
}

PatternScanner::PatternScanner(KnownPattern pattern)
    : pattern_(pattern),
      max_digits_(pattern == KnownPattern::Llama3 ? 3 : 1),
      classes_(classes().data()) {}

/// Taken from PCRE2 itself, so that both ways know one edition of Unicode.
const std::vector<uint8_t>& PatternScanner::classes() {
  static const std::vector<uint8_t> table = [] {
    std::string every_character;
    std::vector<char32_t> character_at;
    for (char32_t c = 0; c < end_of_unicode; ++c) {
      if (c >= 0xD800 && c < 0xE000) continue;  // surrogates are no characters
      append_utf8(every_character, c);
      character_at.resize(every_character.size(), c);
    }
    std::vector<uint8_t> classes(end_of_unicode, Other);
    mark(classes, every_character, character_at, "\\p{L}+", Letter);
    mark(classes, every_character, character_at, "\\p{N}+", Number);
    mark(classes, every_character, character_at, "\\p{White_Space}+", Space);
    return classes;
  }();
  return table;
}

PatternScanner::Seen PatternScanner::look(std::string_view text, size_t at) const {
  const auto* bytes = reinterpret_cast<const unsigned char*>(text.data()) + at;
  const unsigned lead = bytes[0];
  if (lead < 0x80) return {static_cast<Class>(classes_[lead]), 1};
  const auto rest = [&](size_t i) { return static_cast<unsigned>(bytes[i]) & 0x3F; };
  if (lead < 0xE0) return {static_cast<Class>(classes_[(lead & 0x1F) << 6 | rest(1)]), 2};
  if (lead < 0xF0) {
    return {static_cast<Class>(classes_[(lead & 0x0F) << 12 | rest(1) << 6 | rest(2)]), 3};
  }
  const unsigned point = (lead & 0x07) << 18 | rest(1) << 12 | rest(2) << 6 | rest(3);
  return {static_cast<Class>(classes_[point]), 4};
}

/// The end of the run of one class at `at`, of at most `max_count` characters.
size_t PatternScanner::run(std::string_view text, size_t at, Class kind, size_t max_count) const {
  for (size_t count = 0; at < text.size() && count < max_count; ++count) {
    const Seen seen = look(text, at);
    if (seen.kind != kind) break;
    at += seen.num_bytes;
  }
  return at;
}

size_t PatternScanner::end_of_piece(std::string_view text, size_t begin) const {
  return pattern_ == KnownPattern::Gpt2 ? end_gpt2(text, begin) : end_llama3(text, begin);
}

// The alternatives of each pattern in their order.
size_t PatternScanner::end_gpt2(std::string_view text, size_t begin) const {
  if (text[begin] == '\'') {
    if (const size_t size = contraction(text, begin, false)) return begin + size;
  }
  const size_t word = begin + (text[begin] == ' ');
  const Class kind = word < text.size() ? look(text, word).kind : Space;
  if (kind != Space) return run(text, word, kind, no_limit);
  return end_of_blanks(text, begin, false);
}

size_t PatternScanner::end_llama3(std::string_view text, size_t begin) const {
  if (text[begin] == '\'') {
    if (const size_t size = contraction(text, begin, true)) return begin + size;
  }
  const Seen first = look(text, begin);
  if (first.kind == Letter) return run(text, begin, Letter, no_limit);
  if (first.kind == Number) return run(text, begin, Number, max_digits_);
  const size_t second = begin + first.num_bytes;
  if (!is_line_end(text[begin])) {
    const size_t end = run(text, second, Letter, no_limit);
    if (end > second) return end;
  }
  const size_t sign = begin + (text[begin] == ' ');
  size_t end = run(text, sign, Other, no_limit);
  if (end == sign) return end_of_blanks(text, begin, true);
  while (end < text.size() && is_line_end(text[end])) ++end;
  return end;
}

/// `\s*[\r\n]+|\s+(?!\S)|\s+`, the first only if `lines_apart`: up to the last line end of the run;
/// without one all of the run but its last character, which belongs to the word that follows.
size_t PatternScanner::end_of_blanks(std::string_view text, size_t begin, bool lines_apart) const {
  size_t end = begin, last = begin, after_line_end = begin;
  while (end < text.size()) {
    const Seen seen = look(text, end);
    if (seen.kind != Space) break;
    last = end;
    end += seen.num_bytes;
    if (is_line_end(text[last])) after_line_end = end;
  }
  if (lines_apart && after_line_end > begin) return after_line_end;
  return end == text.size() || last == begin ? end : last;
}

}  // namespace hylo::models
