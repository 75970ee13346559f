#include "reports/store/values.h"

#include <bit>
#include <cmath>
#include <limits>

#include "harness/base/error.h"

namespace hylo::reports {

static_assert(std::endian::native == std::endian::little,
              "blobs are written as they lie in memory");

void bind_number(SQLite::Statement& statement, int index, std::optional<double> value) {
  if (!value) return statement.bind(index);
  if (std::isnan(*value)) return statement.bind(index, "NaN");
  statement.bind(index, *value);
}

std::optional<double> number_in(const SQLite::Column& column) {
  if (column.isNull()) return std::nullopt;
  if (column.isText()) return std::numeric_limits<double>::quiet_NaN();
  return column.getDouble();
}

void bind_text(SQLite::Statement& statement, int index, const std::optional<std::string>& text) {
  if (!text) return statement.bind(index);
  statement.bindNoCopy(index, *text);
}

std::optional<std::string> text_in(const SQLite::Column& column) {
  if (column.isNull()) return std::nullopt;
  return column.getString();
}

void bind_unless_empty(SQLite::Statement& statement, int index, const std::string& text) {
  if (text.empty()) return statement.bind(index);
  statement.bindNoCopy(index, text);
}

std::string as_line(const OrderedJson& json) {
  return json.dump(-1, ' ', false, OrderedJson::error_handler_t::replace);
}

std::string as_line_unless_empty(const OrderedJson& object) {
  return object.empty() ? "" : as_line(object);
}

OrderedJson json_in(const SQLite::Column& column) {
  auto json = OrderedJson::parse(column.getString(), nullptr, false);
  require(!json.is_discarded(),
          "the store's column '{}' holds no JSON: the file is damaged; restore it from a copy",
          column.getName());
  return json;
}

}  // namespace hylo::reports
