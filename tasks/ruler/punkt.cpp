#include "tasks/ruler/punkt.h"

#include <charconv>
#include <optional>

#include "harness/base/error.h"
#include "harness/base/files.h"
#include "harness/base/unicode.h"
#include "tasks/ruler/punkt_words.h"

namespace hylo::tasks::ruler {
namespace {

// Where a type was seen in the training text, as bits of ortho_context.tab: at the beginning of a
// sentence, inside one or unknown, each in upper and in lower case.
constexpr unsigned beginning_upper = 1U << 1;
constexpr unsigned inside_upper = 1U << 2;
constexpr unsigned unknown_upper = 1U << 3;
constexpr unsigned beginning_lower = 1U << 4;
constexpr unsigned inside_lower = 1U << 5;
constexpr unsigned unknown_lower = 1U << 6;
constexpr unsigned any_upper = beginning_upper | inside_upper | unknown_upper;
constexpr unsigned any_lower = beginning_lower | inside_lower | unknown_lower;

constexpr std::string_view ascii_space = " \t\n\r\v\f";
constexpr std::string_view closers = "\"')]}";

bool is_sentence_end(char c) { return c == '.' || c == '?' || c == '!'; }

std::string_view cut(std::string_view text, const Span& span) {
  return span.begin < span.end ? text.substr(span.begin, span.end - span.begin)
                               : std::string_view{};
}

size_t end_of_space(std::string_view text, size_t at) {
  while (at < text.size()) {
    const auto [value, num_bytes] = code_point_at(text, at);
    if (!is_python_space(value)) break;
    at += num_bytes;
  }
  return at;
}

size_t end_of_word(std::string_view text, size_t at) {
  while (at < text.size()) {
    const auto [value, num_bytes] = code_point_at(text, at);
    if (is_python_space(value)) break;
    at += num_bytes;
  }
  return at;
}

/// A place where a sentence may end, with what is looked at to decide.
struct Candidate {
  size_t context_begin = 0;         ///< of the word before
  size_t stop = 0;                  ///< the mark
  size_t context_end = 0;           ///< past what follows
  std::optional<size_t> next_word;  ///< after white space; absent: punctuation follows directly
};

/// The mark at `stop` with what follows it; nothing at the end of the text or inside a word.
std::optional<Candidate> candidate_at(std::string_view text, size_t stop) {
  const size_t after = stop + 1;
  if (after == text.size()) return std::nullopt;
  if (is_outside_words(text[after])) return Candidate{.stop = stop, .context_end = after + 1};
  const size_t next = end_of_space(text, after);
  if (next == after || next == text.size()) return std::nullopt;
  return Candidate{.stop = stop, .context_end = end_of_word(text, next), .next_word = next};
}

/// Begin of the word before `stop`: past the last blank since the mark before, else where the word
/// of that mark begins. (A blank that is the very first character does not count.)
size_t begin_of_context(std::string_view text, const Candidate& before, size_t stop) {
  const auto between = text.substr(before.stop, stop - before.stop);
  const size_t blank = between.find_last_of(ascii_space);
  const bool found = blank != std::string_view::npos && blank > 0;
  return found ? before.stop + blank + 1 : before.context_begin;
}

/// Closing punctuation at the beginning of a sentence belongs to the sentence before: its bytes,
/// and those with the white space after it.
struct Closing {
  size_t marks = 0, with_space = 0;
};

std::optional<Closing> closing_of(std::string_view sentence) {
  for (size_t i = 0; i < sentence.size(); ++i) {
    if (closers.find(sentence[i]) == std::string_view::npos) return std::nullopt;
    const size_t end = i + 1;
    const size_t after_space = end_of_space(sentence, end);
    const bool closes =
        after_space > end || end == sentence.size() || sentence.substr(end).starts_with("--");
    if (closes) return Closing{.marks = end, .with_space = after_space};
  }
  return std::nullopt;
}

std::vector<Span> with_closing_marks(std::string_view text, const std::vector<Span>& slices) {
  std::vector<Span> sentences;
  size_t taken = 0;  // Bytes of this slice that the sentence before has taken.
  for (size_t i = 0; i < slices.size(); ++i) {
    const Span sentence{slices[i].begin + taken, slices[i].end};
    taken = 0;
    const auto closing =
        i + 1 < slices.size() ? closing_of(cut(text, slices[i + 1])) : std::nullopt;
    if (closing) {
      sentences.push_back({sentence.begin, slices[i + 1].begin + closing->marks});
      taken = closing->with_space;
    } else if (!cut(text, sentence).empty()) {
      sentences.push_back(sentence);
    }
  }
  return sentences;
}

std::unordered_set<std::string> lines_in(const std::filesystem::path& file) {
  std::unordered_set<std::string> set;
  const auto text = read_text_file(file);
  for (const auto line : lines_of(text)) set.emplace(line);
  return set;
}

std::unordered_map<std::string, unsigned> numbers_in(const std::filesystem::path& file) {
  std::unordered_map<std::string, unsigned> numbers;
  const auto text = read_text_file(file);
  for (const auto line : lines_of(text)) {
    const size_t tab = line.find('\t');
    unsigned number = 0;
    const auto* end = line.data() + line.size();
    const bool holds = tab != std::string_view::npos &&
                       std::from_chars(line.data() + tab + 1, end, number).ptr == end;
    require(holds, "{}: expected a word, a tab and a number, found '{}'", file.string(), line);
    numbers.emplace(line.substr(0, tab), number);
  }
  return numbers;
}

}  // namespace

struct Punkt::Token {
  explicit Token(std::string_view word) : text(word), type(punkt_type(word)) {}

