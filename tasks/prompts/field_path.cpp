#include "tasks/prompts/field_path.h"

#include "harness/base/unicode.h"

namespace hylo::tasks {
namespace {

constexpr std::string_view each_element = "*";

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
        require(value->is_array(), "field {}: expected an array, found {}", text_,
                value->type_name());
        for (const Json& element : *value) next.push_back(&element);
        continue;
      }
      require(value->is_object() && value->contains(step), "field {}: '{}' is missing", text_,
              step);
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

std::string text_of(const Json& value, const FieldPath& path) {
  if (value.is_string()) return value.get<std::string>();
  require(value.is_number(), "field {}: expected a text or a number, found {}", path.text(),
          value.dump());
  return value.dump();
}

}  // namespace hylo::tasks
