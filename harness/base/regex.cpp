#include "harness/base/regex.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include <array>

#include "harness/base/error.h"
#include "harness/base/unicode.h"

namespace hylo {
namespace {

/// A thread's own stack for JIT: the built-in 32 KB are too small for long runs of one class.
pcre2_match_context* match_context() {
  struct Owned {
    pcre2_match_context* context = pcre2_match_context_create(nullptr);
    pcre2_jit_stack* stack = pcre2_jit_stack_create(64 * 1024, 16 * 1024 * 1024, nullptr);
    Owned() { pcre2_jit_stack_assign(context, nullptr, stack); }
    ~Owned() {
      pcre2_match_context_free(context);
      pcre2_jit_stack_free(stack);
    }
  };
  thread_local Owned owned;
  return owned.context;
}

/// pcre2_match on a subject that is known to be valid UTF-8.
int match(const pcre2_code* code, std::string_view subject, size_t begin, pcre2_match_data* data) {
  const auto run = [&](uint32_t options) {
    return pcre2_match(code, reinterpret_cast<PCRE2_SPTR>(subject.data()), subject.size(), begin,
                       PCRE2_NO_UTF_CHECK | options, data, match_context());
  };
  const int result = run(0);
  // A group repeated over a very long run needs more stack than JIT has; the interpreter keeps its
  // notes on the heap and answers the same.
  return result == PCRE2_ERROR_JIT_STACKLIMIT ? run(PCRE2_NO_JIT) : result;
}

bool found_match(int result) {
  require(result >= 0 || result == PCRE2_ERROR_NOMATCH, "regular expression: PCRE2 error {}",
          result);
  return result >= 0;
}

}  // namespace

struct Regex::Code {
  pcre2_code* compiled = nullptr;
  ~Code() { pcre2_code_free(compiled); }
};

Regex::Regex(const std::string& pattern) : code_(std::make_unique<Code>()) {
  int error = 0;
  PCRE2_SIZE offset = 0;
  code_->compiled =
      pcre2_compile(reinterpret_cast<PCRE2_SPTR>(pattern.data()), pattern.size(),
                    PCRE2_UTF | PCRE2_UCP | PCRE2_NO_UTF_CHECK, &error, &offset, nullptr);
  if (!code_->compiled) {
    std::array<PCRE2_UCHAR, 256> text{};
    pcre2_get_error_message(error, text.data(), text.size());
    fail("regular expression '{}': {} at offset {}", pattern,
         reinterpret_cast<const char*>(text.data()), offset);
  }
  // Without JIT support the interpreter answers the same, only slower.
  pcre2_jit_compile(code_->compiled, PCRE2_JIT_COMPLETE);
}
Regex::~Regex() = default;
Regex::Regex(Regex&&) noexcept = default;
Regex& Regex::operator=(Regex&&) noexcept = default;

std::optional<std::vector<Regex::Span>> Regex::search(std::string_view subject,
                                                      size_t begin) const {
  const std::unique_ptr<pcre2_match_data, void (*)(pcre2_match_data*)> data(
      pcre2_match_data_create_from_pattern(code_->compiled, nullptr), pcre2_match_data_free);
  const int result = match(code_->compiled, subject, begin, data.get());
  if (!found_match(result)) return std::nullopt;
  const PCRE2_SIZE* offsets = pcre2_get_ovector_pointer(data.get());
  std::vector<Span> spans(pcre2_get_ovector_count(data.get()),
                          {std::string_view::npos, std::string_view::npos});
  for (size_t i = 0; i < static_cast<size_t>(result); ++i) {
    spans[i] = {offsets[2 * i], offsets[2 * i + 1]};
  }
  return spans;
}

Regex::Walk::Walk(const Regex& regex, std::string_view subject)
    : regex_(regex),
      subject_(subject),
      match_data_(pcre2_match_data_create_from_pattern(regex.code_->compiled, nullptr)) {}

Regex::Walk::~Walk() { pcre2_match_data_free(static_cast<pcre2_match_data*>(match_data_)); }

bool Regex::Walk::next(Span& span) {
  if (position_ > subject_.size()) return false;
  auto* data = static_cast<pcre2_match_data*>(match_data_);
  const int result = match(regex_.code_->compiled, subject_, position_, data);
  if (!found_match(result)) return false;
  const PCRE2_SIZE* offsets = pcre2_get_ovector_pointer(data);
  span = {offsets[0], offsets[1]};
  position_ = span.end;
  if (span.end == span.begin) {
    position_ += span.end < subject_.size() ? code_point_at(subject_, span.end).num_bytes : 1;
  }
  return true;
}

std::string Regex::replace(std::string_view subject, std::string_view replacement) const {
  std::string out;
  size_t copied = 0;
  for_each(subject, [&](Span span) {
    out.append(subject.substr(copied, span.begin - copied)).append(replacement);
    copied = span.end;
  });
  return out.append(subject.substr(copied));
}

}  // namespace hylo
