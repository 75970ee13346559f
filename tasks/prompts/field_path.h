// Where a text lies in a document: "question.stem", "choices.text.0" for an element of an array, or
// "question.choices.*.text" for one per element.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "harness/base/json.h"

namespace hylo::tasks {

class FieldPath {
 public:
  explicit FieldPath(std::string_view path);

  [[nodiscard]] const std::string& text() const { return text_; }

  /// Everything that the path leads to. Throws Error, naming the path, where a key is missing or
  /// something is not what the path expects.
  [[nodiscard]] std::vector<const Json*> find_all(const Json& fields) const;
  /// The one value of a path without *.
  [[nodiscard]] const Json& find(const Json& fields) const;

 private:
  std::string text_;
  std::vector<std::string> steps_;
};

/// Everything that the paths lead to, one path after another.
std::vector<std::string> texts_of(const std::vector<FieldPath>& paths, const Json& fields);

/// A text as it is, a number in decimal. Throws Error, naming `path`, for anything else.
std::string text_of(const Json& value, const FieldPath& path);

}  // namespace hylo::tasks
