#include "models/tokenizer/normalizer.h"

#include <utf8proc.h>

#include <algorithm>
#include <cstdlib>
#include <memory>

#include "harness/base/error.h"
#include "harness/base/overloaded.h"
#include "harness/base/regex.h"
#include "harness/base/unicode.h"

namespace hylo::models {
namespace {

/// Below U+0300 (lead byte 0xCC) nothing combines and everything is composed.
bool is_surely_composed(std::string_view text) {
  return std::none_of(text.begin(), text.end(),
                      [](char byte) { return static_cast<unsigned char>(byte) >= 0xCC; });
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
  if (form == UnicodeForm::Nfc && is_surely_composed(text)) return std::string(text);
  utf8proc_uint8_t* mapped = nullptr;
  const auto size = utf8proc_map(reinterpret_cast<const utf8proc_uint8_t*>(text.data()),
                                 static_cast<utf8proc_ssize_t>(text.size()), &mapped,
                                 static_cast<utf8proc_option_t>(utf8proc_options(form)));
  const std::unique_ptr<utf8proc_uint8_t, void (*)(void*)> owned(mapped, std::free);
  require(size >= 0, "tokenizer: Unicode normalization of {} bytes failed: {}", text.size(),
          utf8proc_errmsg(size));
  return {reinterpret_cast<const char*>(mapped), static_cast<size_t>(size)};
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
