// How values that SQLite has no type for lie in its columns.
#pragma once

#include <SQLiteCpp/Column.h>
#include <SQLiteCpp/Statement.h>

#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <string>
#include <type_traits>
#include <vector>

#include "harness/base/json.h"

namespace hylo::reports {

/// Binds NULL, the number, or the text 'NaN' (which SQLite would turn into NULL).
void bind_number(SQLite::Statement& statement, int index, std::optional<double> value);
std::optional<double> number_in(const SQLite::Column& column);

/// Binds the values as their little-endian bytes, NULL when there are none. Not copied: they must
/// outlive the statement's execution.
template <class T>
void bind_values(SQLite::Statement& statement, int index, std::span<const T> values) {
  static_assert(std::is_same_v<T, int32_t> || std::is_same_v<T, double>);
  if (values.empty()) return statement.bind(index);
  statement.bindNoCopy(index, values.data(), static_cast<int>(values.size_bytes()));
}
template <class T>
std::vector<T> values_in(const SQLite::Column& column) {
  // Blobs lie at any address.
  std::vector<T> values(static_cast<size_t>(column.getBytes()) / sizeof(T));
  if (!values.empty()) std::memcpy(values.data(), column.getBlob(), values.size() * sizeof(T));
  return values;
}

/// Binds the text, or NULL. Not copied.
void bind_text(SQLite::Statement& statement, int index, const std::optional<std::string>& text);
std::optional<std::string> text_in(const SQLite::Column& column);
/// Binds NULL where the text is empty. Not copied.
void bind_unless_empty(SQLite::Statement& statement, int index, const std::string& text);

/// As one line; bytes that are not UTF-8 (a command line may hold any) become U+FFFD.
std::string as_line(const OrderedJson& json);
/// The same, empty where the object is.
std::string as_line_unless_empty(const OrderedJson& object);
OrderedJson json_in(const SQLite::Column& column);

}  // namespace hylo::reports
