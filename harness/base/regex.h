// Regular expressions by PCRE2, with Unicode properties and JIT.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace hylo {

/// A compiled pattern; safe to use from several threads. The subject must be valid UTF-8 and is not
/// checked (first_invalid_utf8 does that once): PCRE2's own check before every match makes a walk
/// over a long line quadratic.
class Regex {
 public:
  struct Span {
    size_t begin = 0;
    size_t end = 0;
  };

  /// Throws Error, with the place in the pattern, when it does not compile.
  explicit Regex(const std::string& pattern);
  ~Regex();
  Regex(Regex&&) noexcept;
  Regex& operator=(Regex&&) noexcept;

  /// The next match at or after `begin`, as byte offsets: group 0 and then the groups (a group that
  /// took no part is empty at npos).
  [[nodiscard]] std::optional<std::vector<Span>> search(std::string_view subject,
                                                        size_t begin = 0) const;

  /// Calls `on_match(Span)` for every non-overlapping match, left to right, without allocating per
  /// match. An empty match moves on by one code point.
  template <class OnMatch>
  void for_each(std::string_view subject, OnMatch&& on_match) const {
    Walk walk(*this, subject);
    Span span;
    while (walk.next(span)) on_match(span);
  }

  /// Every match replaced by `replacement`, taken literally.
  [[nodiscard]] std::string replace(std::string_view subject, std::string_view replacement) const;

 private:
  struct Code;
  class Walk {
   public:
    Walk(const Regex& regex, std::string_view subject);
    ~Walk();
    Walk(const Walk&) = delete;
    Walk& operator=(const Walk&) = delete;
    bool next(Span& span);

   private:
    const Regex& regex_;
    std::string_view subject_;
    size_t position_ = 0;
    void* match_data_;
  };
  std::unique_ptr<Code> code_;
};

}  // namespace hylo
