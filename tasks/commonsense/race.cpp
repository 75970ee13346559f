#include "tasks/commonsense/race.h"

#include "datasets/field_type.h"
#include "harness/base/error.h"
#include "tasks/commonsense/python_literal.h"

namespace hylo::tasks {
namespace {

using datasets::FieldType;
using datasets::is_of_type;
using datasets::words_for;

constexpr std::string_view letters = "ABCD";
/// A question that ends so is a sentence to complete; all but the two blanks in front of the gap...
constexpr std::string_view gap = "  _  .";
/// ... leaves one of them.
constexpr size_t num_dropped = 5;

/// `what` names the object for messages.
const Json& field_of(const Json& object, const char* key, FieldType type, std::string_view what) {
  require(object.is_object(), "{}: expected an object, found {}", what, words_for(object));
  require(object.contains(key), "{}: '{}' is missing", what, key);
  require(is_of_type(object[key], type), "{}: '{}': expected {}, found {}", what, key,
          words_for(type), words_for(object[key]));
  return object[key];
}

std::string text_at(const Json& problem, const char* key) {
  return field_of(problem, key, FieldType::Text, "a problem").get<std::string>();
}

const Json& options_of(const Json& problem) {
  return field_of(problem, "options", FieldType::List, "a problem");
}

std::string answer_of(const Json& problem) {
  const auto letter = text_at(problem, "answer");
  const size_t number = letter.size() == 1 ? letters.find(letter) : std::string_view::npos;
  const Json& options = options_of(problem);
  require(number < options.size() && options[number].is_string(),
          "expected an answer from A to D with an option of its own, found '{}'", letter);
  return options[number].get<std::string>();
}

std::string as_shown(const Json& problem) {
  const auto question = text_at(problem, "question");
  const auto answer = answer_of(problem);
  if (question.ends_with(gap)) {
    return question.substr(0, question.size() - num_dropped) + answer + "\n";
  }
  return "Question: " + question + "\nAnswer: " + answer + "\n";
}

}  // namespace

Json prepare_race(const Json& fields) {
  const Json& given = field_of(fields, "problems", FieldType::TextOrList, "fields");
  const Json problems = given.is_string() ? parse_python_literal(given.get<std::string>()) : given;
  require(problems.is_array() && !problems.empty(),
          "field problems: expected a list of problems, "
          "found {}",
          problems.dump());
  std::string earlier;
  for (size_t i = 0; i + 1 < problems.size(); ++i) earlier += as_shown(problems[i]);
  const Json& last = problems.back();
  return {{"article", field_of(fields, "article", FieldType::Text, "fields")},
          {"earlier", earlier},
          {"question", text_at(last, "question")},
          {"options", options_of(last)},
          {"answer", text_at(last, "answer")}};
}

}  // namespace hylo::tasks
