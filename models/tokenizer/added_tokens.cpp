#include "models/tokenizer/added_tokens.h"

#include <algorithm>

#include "harness/base/regex.h"
#include "harness/base/unicode.h"

namespace hylo::models {
namespace {

bool is_white_space(char32_t c) { return is_python_space(c) && !(c >= 0x1C && c <= 0x1F); }

size_t start_of_last_character(std::string_view text) {
  size_t begin = text.size() - 1;
  while (begin > 0 && (static_cast<unsigned char>(text[begin]) & 0xC0) == 0x80) --begin;
  return begin;
}

size_t without_trailing_blanks(std::string_view text) {
  while (!text.empty()) {
    const size_t last = start_of_last_character(text);
    if (!is_white_space(code_point_at(text, last).value)) break;
    text = text.substr(0, last);
  }
  return text.size();
}

size_t count_leading_blank_bytes(std::string_view text) {
  size_t end = 0;
  while (end < text.size() && is_white_space(code_point_at(text, end).value)) {
    end += code_point_at(text, end).num_bytes;
  }
  return end;
}

/// \w of the Unicode Standard, UTS 18 annex C.
bool is_word_character(std::string_view character) {
  static const Regex word("[\\p{Alphabetic}\\p{M}\\p{Nd}\\p{Pc}\\p{Join_Control}]");
  return word.search(character).has_value();
}

bool is_inside_word(std::string_view text, size_t begin, size_t end) {
  const auto before = text.substr(0, begin);
  const auto after = text.substr(end);
  if (!before.empty() && is_word_character(before.substr(start_of_last_character(before)))) {
    return true;
  }
  return !after.empty() && is_word_character(after.substr(0, code_point_at(after, 0).num_bytes));
}

}  // namespace

AddedTokenFinder::AddedTokenFinder(std::vector<AddedToken> tokens) : tokens_(std::move(tokens)) {
  for (size_t i = 0; i < tokens_.size(); ++i) insert(tokens_[i].content, i);
}

void AddedTokenFinder::insert(const std::string& content, size_t token) {
  may_begin_[static_cast<unsigned char>(content.front())] = true;
  uint32_t node = 0;
  for (const char c : content) {
    const auto byte = static_cast<unsigned char>(c);
    uint32_t next = child(node, byte);
    if (next == 0) {
      next = static_cast<uint32_t>(nodes_.size());
      nodes_[node].next.emplace_back(byte, next);
      nodes_.emplace_back();
    }
    node = next;
  }
  nodes_[node].token = static_cast<int32_t>(token);
}

uint32_t AddedTokenFinder::child(uint32_t node, unsigned char byte) const {
  for (const auto& [label, next] : nodes_[node].next) {
    if (label == byte) return next;
  }
  return 0;
}

std::optional<AddedTokenFinder::Match> AddedTokenFinder::find(std::string_view text,
                                                              size_t begin) const {
  for (; begin < text.size(); ++begin) {
    if (!may_begin_[static_cast<unsigned char>(text[begin])]) continue;
    uint32_t node = 0;
    std::optional<Match> longest;
    for (size_t i = begin; i < text.size(); ++i) {
      node = child(node, static_cast<unsigned char>(text[i]));
      if (node == 0) break;
      const int32_t token = nodes_[node].token;
      if (token >= 0) longest = {begin, i + 1, &tokens_[static_cast<size_t>(token)]};
    }
    if (longest) return longest;
  }
  return std::nullopt;
}

void AddedTokenFinder::split(std::string_view text, const OnPart& on_part) const {
  size_t done = 0, from = 0;
  while (!tokens_.empty() && from < text.size()) {
    auto match = find(text, from);
    if (!match) break;
    from = match->end;
    if (match->token->single_word && is_inside_word(text, match->begin, match->end)) continue;
    if (match->token->lstrip) {
      match->begin = std::max(done, without_trailing_blanks(text.substr(0, match->begin)));
    }
    if (match->token->rstrip) match->end += count_leading_blank_bytes(text.substr(match->end));
    if (match->begin > done) on_part(std::nullopt, text.substr(done, match->begin - done));
    on_part(match->token->id, text.substr(match->begin, match->end - match->begin));
    done = match->end;
    from = std::max(from, done);
  }
  if (done < text.size()) on_part(std::nullopt, text.substr(done));
}

}  // namespace hylo::models
