// Tables of text: what a report looks like before it has a medium.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace hylo::reports {

enum class Align { Left, Right };

struct Column {
  std::string title;
  Align align = Align::Left;
  /// Where room is short columns with the highest number go first; 0 stays.
  int expendable = 0;
  /// A column in which every cell says this is not drawn.
  std::optional<std::string> unremarkable = {};
};

enum class Emphasis { None, Warning };

struct Cell {
  std::string text;
  Emphasis emphasis = Emphasis::None;
};

struct Table {
  std::vector<Column> columns;
  std::vector<std::vector<Cell>> rows;  ///< as many cells as columns
};

struct TitledTable {
  std::string title;
  Table table;
};

struct TerminalOptions {
  int64_t width = 100;  ///< columns of text
  bool colour = false;
};

/// What the terminal behind a file descriptor offers: its width, and colour unless NO_COLOR is set.
/// Not a terminal: no colour, and no limit to the width.
TerminalOptions terminal_options(int descriptor);

/// Columns of text that it takes: two for East Asian wide characters, none for combining ones.
int64_t display_width(std::string_view text);

Table without_unremarkable_columns(const Table& table);

/// Aligned, under a rule. Columns that do not fit are left out, and a line names them.
std::string draw_terminal(const Table& table, const TerminalOptions& options);
std::string draw_markdown(const Table& table);

/// Words of a paragraph over lines of at most `width`.
std::string wrap(std::string_view paragraph, int64_t width);

}  // namespace hylo::reports
