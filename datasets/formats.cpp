#include "datasets/formats.h"

#include <algorithm>
#include <span>

#include "datasets/tables.h"
#include "harness/base/files.h"
#include "harness/base/unicode.h"

namespace hylo::datasets {
namespace {

constexpr size_t num_endings = 4;
constexpr size_t lines_per_item = 2 + num_endings;

std::vector<Document> parse_json_lines(std::string_view bytes, const std::string& where) {
  std::vector<Document> documents;
  for (const auto line : lines_of(bytes)) {
    const auto here = fmt::format("{}:{}", where, documents.size() + 1);
    require(!python_strip(line).empty(), "{}: expected a JSON object, found an empty line", here);
    Json fields = parse_json(line, here);
    require(fields.is_object(), "{}: expected a JSON object, found {}", here, fields.type_name());
    documents.push_back({static_cast<int64_t>(documents.size()), std::move(fields), here});
  }
  return documents;
}

Json hellaswag_item(std::span<const std::string_view> lines, const std::string& where,
                    size_t first_line) {
  const std::string_view head = lines[0];
  const size_t cut = head.find(": ");
  require(cut != std::string_view::npos, "{}:{}: expected 'activity_label: context', found '{}'",
          where, first_line, head);
  const std::string_view label = lines[1];
  require(label.size() == 1 && label[0] >= '0' && label[0] < static_cast<char>('0' + num_endings),
          "{}:{}: expected the number of an ending, 0 to {}, found '{}'", where, first_line + 1,
          num_endings - 1, label);
  return {{"activity_label", head.substr(0, cut)},
          {"ctx_a", head.substr(cut + 2)},
          {"ctx_b", ""},
          {"endings", std::vector<std::string>(lines.begin() + 2, lines.end())},
          {"label", label[0] - '0'}};
}

std::vector<Document> parse_hellaswag(std::string_view bytes, const std::string& where) {
  const auto lines = lines_of(bytes);
  require(lines.size() % lines_per_item == 0,
          "{}: expected {} lines an item, found {} lines: the last item is cut off", where,
          lines_per_item, lines.size());
  std::vector<Document> documents;
  for (size_t line = 0; line < lines.size(); line += lines_per_item) {
    documents.push_back(
        {static_cast<int64_t>(documents.size()),
         hellaswag_item(std::span(lines).subspan(line, lines_per_item), where, line + 1),
         fmt::format("{}:{}", where, line + 1)});
  }
  return documents;
}

/// Only " = Title = " with single signs: " = = Section = = " is a level further down.
bool opens_page(std::string_view line) {
  const auto joined = replace_all(replace_all(line, "= = =", "==="), "= =", "==");
  const auto bare = python_strip(joined);
  return bare.starts_with("= ") && bare.ends_with(" =");
}

// The rule of the loader of wikitext_document_level: the text is split at line feeds, so that what
// follows the last one is a line too (an empty one at the end of a file).
std::vector<Document> parse_pages(std::string_view bytes, const std::string& where) {
  std::vector<Document> documents;
  const auto add = [&](std::string_view page) {
    if (python_strip(page).empty()) return;
    documents.push_back({static_cast<int64_t>(documents.size()), {{"page", page}}, where});
  };
  size_t page_begin = 0;
  size_t line_begin = 0;
  for (const auto line : split(bytes, '\n')) {
    if (line_begin > page_begin && opens_page(line)) {
      add(bytes.substr(page_begin, line_begin - 1 - page_begin));
      page_begin = line_begin;
    }
    line_begin += line.size() + 1;
  }
  add(bytes.substr(page_begin));
  return documents;
}

std::vector<Document> parse_whole_text(std::string_view bytes, const std::string& where) {
  require(!python_strip(bytes).empty(), "{}: expected a text, found {} bytes of white space", where,
          bytes.size());
  return {{0, {{"text", bytes}}, where}};
}

}  // namespace

void check_utf8(std::string_view bytes, const std::string& where, int64_t first_line) {
  const auto broken = first_invalid_utf8(bytes);
  if (!broken) return;
  const auto line = first_line + std::ranges::count(bytes.substr(0, *broken), '\n');
  fail("{}:{}: expected UTF-8, found the byte {:#04x} at offset {}; convert the file", where, line,
       static_cast<unsigned char>(bytes[*broken]), *broken);
}

std::vector<Document> parse_documents(Format format, std::string_view bytes,
                                      const std::string& where) {
  check_utf8(bytes, where);
  switch (format) {
    case Format::JsonLines:
      return parse_json_lines(bytes, where);
    case Format::HellaswagText:
      return parse_hellaswag(bytes, where);
    case Format::WikitextPages:
      return parse_pages(bytes, where);
    case Format::Csv:
      return parse_csv(bytes, where);
    case Format::OpenbookqaTsv:
      return parse_openbookqa(bytes, where);
    case Format::WholeText:
      return parse_whole_text(bytes, where);
  }
  invariant(false, "format {} has no reader", static_cast<int>(format));
  return {};
}

}  // namespace hylo::datasets
