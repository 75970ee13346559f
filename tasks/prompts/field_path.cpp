#include "tasks/prompts/field_path.h"

#include <optional>

#include "datasets/field_type.h"
#include "harness/base/unicode.h"
#include "harness/base/whole_number.h"

namespace hylo::tasks {
namespace {

constexpr std::string_view each_element = "*";

std::optional<size_t> as_index(std::string_view step) {
  const auto number = parse_whole_number(step);
  if (!number || *number < 0) return std::nullopt;
  return static_cast<size_t>(*number);
}

const Json& element_of(const Json& array, size_t index, const std::string& path) {
  require(index < array.size(), "field {}: expected an element {}, found {} elements", path, index,
          array.size());
  return array[index];
}

}  // namespace

FieldPath::FieldPath(std::string_view path) : text_(path) {
  for (const auto step : split(path, '.')) {
    require(!step.empty(), "field path '{}': expected names between dots, found none", path);
    steps_.emplace_back(step);
  }
}

std::vector<const Json*> FieldPath::find_all(const Json& fields) const {
  std::vector<const Json*> found{&fields};
  for (const auto& step : steps_) {
    std::vector<const Json*> next;
    for (const Json* value : found) {
      if (step == each_element) {
        require(value->is_array(), "field {}: expected a list, found {}", text_,
                datasets::words_for(*value));
        for (const Json& element : *value) next.push_back(&element);
        continue;
      }
      if (const auto index = as_index(step); index && value->is_array()) {
        next.push_back(&element_of(*value, *index, text_));
        continue;
      }
      require(value->is_object(), "field {}: expected an object with '{}', found {}", text_, step,
              datasets::words_for(*value));
      require(value->contains(step), "field {}: '{}' is missing", text_, step);
      next.push_back(&(*value)[step]);
    }
    found = std::move(next);
  }
  return found;
}

const Json& FieldPath::find(const Json& fields) const {
  const auto found = find_all(fields);
  require(found.size() == 1, "field {}: expected one value, found {}", text_, found.size());
  return *found.front();
}

std::vector<std::string> texts_of(const std::vector<FieldPath>& paths, const Json& fields) {
  std::vector<std::string> texts;
  for (const auto& path : paths) {
    for (const Json* value : path.find_all(fields)) texts.push_back(text_of(*value, path));
  }
  return texts;
}

std::string text_of(const Json& value, const FieldPath& path) {
  if (value.is_string()) return value.get<std::string>();
  require(value.is_number(), "field {}: expected a text or a number, found {}", path.text(),
          datasets::words_for(value));
  return value.dump();
}

}  // namespace hylo::tasks
