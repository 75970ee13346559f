#include "tasks/ruler/essay_haystack.h"

#include <utility>

#include "harness/base/error.h"
#include "harness/base/unicode.h"

namespace hylo::tasks::ruler {
namespace {

constexpr size_t max_kept = 8;

JoinedSentences joined(std::string_view text, const std::vector<Span>& spans) {
  JoinedSentences out;
  out.text.reserve(text.size() + spans.size());
  for (const auto& [begin, end] : spans) {
    if (!out.sentences.empty()) out.text += ' ';
    out.text += text.substr(begin, end - begin);
    out.sentences.push_back({out.text.size() - (end - begin), out.text.size()});
  }
  return out;
}

}  // namespace

std::string_view JoinedSentences::group(size_t first, size_t last) const {
  if (first >= last) return {};
  const size_t begin = sentences.at(first).begin;
  return std::string_view(text).substr(begin, sentences.at(last - 1).end - begin);
}

std::string with_single_spaces(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  bool in_space = false;
  for (size_t i = 0; i < text.size();) {
    const auto [value, num_bytes] = code_point_at(text, i);
    const bool is_space = is_python_space(value);
    if (!is_space) out.append(text, i, num_bytes);
    if (is_space && !in_space) out += ' ';
    in_space = is_space;
    i += num_bytes;
  }
  return out;
}

EssayHaystack::EssayHaystack(std::string_view essay, Punkt punkt)
    : text_(with_single_spaces(essay)), punkt_(std::move(punkt)) {
  require(!python_strip(essay).empty(), "essays: expected a text, found none");
  for (size_t i = 0; i < text_.size(); ++i) {
    if (text_[i] == ' ') word_ends_.push_back(i);
  }
  word_ends_.push_back(text_.size());
}

std::string EssayHaystack::first_words(int64_t num_words) const {
  std::string words;
  int64_t left = num_words;
  for (; left > this->num_words(); left -= this->num_words()) (words += text_) += ' ';
  if (left > 0) words.append(text_, 0, word_ends_[static_cast<size_t>(left) - 1]);
  return std::string(python_strip(words));
}

const JoinedSentences& EssayHaystack::sentences_of(int64_t num_words) {
  const auto found = kept_.find(num_words);
  if (found != kept_.end()) return found->second;
  if (kept_.size() >= max_kept) kept_.clear();
  const auto words = first_words(num_words);
  return kept_.emplace(num_words, joined(words, punkt_.sentences(words))).first->second;
}

}  // namespace hylo::tasks::ruler
