// Byte pair encoding: symbols of a piece merged pair by pair, lowest rank first, leftmost first.
// Source: Sennrich, Haddow, Birch 2016 (arXiv 1508.07909), in the form of Hugging Face's
// tokenizers.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "models/tokenizer/vocabulary.h"

namespace hylo::models {

/// What a file says of the model; `where` in the functions below opens messages.
struct BpeModel {
  Vocabulary vocabulary;
  std::vector<std::pair<std::string, std::string>> merges;  ///< best first
  std::optional<std::string> unknown;  ///< stands for a character that has no token
  bool fuse_unknown = false;           ///< one unknown token for a run of such characters
  bool byte_fallback = false;  ///< ... but bytes as tokens <0x00> to <0xFF> where these exist
  bool ignore_merges = false;  ///< a piece that is a token is taken whole, merges or not
  bool byte_level = false;     ///< tokens are spelt in GPT-2's alphabet of 256 letters for bytes
};

/// (left id, right id) to rank and merged id.
class MergeTable {
 public:
  struct Merge {
    uint32_t rank = none;
    int32_t id = -1;
  };
  static constexpr uint32_t none = 0xFFFFFFFF;

  /// Throws Error naming the merge whose tokens the vocabulary lacks.
  MergeTable(const BpeModel& model, const std::string& where);
  /// rank is `none` where the pair does not merge.
  [[nodiscard]] Merge find(int32_t left, int32_t right) const;

 private:
  struct Slot {
    uint64_t key = free_key;
    Merge merge;
  };
  static constexpr uint64_t free_key = ~uint64_t{0};
  std::vector<Slot> slots_;  // open addressing
};

/// Encodes pieces. A piece of n bytes costs O(n log n), whatever it is.
class Bpe {
 public:
  /// Throws Error where the model contradicts itself.
  Bpe(BpeModel model, const std::string& where);

  /// Appends the ids of one piece, valid UTF-8. Throws Error when a character has no token and the
  /// model has no token for the unknown.
  void append_ids(std::string_view piece, std::vector<int32_t>& ids) const;
  [[nodiscard]] const Vocabulary& vocabulary() const { return vocabulary_; }

  /// Whether a text may be cut before each blank mark (U+2581) that follows another character: a
  /// SentencePiece-like model where no merge reaches over such a place, so that words are pieces.
  [[nodiscard]] bool cuts_at_marks() const { return cuts_at_marks_; }

 private:
  [[nodiscard]] std::optional<int32_t> whole(std::string_view piece) const;
  [[nodiscard]] std::vector<int32_t> symbols_of_bytes(std::string_view piece) const;
  [[nodiscard]] std::vector<int32_t> symbols_of_characters(std::string_view piece) const;
  [[nodiscard]] bool append_bytes(std::string_view character, std::vector<int32_t>& symbols) const;

  Vocabulary vocabulary_;
  MergeTable merges_;
  bool byte_level_, ignore_merges_, fuse_unknown_, cuts_at_marks_;
  std::optional<int32_t> unknown_;
  std::array<int32_t, 256> byte_ids_{};  // -1: no such token
};

/// U+2581, which stands for a blank in SentencePiece-like vocabularies.
inline constexpr std::string_view blank_mark = "\xE2\x96\x81";

/// Where the first word of a text ends: before the first blank mark that follows another character.
size_t end_of_marked_word(std::string_view text);

/// GPT-2's alphabet: every byte as one printable character, in UTF-8.
std::string byte_level_spelling(std::string_view bytes);
/// The bytes that a token spells; nothing when a character of it is not of that alphabet.
std::optional<std::string> byte_level_bytes(std::string_view token);

}  // namespace hylo::models
