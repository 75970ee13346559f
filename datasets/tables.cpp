#include "datasets/tables.h"

#include <algorithm>

#include "harness/base/files.h"
#include "harness/base/unicode.h"

namespace hylo::datasets {
namespace {

using Record = std::vector<std::string>;

/// Walks a CSV text record by record and counts lines.
class CsvReader {
 public:
  CsvReader(std::string_view bytes, const std::string& where) : bytes_(bytes), where_(where) {}

  [[nodiscard]] bool at_end() const { return position_ == bytes_.size(); }
  [[nodiscard]] int64_t line() const { return line_; }

  Record next() {
    Record record{value()};
    while (take(',')) record.push_back(value());
    take('\r');
    require(at_end() || take('\n'), "{}:{}: expected a comma or the end of the line, found '{}'",
            where_, line_, bytes_.substr(position_, 1));
    return record;
  }

 private:
  bool take(char sign) {
    if (at_end() || bytes_[position_] != sign) return false;
    ++position_;
    if (sign == '\n') ++line_;
    return true;
  }

  std::string value() { return take('"') ? quoted_value() : bare_value(); }

  std::string bare_value() {
    const size_t end = std::min(bytes_.find_first_of(",\r\n\"", position_), bytes_.size());
    require(end == bytes_.size() || bytes_[end] != '"',
            "{}:{}: a quote stands inside a value that is not quoted; write it twice and put "
            "quotes around the value",
            where_, line_);
    const auto text = bytes_.substr(position_, end - position_);
    position_ = end;
    return std::string(text);
  }

  std::string quoted_value() {
    const int64_t first_line = line_;
    std::string text;
    while (true) {
      const size_t quote = bytes_.find('"', position_);
      require(quote != std::string_view::npos,
              "{}:{}: the quote that opens a value here is not "
              "closed",
              where_, first_line);
      const auto piece = bytes_.substr(position_, quote - position_);
      line_ += std::ranges::count(piece, '\n');
      text += piece;
      position_ = quote + 1;
      if (!take('"')) return text;
      text += '"';
    }
  }

  std::string_view bytes_;
  const std::string& where_;
  size_t position_ = 0;
  int64_t line_ = 1;
};

constexpr std::string_view letters = "ABCD";
constexpr size_t stem_column = 1, choices_column = 2, answer_column = 4, num_columns = 5;

/// "(A) fish (B) ice ..." -> the texts between the marks.
std::vector<std::string> lettered_choices(std::string_view text, const std::string& where) {
  std::vector<std::string> choices;
  for (const char letter : letters) {
    const std::string mark{'(', letter, ')', ' '};
    const size_t begin = text.find(mark);
    require(begin != std::string_view::npos, "{}: expected the mark '{}' in '{}'", where, mark,
            text);
    if (!choices.empty()) choices.back() = python_strip(text.substr(0, begin));
    text = text.substr(begin + mark.size());
    choices.emplace_back(python_strip(text));
  }
  return choices;
}

Json openbookqa_item(std::string_view line, const std::string& where) {
  const auto columns = split(line, '\t');
  require(columns.size() == num_columns, "{}: expected {} values between tabs, found {}", where,
          num_columns, columns.size());
  const auto answer = columns[answer_column];
  require(answer.size() == 1 && letters.find(answer) != std::string_view::npos,
          "{}: expected an answer from A to D, found '{}'", where, answer);
  return {{"question_stem", columns[stem_column]},
          {"choices", lettered_choices(columns[choices_column], where)},
          {"gold", letters.find(answer)}};
}

}  // namespace

std::vector<Document> parse_csv(std::string_view bytes, const std::string& where) {
  // Spreadsheets put a byte-order mark in front, which is no part of the first name.
  constexpr std::string_view byte_order_mark = "\xef\xbb\xbf";
  if (bytes.starts_with(byte_order_mark)) bytes.remove_prefix(byte_order_mark.size());
  CsvReader reader(bytes, where);
  require(!reader.at_end(), "{}: expected a line that names the fields, found an empty file",
          where);
  const Record names = reader.next();
  for (const auto& name : names) {
    require(std::ranges::count(names, name) == 1,
            "{}: the header names '{}' twice; give every field a name of its own", where, name);
  }
  std::vector<Document> documents;
  while (!reader.at_end()) {
    const int64_t line = reader.line();
    const Record values = reader.next();
    require(values.size() == names.size(), "{}:{}: expected {} values as in the header, found {}",
            where, line, names.size(), values.size());
    Json fields = Json::object();
    for (size_t i = 0; i < names.size(); ++i) fields[names[i]] = values[i];
    documents.push_back({static_cast<int64_t>(documents.size()), std::move(fields),
                         fmt::format("{}:{}", where, line)});
  }
  return documents;
}

std::vector<Document> parse_openbookqa(std::string_view bytes, const std::string& where) {
  const auto lines = lines_of(bytes);
  require(!lines.empty(), "{}: expected a line that names the columns, found an empty file", where);
  std::vector<Document> documents;
  for (size_t i = 1; i < lines.size(); ++i) {
    const auto here = fmt::format("{}:{}", where, i + 1);
    documents.push_back(
        {static_cast<int64_t>(documents.size()), openbookqa_item(lines[i], here), here});
  }
  return documents;
}

}  // namespace hylo::datasets
