// Tokens that are found in a text before the model sees it.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace hylo::models {

struct AddedToken {
  int32_t id = 0;
  std::string content;
  bool special = false;      ///< left out of a decoded text on request
  bool lstrip = false;       ///< takes the white space before it along
  bool rstrip = false;       ///< ... and after it
  bool single_word = false;  ///< not inside a word
  bool normalized = false;   ///< sought in the normalized text
};

/// Finds added tokens: the leftmost, of those the longest. O(text x longest token) at worst.
class AddedTokenFinder {
 public:
  /// Called with the parts of a text in order: an id, or nothing and the text between tokens, which
  /// is not empty.
  using OnPart = std::function<void(std::optional<int32_t> id, std::string_view text)>;

  AddedTokenFinder() = default;
  /// Contents must not be empty; of two equal ones the later counts.
  explicit AddedTokenFinder(std::vector<AddedToken> tokens);

  void split(std::string_view text, const OnPart& on_part) const;

 private:
  struct Match {
    size_t begin, end;
    const AddedToken* token;
  };
  struct Node {
    std::vector<std::pair<unsigned char, uint32_t>> next;
    int32_t token = -1;  // place in tokens_
  };

  void insert(const std::string& content, size_t token);
  [[nodiscard]] uint32_t child(uint32_t node, unsigned char byte) const;
  [[nodiscard]] std::optional<Match> find(std::string_view text, size_t begin) const;

  std::vector<AddedToken> tokens_;
  std::array<bool, 256> may_begin_{};  // by first byte
  std::vector<Node> nodes_{1};         // a trie; 0 is the root and stands for "none" as a child
};

}  // namespace hylo::models
