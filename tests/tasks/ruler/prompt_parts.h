// What tests read out of a prompt of RULER.
#pragma once

#include <fmt/format.h>

#include <string>
#include <utility>
#include <vector>

namespace hylo::tests {

/// "One of the special magic numbers for KEY is: VALUE." -> the pairs of a prompt.
inline std::vector<std::pair<std::string, std::string>> needles_of(const std::string& input) {
  std::vector<std::pair<std::string, std::string>> pairs;
  constexpr std::string_view begin = "One of the special magic ";
  for (size_t at = input.find(begin); at != std::string::npos; at = input.find(begin, at + 1)) {
    const size_t key = input.find(" for ", at) + 5;
    const size_t is = input.find(" is: ", key);
    const size_t value = is + 5;
    pairs.emplace_back(input.substr(key, is - key),
                       input.substr(value, input.find('.', value) - value));
  }
  return pairs;
}

/// The documents of a prompt in their order.
inline std::vector<std::string> documents_of(const std::string& input) {
  std::vector<std::string> documents;
  for (size_t number = 1;; ++number) {
    const auto heading = fmt::format("Document {}:\n", number);
    const size_t begin = input.find(heading);
    if (begin == std::string::npos) return documents;
    const size_t end = input.find("\n\n", begin);
    documents.push_back(input.substr(begin, end - begin));
  }
}

}  // namespace hylo::tests
