// Sentences by Punkt: Kiss and Strunk 2006, "Unsupervised Multilingual Sentence Boundary
// Detection", with the rules of nltk 3.9.1 (nltk/tokenize/punkt.py). Later releases of nltk split
// elsewhere.
#pragma once

#include <cstddef>
#include <filesystem>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

namespace hylo::tasks::ruler {

/// First and one past the last byte.
struct Span {
  size_t begin = 0, end = 0;
  bool operator==(const Span&) const = default;
};

class Punkt {
 public:
  /// Reads abbrev_types.txt, collocations.tab, ortho_context.tab and sent_starters.txt. Throws
  /// Error for a file that is missing or a line that is not of its form.
  explicit Punkt(const std::filesystem::path& folder);
  /// With the English parameters that hylo ships.
  static Punkt english();

  /// The sentences of a text in UTF-8, in order; the white space between them belongs to none. A
  /// text of white space has none. Linear in the text.
  [[nodiscard]] std::vector<Span> sentences(std::string_view text) const;

 private:
  struct Token;
  enum class StartsSentence { No, Yes, Unknown };

  [[nodiscard]] std::vector<Span> slices(std::string_view text) const;
  [[nodiscard]] bool contains_break(std::string_view context) const;
  void judge_alone(Token& token) const;
  void judge_before(Token& token, const Token& next) const;
  [[nodiscard]] StartsSentence starts_sentence(const Token& token) const;
  [[nodiscard]] unsigned ortho_context(const std::string& type) const;
  [[nodiscard]] bool is_abbreviation(const std::string& lower) const;

  std::unordered_set<std::string> abbreviations_, starters_;
  std::unordered_set<std::string> collocations_;  ///< both words with a tab between them
  std::unordered_map<std::string, unsigned> ortho_context_;
};

}  // namespace hylo::tasks::ruler
