#include "models/tokenizer/detokenizer.h"

#include <algorithm>

#include "harness/base/unicode.h"

namespace hylo::models {
namespace {

using BrokenBytes = DecodeRules::BrokenBytes;
using LeadingBlank = DecodeRules::LeadingBlank;

constexpr std::string_view replacement_character = "\xEF\xBF\xBD";

struct Character {
  size_t num_bytes;  // of the character, or of the maximal subpart that is none
  bool is_valid;
  bool is_cut_off;  // valid so far: more bytes could complete it
};

struct LeadByte {
  size_t length;
  unsigned char second_min, second_max;
};

/// Table 3-7 of the Unicode Standard, "Well-Formed UTF-8 Byte Sequences"; length 0: cannot begin
/// one.
LeadByte lead_byte(unsigned char byte) {
  if (byte < 0x80) return {1, 0, 0};
  if (byte < 0xC2) return {0, 0, 0};
  if (byte < 0xE0) return {2, 0x80, 0xBF};
  if (byte == 0xE0) return {3, 0xA0, 0xBF};
  if (byte == 0xED) return {3, 0x80, 0x9F};
  if (byte < 0xF0) return {3, 0x80, 0xBF};
  if (byte == 0xF0) return {4, 0x90, 0xBF};
  if (byte < 0xF4) return {4, 0x80, 0xBF};
  if (byte == 0xF4) return {4, 0x80, 0x8F};
  return {0, 0, 0};
}

Character first_character(std::string_view bytes) {
  const auto [length, second_min, second_max] = lead_byte(static_cast<unsigned char>(bytes[0]));
  if (length == 0) return {1, false, false};
  for (size_t i = 1; i < length; ++i) {
    if (i == bytes.size()) return {i, false, true};
    const auto byte = static_cast<unsigned char>(bytes[i]);
    const bool continues =
        i == 1 ? byte >= second_min && byte <= second_max : byte >= 0x80 && byte <= 0xBF;
    if (!continues) return {i, false, false};
  }
  return {length, true, false};
}

/// Moves what is final from `bytes` to the end of `out`.
void move_final(std::string& out, std::string& bytes, BrokenBytes broken, bool at_end) {
  size_t taken = 0;
  while (taken < bytes.size()) {
    const auto rest = std::string_view(bytes).substr(taken);
    auto [num_bytes, is_valid, is_cut_off] = first_character(rest);
    if (is_cut_off && !at_end) break;
    if (!is_valid && broken == BrokenBytes::EachBroken) num_bytes = 1;
    out.append(is_valid ? rest.substr(0, num_bytes) : replacement_character);
    taken += num_bytes;
  }
  bytes.erase(0, taken);
}

}  // namespace

Detokenizer::Detokenizer(const Tokenizer& tokenizer, DetokenizerOptions options)
    : tokenizer_(tokenizer), rules_(tokenizer.decode_rules()), options_(options) {
  blank_may_come_ = rules_.leading_blank != LeadingBlank::Keep;
}

std::string Detokenizer::push(int32_t id) {
  const TokenText token = tokenizer_.text_of(id);
  std::string out;
  if (options_.skip_special_tokens && tokenizer_.is_special(id)) {
    // The sentencepiece library sees the piece and ends a run of bytes; other decoders never see
    // it.
    if (rules_.broken_bytes == BrokenBytes::EachBroken) take_bytes(out, true);
    return out;
  }
  if (rules_.broken_bytes == BrokenBytes::MaximalSubparts || token.is_byte_fallback) {
    pending_ += token.bytes;
    take_bytes(out, false);
  } else {
    take_bytes(out, true);
    take_piece(out, token);
  }
  return out;
}

std::string Detokenizer::finish() {
  std::string out;
  take_bytes(out, true);
  blank_may_come_ = rules_.leading_blank != LeadingBlank::Keep;
  has_text_ = false;
  return out;
}

void Detokenizer::take_bytes(std::string& out, bool at_end) {
  if (pending_.empty()) return;
  std::string text;
  if (rules_.broken_bytes != BrokenBytes::EachOfRun) {
    move_final(text, pending_, rules_.broken_bytes, at_end);
  } else if (at_end && first_invalid_utf8(pending_)) {
    for (size_t i = 0; i < pending_.size(); ++i) text += replacement_character;
    pending_.clear();
  } else if (at_end) {
    text.swap(pending_);
  }
  // Which blanks a piece may lose, a byte token keeps: the first text of either ends the search.
  if (rules_.leading_blank != LeadingBlank::StripFromText) {
    if (!text.empty()) blank_may_come_ = false;
  }
  put(out, text);
}

void Detokenizer::take_piece(std::string& out, const TokenText& token) {
  std::string_view piece = token.bytes;
  if (!blank_may_come_ || rules_.leading_blank == LeadingBlank::StripFromText) {
    return put(out, piece);
  }
  const bool begins_with_blank = piece.starts_with(' ') && !token.keeps_blank;
  if (rules_.leading_blank == LeadingBlank::StripAllOfFirstPiece) {
    std::string kept(piece);
    std::erase(kept, ' ');
    blank_may_come_ = false;
    return put(out, kept);
  }
  if (begins_with_blank) piece.remove_prefix(1);
  const bool waits_for_text = rules_.leading_blank == LeadingBlank::StripUntilText;
  blank_may_come_ = piece.empty() && (waits_for_text || !begins_with_blank);
  put(out, piece);
}

void Detokenizer::put(std::string& out, std::string_view text) {
  if (text.empty()) return;
  if (!has_text_ && rules_.leading_blank == LeadingBlank::StripFromText && blank_may_come_) {
    blank_may_come_ = false;
    if (text.starts_with(' ')) text.remove_prefix(1);
  }
  has_text_ = true;
  out += text;
}

std::string Tokenizer::decode(std::span<const int32_t> ids, bool skip_special_tokens) const {
  Detokenizer detokenizer(*this, {.skip_special_tokens = skip_special_tokens});
  std::string text;
  for (const int32_t id : ids) text += detokenizer.push(id);
  return text += detokenizer.finish();
}

}  // namespace hylo::models
