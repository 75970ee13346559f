// A text with places for the fields of a document: "Question: {question.stem}\nAnswer:".
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tasks/prompts/field_path.h"

namespace hylo::tasks {

/// A place is {path}, {path|change} or {path|change|change...}, changed from left to right:
/// {{ and }} write a brace.
///   strip, lstrip, rstrip, capitalize   as Python's
///   before:X, after:X                   the text before (after) the first X, which must be there
///   before_last:X                       the text before the last X, which must be there
///   after_last:X                        the text after the last X, all of it where there is none
///                                       (Python's split(X)[-1])
class TextTemplate {
 public:
  /// Throws Error for a brace without its partner and for an unknown change.
  explicit TextTemplate(std::string_view text);

  [[nodiscard]] std::string render(const Json& fields) const;

 private:
  using Apply = std::string (*)(std::string_view text, std::string_view separator);
  struct Change {
    Apply apply;
    std::string separator;  ///< X; empty for changes without one
  };
  struct Piece {
    std::string literal;
    std::optional<FieldPath> path;  ///< follows the literal
    std::vector<Change> changes;
  };
  static Piece place(std::string_view inside);
  static Change change_named(std::string_view text);

  std::vector<Piece> pieces_;
};

}  // namespace hylo::tasks
