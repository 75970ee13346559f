#include "models/tokenizer/normalizer.h"

#include <utf8proc.h>

#include <cstdlib>
#include <memory>

#include "harness/base/error.h"
#include "harness/base/overloaded.h"
#include "harness/base/regex.h"
#include "harness/base/unicode.h"

namespace hylo::models {
namespace {

std::string map_by_utf8proc(std::string_view text, int options) {
  utf8proc_uint8_t* mapped = nullptr;
  const auto size = utf8proc_map(reinterpret_cast<const utf8proc_uint8_t*>(text.data()),
                                 static_cast<utf8proc_ssize_t>(text.size()), &mapped,
                                 static_cast<utf8proc_option_t>(options));
  const std::unique_ptr<utf8proc_uint8_t, void (*)(void*)> owned(mapped, std::free);
  require(size >= 0, "tokenizer: Unicode normalization of {} bytes failed: {}", text.size(),
          utf8proc_errmsg(size));
  return {reinterpret_cast<const char*>(mapped), static_cast<size_t>(size)};
}

/// Characters before which a text can be cut without changing its composed form: they stay as they
/// are (NFC_Quick_Check is Yes) and combine with nothing before them.
bool is_cut_point(utf8proc_int32_t c) {
  const bool is_hangul_vowel_or_final =
      (c >= 0x1161 && c <= 0x1175) || (c >= 0x11A8 && c <= 0x11C2);
  const auto* property = utf8proc_get_property(c);
  // utf8proc marks what may be the second of a composition by an index from 0x8000 on.
  const bool may_be_second = property->comb_index != UINT16_MAX && property->comb_index >= 0x8000;
  if (is_hangul_vowel_or_final || may_be_second || property->combining_class != 0) return false;
  if (property->decomp_seqindex == UINT16_MAX || property->decomp_type != 0) return true;
  std::string character;
  append_utf8(character, static_cast<char32_t>(c));
  return map_by_utf8proc(character, UTF8PROC_STABLE | UTF8PROC_COMPOSE) == character;
}

const std::vector<bool>& cut_points() {
  static const std::vector<bool> table = [] {
    std::vector<bool> points(0x110000);
    for (size_t c = 0; c < points.size(); ++c) points[c] = is_cut_point(static_cast<int32_t>(c));
    return points;
  }();
  return table;
}

/// Where the first character from `begin` on stands that is (`wanted`) or is not a cut point.
size_t find_cut_point(std::string_view text, size_t begin, bool wanted) {
  const auto& points = cut_points();
  while (begin < text.size()) {
    // Below U+0300 (lead byte 0xCC) all are.
    const bool is_low = static_cast<unsigned char>(text[begin]) < 0xCC;
    if (is_low && !wanted) {
      ++begin;
      continue;
    }
    const auto [value, num_bytes] = code_point_at(text, begin);
    if (points[value] == wanted) break;
    begin += num_bytes;
  }
  return begin;
}

size_t previous_character(std::string_view text, size_t at) {
  do {
    --at;
  } while (at > 0 && (static_cast<unsigned char>(text[at]) & 0xC0) == 0x80);
  return at;
}

/// Only what is around characters that may change goes through utf8proc: texts that are composed
/// already, which nearly all are, pass at the speed of a scan.
std::string composed(std::string_view text) {
  std::string out;
  for (size_t done = 0; done < text.size();) {
    const size_t changing = find_cut_point(text, done, false);
    const bool has_starter = changing > done && changing < text.size();
    const size_t begin = has_starter ? previous_character(text, changing) : changing;
    const size_t end = find_cut_point(text, changing, true);
    out += text.substr(done, begin - done);
    if (end > begin) {
      out += map_by_utf8proc(text.substr(begin, end - begin), UTF8PROC_STABLE | UTF8PROC_COMPOSE);
    }
    done = end;
  }
  return out;
}

int utf8proc_options(UnicodeForm form) {
  switch (form) {
    case UnicodeForm::Nfc:
      return UTF8PROC_STABLE | UTF8PROC_COMPOSE;
    case UnicodeForm::Nfd:
      return UTF8PROC_STABLE | UTF8PROC_DECOMPOSE;
    case UnicodeForm::Nfkc:
      return UTF8PROC_STABLE | UTF8PROC_COMPOSE | UTF8PROC_COMPAT;
    case UnicodeForm::Nfkd:
      return UTF8PROC_STABLE | UTF8PROC_DECOMPOSE | UTF8PROC_COMPAT;
  }
  return 0;
}

std::string replaced(const Replace& replace, std::string_view text) {
  if (replace.is_literal) return replace_all(text, replace.pattern, replace.content);
  return Regex(to_pcre2(replace.pattern)).replace(text, replace.content);
}

}  // namespace

std::string to_unicode_form(std::string_view text, UnicodeForm form) {
  return form == UnicodeForm::Nfc ? composed(text) : map_by_utf8proc(text, utf8proc_options(form));
}

std::string normalize(const std::vector<NormalizerStep>& steps, std::string_view text) {
  std::string out(text);
  for (const auto& step : steps) {
    out = std::visit(
        overloaded{
            [&](UnicodeForm form) { return to_unicode_form(out, form); },
            [&](const Prepend& prepend) { return out.empty() ? out : prepend.text + out; },
            [&](const Replace& replace) { return replaced(replace, out); },
        },
        step);
  }
  return out;
}

std::string to_pcre2(std::string_view pattern) {
  std::string out;
  for (size_t i = 0; i < pattern.size(); ++i) {
    if (pattern[i] != '\\' || i + 1 == pattern.size()) {
      out += pattern[i];
      continue;
    }
    const char letter = pattern[++i];
    require(letter != 'h' && letter != 'H', "pattern '{}': \\{} is not supported", pattern, letter);
    if (letter == 's') {
      out += "\\p{White_Space}";
    } else if (letter == 'S') {
      out += "\\P{White_Space}";
    } else {
      out.append({'\\', letter});
    }
  }
  return out;
}

}  // namespace hylo::models
