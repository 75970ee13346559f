// Curves: what a report shows of a course, before it has a medium.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "reports/render/table.h"

namespace hylo::reports {

struct Series {
  std::string name;
  std::vector<std::pair<double, double>> points;  ///< x > 0, ascending
};

/// x is drawn on a logarithmic scale; y too where all values are positive and they span much.
struct Chart {
  std::string title;
  std::string x_title;
  std::vector<Series> series;
  bool is_detail = false;  ///< left out where there is little room: terminals and Markdown
};

/// What is drawn of a chart: finite points, and the ends of its axes.
struct ChartScale {
  double x_low = 1, x_high = 1, y_low = 0, y_high = 0;
  bool y_is_logarithmic = false;
  bool is_empty = true;
  /// From 0 to 1, left to right and bottom to top.
  [[nodiscard]] double x_of(double x) const;
  [[nodiscard]] double y_of(double y) const;
  /// The value at a height from 0 to 1.
  [[nodiscard]] double value_at(double height) const;
};
ChartScale scale_of(const Chart& chart);

bool is_drawn(const std::pair<double, double>& point);

/// "1.2M", "34k", "0.0123": a number of an axis.
std::string axis_number(double value);

/// Lines of text, one mark per series.
std::string draw_terminal(const Chart& chart, const TerminalOptions& options);

}  // namespace hylo::reports
