// What a field of a document holds.
#pragma once

#include <string>
#include <string_view>

#include "harness/base/json.h"

namespace hylo::datasets {

enum class FieldType { Text, Number, List, Object, TextOrNumber, TextOrList };

/// The type of that name in a manifest: text, number, list, object, text_or_number, text_or_list.
/// Throws Error, beginning with `where`, that names all of them.
FieldType field_type_named(const std::string& name, const std::string& where);

bool is_of_type(const Json& value, FieldType type);

/// For messages: "a text", "a text or a number".
std::string_view words_for(FieldType type);
/// For messages, what a value is: "a text", "a number", "null".
std::string_view words_for(const Json& value);

}  // namespace hylo::datasets
