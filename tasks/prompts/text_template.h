// A text with places for the fields of a document: "Question: {question.stem}\nAnswer:".
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tasks/prompts/field_path.h"

namespace hylo::tasks {

/// A place is {path} or {path|change}; a change is strip, lstrip, rstrip or capitalize, as
/// Python's.
class TextTemplate {
 public:
  /// Throws Error for a brace that is not closed and for an unknown change.
  explicit TextTemplate(std::string_view text);

  [[nodiscard]] std::string render(const Json& fields) const;

 private:
  using Change = std::string (*)(std::string_view);
  struct Piece {
    std::string literal;
    std::optional<FieldPath> path;  ///< follows the literal
    Change change = nullptr;
  };
  static Piece place(std::string_view inside);

  std::vector<Piece> pieces_;
};

}  // namespace hylo::tasks