  [[nodiscard]] bool ends_in_period() const { return text.ends_with('.'); }
  [[nodiscard]] bool is_ellipsis() const {
    return text.size() > 1 && text.find_first_not_of('.') == std::string_view::npos;
  }
  /// One letter and a full stop.
  [[nodiscard]] bool is_initial() const {
    const auto [value, num_bytes] = code_point_at(text, 0);
    return is_python_word(value) && !is_python_digit(value) && text.substr(num_bytes) == ".";
  }
  [[nodiscard]] std::string type_without_period() const {
    return type.size() > 1 && type.ends_with('.') ? type.substr(0, type.size() - 1) : type;
  }
  [[nodiscard]] std::string type_in_sentence() const {
    return ends_sentence ? type_without_period() : type;
  }
  [[nodiscard]] char32_t first() const { return code_point_at(text, 0).value; }

  std::string_view text;
  std::string type;
  bool ends_sentence = false, is_abbreviated = false, is_dots = false;
};

Punkt::Punkt(const std::filesystem::path& folder)
    : abbreviations_(lines_in(folder / "abbrev_types.txt")),
      starters_(lines_in(folder / "sent_starters.txt")),
      collocations_(lines_in(folder / "collocations.tab")),
      ortho_context_(numbers_in(folder / "ortho_context.tab")) {}

Punkt Punkt::english() { return Punkt(shipped_file("tasks/ruler/punkt_english")); }

std::vector<Span> Punkt::sentences(std::string_view text) const {
  return with_closing_marks(text, slices(text));
}

/// Candidates whose words overlap count as one: the last of them decides.
std::vector<Span> Punkt::slices(std::string_view text) const {
  std::vector<Span> slices;
  size_t begin = 0;
  const auto decide = [&](const Candidate& candidate) {
    const Span context{candidate.context_begin, candidate.context_end};
    if (!contains_break(cut(text, context))) return;
    slices.push_back({begin, candidate.stop + 1});
    begin = candidate.next_word.value_or(candidate.stop + 1);
  };
  std::optional<Candidate> before;
  for (size_t at = text.find_first_of(".?!"); at != std::string_view::npos;
       at = text.find_first_of(".?!", at + 1)) {
    auto candidate = candidate_at(text, at);
    if (!candidate) continue;
    candidate->context_begin = begin_of_context(text, before.value_or(Candidate{}), at);
    if (before && before->stop <= candidate->context_begin) decide(*before);
    before = candidate;
  }
  if (before) decide(*before);
  slices.push_back({begin, python_rstrip(text).size()});
  return slices;
}

bool Punkt::contains_break(std::string_view context) const {
  std::vector<Token> tokens;
  for (const auto word : punkt_words(context)) {
    judge_alone(tokens.emplace_back(word));
  }
  for (size_t i = 0; i + 1 < tokens.size(); ++i) {
    judge_before(tokens[i], tokens[i + 1]);
    if (tokens[i].ends_sentence) return true;
  }
  return false;
}

bool Punkt::is_abbreviation(const std::string& lower) const {
  const size_t hyphen = lower.rfind('-');
  return abbreviations_.contains(lower) ||
         (hyphen != std::string::npos && abbreviations_.contains(lower.substr(hyphen + 1)));
}

/// First pass: what the type of a word says.
void Punkt::judge_alone(Token& token) const {
  if (token.text.size() == 1 && is_sentence_end(token.text[0])) {
    token.ends_sentence = true;
  } else if (token.is_ellipsis()) {
    token.is_dots = true;
  } else if (token.ends_in_period() && !token.text.ends_with("..")) {
    const auto lower = python_lower(token.text.substr(0, token.text.size() - 1));
    token.is_abbreviated = is_abbreviation(lower);
    token.ends_sentence = !token.is_abbreviated;
  }
}

/// Second pass: what the word after a period says of it (sections 4.1 to 4.3 of the paper).
void Punkt::judge_before(Token& token, const Token& next) const {
  if (!token.ends_in_period()) return;
  const auto type = token.type_without_period();
  const auto next_type = next.type_in_sentence();
  const auto no_break = [&] {
    token.ends_sentence = false;
    token.is_abbreviated = true;
  };
  if (collocations_.contains(type + "\t" + next_type)) return no_break();
  const bool is_initial = token.is_initial();
  const auto starts = starts_sentence(next);
  const bool next_is_upper = is_python_upper(next.first());
  if ((token.is_abbreviated || token.is_dots) && !is_initial) {
    const bool is_starter = next_is_upper && starters_.contains(next_type);
    if (starts == StartsSentence::Yes || is_starter) {
      token.ends_sentence = true;
      return;
    }
  }
  if (!is_initial && type != "##number##") return;
  const bool is_name = starts == StartsSentence::Unknown && is_initial && next_is_upper &&
                       (ortho_context(next_type) & any_lower) == 0;
  if (starts == StartsSentence::No || is_name) no_break();
}

/// The orthographic heuristic (section 4.1.1).
Punkt::StartsSentence Punkt::starts_sentence(const Token& token) const {
  constexpr std::string_view punctuation = ";:,.!?";
  if (token.text.size() == 1 && punctuation.find(token.text[0]) != std::string_view::npos) {
    return StartsSentence::No;
  }
  const unsigned context = ortho_context(token.type_in_sentence());
  const char32_t first = token.first();
  if (is_python_upper(first) && (context & any_lower) && !(context & inside_upper)) {
    return StartsSentence::Yes;
  }
  if (is_python_lower(first) && ((context & any_upper) || !(context & beginning_lower))) {
    return StartsSentence::No;
  }
  return StartsSentence::Unknown;
}

unsigned Punkt::ortho_context(const std::string& type) const {
  const auto found = ortho_context_.find(type);
  return found == ortho_context_.end() ? 0 : found->second;
}

}  // namespace hylo::tasks::ruler
