#include "datasets/field_type.h"

#include <fmt/ranges.h>

#include <array>
#include <vector>

namespace hylo::datasets {
namespace {

struct TypeRow {
  FieldType type;
  std::string_view name, words;
};

constexpr std::array types{
    TypeRow{FieldType::Text, "text", "a text"},
    TypeRow{FieldType::Number, "number", "a number"},
    TypeRow{FieldType::List, "list", "a list"},
    TypeRow{FieldType::Object, "object", "an object"},
    TypeRow{FieldType::TextOrNumber, "text_or_number", "a text or a number"},
    TypeRow{FieldType::TextOrList, "text_or_list", "a text or a list"},
};

}  // namespace

FieldType field_type_named(const std::string& name, const std::string& where) {
  std::vector<std::string_view> names;
  for (const auto& row : types) {
    if (row.name == name) return row.type;
    names.push_back(row.name);
  }
  fail("{}: expected one of {}, found '{}'", where, fmt::join(names, ", "), name);
}

bool is_of_type(const Json& value, FieldType type) {
  switch (type) {
    case FieldType::Text:
      return value.is_string();
    case FieldType::Number:
      return value.is_number();
    case FieldType::List:
      return value.is_array();
    case FieldType::Object:
      return value.is_object();
    case FieldType::TextOrNumber:
      return value.is_string() || value.is_number();
    case FieldType::TextOrList:
      return value.is_string() || value.is_array();
  }
  return false;
}

std::string_view words_for(FieldType type) {
  for (const auto& row : types) {
    if (row.type == type) return row.words;
  }
  return {};
}

std::string_view words_for(const Json& value) {
  if (value.is_null()) return "null";
  if (value.is_boolean()) return "true or false";
  for (const auto& row : types) {
    if (is_of_type(value, row.type)) return row.words;
  }
  return value.type_name();
}

}  // namespace hylo::datasets
