// What goes wrong, in two kinds: what the user, the caller or the machine must put right (Error),
// and faults of ours (std::logic_error).
#pragma once

#include <fmt/core.h>

#include <stdexcept>
#include <string>
#include <utility>

namespace hylo {

/// The text says where, what was expected, what was found, and what to do. main() prints it and
/// exits 2.
class Error : public std::runtime_error {
 public:
  explicit Error(const std::string& text) : std::runtime_error(text) {}
};

/// Throws Error with the formatted text unless `holds`.
template <class... Args>
void require(bool holds, fmt::format_string<Args...> text, Args&&... args) {
  if (!holds) throw Error(fmt::format(text, std::forward<Args>(args)...));
}

/// Throws Error with the formatted text.
template <class... Args>
[[noreturn]] void fail(fmt::format_string<Args...> text, Args&&... args) {
  throw Error(fmt::format(text, std::forward<Args>(args)...));
}

/// Throws std::logic_error unless `holds`: something that only a bug of ours can bring about.
template <class... Args>
void invariant(bool holds, fmt::format_string<Args...> text, Args&&... args) {
  if (!holds) throw std::logic_error(fmt::format(text, std::forward<Args>(args)...));
}

}  // namespace hylo
