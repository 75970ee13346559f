#include "reports/render/table.h"

#include <gtest/gtest.h>
#include <unistd.h>

namespace hylo::reports {
namespace {

const Table two_columns{.columns = {{"Task"}, {"n", Align::Right, 1}},
                        .rows = {{{"arc"}, {"10"}}, {{"\xe6\xbc\xa2\xe5\xad\x97"}, {"7"}}}};

TEST(Table, ColumnsAreAlignedByWhatIsSeen) {
  // Two wide characters take four places.
  EXPECT_EQ(draw_terminal(two_columns, {}),
            "Task   n\n"
            "────  ──\n"
            "arc   10\n"
            "漢字   7\n");
}

TEST(Table, WidthCountsPlacesNotBytes) {
  EXPECT_EQ(display_width("é"), 1);
  EXPECT_EQ(display_width("e\u0301"), 1);  // combining
  EXPECT_EQ(display_width("漢"), 2);
  EXPECT_EQ(display_width(""), 0);
}

TEST(Table, WhatDoesNotFitIsLeftOutAndNamed) {
  EXPECT_EQ(draw_terminal(two_columns, {.width = 7}),
            "Task\n"
            "────\n"
            "arc\n"
            "漢字\n"
            "(no\nroom\nfor: n;\na wider\nterminal\nor\nanother\nformat\nshows\nthem)\n");
}

TEST(Table, ColourMarksWarningsOnlyWhereItIsAskedFor) {
  const Table table{.columns = {{"State"}}, .rows = {{{"PARTIAL", Emphasis::Warning}}}};
  EXPECT_EQ(draw_terminal(table, {.colour = true}),
            "\x1b[1mState\x1b[0m\n───────\n\x1b[33mPARTIAL\x1b[0m\n");
  EXPECT_EQ(draw_terminal(table, {.colour = false}), "State\n───────\nPARTIAL\n");
}

TEST(Table, MarkdownEscapesItsOwnSigns) {
  const Table table{.columns = {{"a|b"}, {"n", Align::Right}}, .rows = {{{"x|y"}, {"1"}}}};
  EXPECT_EQ(draw_markdown(table), "| a\\|b | n |\n| --- | ---: |\n| x\\|y | 1 |\n");
}

TEST(Table, WrappingKeepsEveryWord) { EXPECT_EQ(wrap("a bb ccc d", 4), "a bb\nccc\nd\n"); }

TEST(Table, AFileIsNoTerminal) {
  int ends[2];
  ASSERT_EQ(::pipe(ends), 0);
  EXPECT_FALSE(terminal_options(ends[1]).colour);
  EXPECT_GT(terminal_options(ends[1]).width, 100'000);
}

}  // namespace
}  // namespace hylo::reports
