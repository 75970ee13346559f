#include "reports/render/table.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include <utf8proc.h>

#include <algorithm>
#include <limits>

#include "harness/base/error.h"
#include "harness/base/files.h"
#include "harness/base/unicode.h"

namespace hylo::reports {
namespace {

constexpr std::string_view gap = "  ";
constexpr int64_t fallback_width = 100;

std::string styled(const std::string& text, std::string_view code, bool colour) {
  return colour ? fmt::format("\x1b[{}m{}\x1b[0m", code, text) : text;
}

std::string padded(const std::string& text, int64_t width, Align align) {
  const std::string blanks(static_cast<size_t>(std::max<int64_t>(0, width - display_width(text))),
                           ' ');
  return align == Align::Left ? text + blanks : blanks + text;
}

std::vector<int64_t> widths_of(const Table& table) {
  std::vector<int64_t> widths;
  for (size_t c = 0; c < table.columns.size(); ++c) {
    int64_t width = display_width(table.columns[c].title);
    for (const auto& row : table.rows) width = std::max(width, display_width(row[c].text));
    widths.push_back(width);
  }
  return widths;
}

int64_t total_width(const std::vector<int64_t>& widths, const std::vector<size_t>& columns) {
  int64_t total = 0;
  for (const auto c : columns) total += widths[c] + std::ssize(gap);
  return std::max<int64_t>(0, total - std::ssize(gap));
}

// The columns that fit, in order. What may not be left out stays, even if lines become too long.
std::vector<size_t> columns_that_fit(const Table& table, const std::vector<int64_t>& widths,
                                     int64_t width) {
  std::vector<size_t> columns(table.columns.size());
  for (size_t c = 0; c < columns.size(); ++c) columns[c] = c;
  while (total_width(widths, columns) > width) {
    const auto next = std::ranges::max_element(
        columns, {}, [&](size_t c) { return table.columns[c].expendable; });
    if (next == columns.end() || table.columns[*next].expendable == 0) break;
    columns.erase(next);
  }
  return columns;
}

std::string without_trailing_blanks(std::string line) {
  line.erase(line.find_last_not_of(' ') + 1);
  return line;
}

std::string draw_row(const Table& table, const std::vector<Cell>& row,
                     const std::vector<size_t>& columns, const std::vector<int64_t>& widths,
                     bool colour) {
  std::string line;
  for (const auto c : columns) {
    if (!line.empty()) line += gap;
    const auto text = padded(row[c].text, widths[c], table.columns[c].align);
    line += row[c].emphasis == Emphasis::Warning ? styled(text, "33", colour) : text;
  }
  return without_trailing_blanks(line) + "\n";
}

std::string draw_header(const Table& table, const std::vector<size_t>& columns,
                        const std::vector<int64_t>& widths, bool colour) {
  std::string titles;
  std::string rule;
  for (const auto c : columns) {
    if (!rule.empty()) titles += gap, rule += gap;
    titles += padded(table.columns[c].title, widths[c], table.columns[c].align);
    for (int64_t i = 0; i < widths[c]; ++i) rule += "\u2500";
  }
  return styled(without_trailing_blanks(titles), "1", colour) + "\n" + rule + "\n";
}

std::string left_out(const Table& table, const std::vector<size_t>& columns, int64_t width) {
  std::vector<std::string> titles;
  for (size_t c = 0; c < table.columns.size(); ++c) {
    if (std::ranges::find(columns, c) == columns.end()) titles.push_back(table.columns[c].title);
  }
  if (titles.empty()) return "";
  return wrap(fmt::format("(no room for: {}; a wider terminal or another format shows them)",
                          fmt::join(titles, ", ")),
              width);
}

std::string in_markdown(const std::string& text) {
  return replace_all(replace_all(text, "|", "\\|"), "\n", " ");
}

}  // namespace

TerminalOptions terminal_options(int descriptor) {
  if (::isatty(descriptor) == 0) return {.width = std::numeric_limits<int64_t>::max()};
  winsize size{};
  const bool known = ::ioctl(descriptor, TIOCGWINSZ, &size) == 0 && size.ws_col > 0;
  return {.width = known ? size.ws_col : fallback_width, .colour = environment("NO_COLOR").empty()};
}

int64_t display_width(std::string_view text) {
  int64_t width = 0;
  while (!text.empty()) {
    const auto code_point = code_point_at(text, 0);
    width += utf8proc_charwidth(static_cast<utf8proc_int32_t>(code_point.value));
    text.remove_prefix(code_point.num_bytes);
  }
  return width;
}

Table without_unremarkable_columns(const Table& table) {
  Table result{.columns = {}, .rows = std::vector<std::vector<Cell>>(table.rows.size())};
  for (size_t c = 0; c < table.columns.size(); ++c) {
    const auto& column = table.columns[c];
    const auto unremarkable = [&](const auto& row) { return row[c].text == column.unremarkable; };
    if (column.unremarkable && std::ranges::all_of(table.rows, unremarkable)) continue;
    result.columns.push_back(column);
    for (size_t r = 0; r < table.rows.size(); ++r) result.rows[r].push_back(table.rows[r][c]);
  }
  return result;
}

std::string draw_terminal(const Table& table, const TerminalOptions& options) {
  const auto widths = widths_of(table);
  const auto columns = columns_that_fit(table, widths, options.width);
  std::string text = draw_header(table, columns, widths, options.colour);
  for (const auto& row : table.rows) {
    invariant(row.size() == table.columns.size(), "a row of {} cells in a table of {} columns",
              row.size(), table.columns.size());
    text += draw_row(table, row, columns, widths, options.colour);
  }
  return text + left_out(table, columns, options.width);
}

std::string draw_markdown(const Table& table) {
  std::string text = "|";
  for (const auto& column : table.columns) text += " " + in_markdown(column.title) + " |";
  text += "\n|";
  for (const auto& column : table.columns)
    text += column.align == Align::Left ? " --- |" : " ---: |";
  text += "\n";
  for (const auto& row : table.rows) {
    text += "|";
    for (const auto& cell : row) text += " " + in_markdown(cell.text) + " |";
    text += "\n";
  }
  return text;
}

std::string wrap(std::string_view paragraph, int64_t width) {
  std::string text;
  int64_t used = 0;
  for (const auto word : split(paragraph, ' ')) {
    const auto needed = display_width(word);
    if (used > 0) {
      const bool fits = used + 1 + needed <= width;
      text += fits ? ' ' : '\n';
      used = fits ? used + 1 : 0;
    }
    text += word;
    used += needed;
  }
  return text + "\n";
}

}  // namespace hylo::reports
