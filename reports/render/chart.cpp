#include "reports/render/chart.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

namespace hylo::reports {
namespace {

constexpr int64_t rows = 13;  ///< odd: there is a middle one
constexpr int64_t most_columns = 64;
constexpr int64_t margin = 9;  ///< of the axis with its numbers
constexpr std::array<std::string_view, 6> marks{"\u2022", "o", "x", "+", "*", "#"};

/// The factor between the ends of an axis from which it is logarithmic.
constexpr double much = 5;

double part_of(double value, double low, double high) {
  return high > low ? (value - low) / (high - low) : 0.5;
}

using Canvas = std::vector<std::vector<std::string>>;

void plot(const Series& series, std::string_view mark, const ChartScale& scale, Canvas& canvas) {
  const auto columns = std::ssize(canvas.front());
  for (const auto& point : series.points) {
    if (!is_drawn(point)) continue;
    const auto column = std::llround(scale.x_of(point.first) * static_cast<double>(columns - 1));
    const auto height = std::llround(scale.y_of(point.second) * static_cast<double>(rows - 1));
    canvas[static_cast<size_t>(rows - 1 - height)][static_cast<size_t>(column)] = mark;
  }
}

std::string mark_of(size_t series) { return std::string(marks[series % marks.size()]); }

std::string legend(const Chart& chart) {
  if (chart.series.size() < 2) return "";
  std::string text(static_cast<size_t>(margin), ' ');
  for (size_t i = 0; i < chart.series.size(); ++i) {
    text += fmt::format("{}{} {}", i == 0 ? "" : "   ", mark_of(i), chart.series[i].name);
  }
  return text + "\n";
}

std::string x_axis(const Chart& chart, const ChartScale& scale, int64_t columns) {
  std::string rule;
  for (int64_t i = 0; i < columns; ++i) rule += "\u2500";
  const auto low = axis_number(scale.x_low);
  const auto high = axis_number(scale.x_high);
  const auto room = columns - std::ssize(low) - std::ssize(high);
  return fmt::format("{:>{}}\u2514{}\n{:>{}}{}{:^{}}{}\n", "", margin - 1, rule, "", margin, low,
                     chart.x_title, std::max<int64_t>(room, 1), high);
}

}  // namespace

bool is_drawn(const std::pair<double, double>& point) {
  return std::isfinite(point.first) && std::isfinite(point.second) && point.first > 0;
}

double ChartScale::x_of(double x) const {
  return part_of(std::log(x), std::log(x_low), std::log(x_high));
}

double ChartScale::y_of(double y) const {
  return y_is_logarithmic ? part_of(std::log(y), std::log(y_low), std::log(y_high))
                          : part_of(y, y_low, y_high);
}

double ChartScale::value_at(double height) const {
  return y_is_logarithmic ? y_low * std::pow(y_high / y_low, height)
                          : y_low + height * (y_high - y_low);
}

ChartScale scale_of(const Chart& chart) {
  ChartScale scale;
  for (const auto& series : chart.series) {
    for (const auto& point : series.points) {
      if (!is_drawn(point)) continue;
      const auto [x, y] = point;
      scale.x_low = scale.is_empty ? x : std::min(scale.x_low, x);
      scale.x_high = scale.is_empty ? x : std::max(scale.x_high, x);
      scale.y_low = scale.is_empty ? y : std::min(scale.y_low, y);
      scale.y_high = scale.is_empty ? y : std::max(scale.y_high, y);
      scale.is_empty = false;
    }
  }
  scale.y_is_logarithmic = scale.y_low > 0 && scale.y_high > much * scale.y_low;
  return scale;
}

std::string axis_number(double value) {
  const double size = std::abs(value);
  if (size >= 1e9) return fmt::format("{:.3g}G", value / 1e9);
  if (size >= 1e6) return fmt::format("{:.3g}M", value / 1e6);
  if (size >= 1e4) return fmt::format("{:.3g}k", value / 1e3);
  return size >= 1000 ? fmt::format("{:.0f}", value) : fmt::format("{:.3g}", value);
}

std::string draw_terminal(const Chart& chart, const TerminalOptions& options) {
  const auto scale = scale_of(chart);
  if (scale.is_empty) return "(no finite values)\n";
  const auto columns = std::clamp<int64_t>(options.width - margin, 16, most_columns);
  Canvas canvas(static_cast<size_t>(rows),
                std::vector<std::string>(static_cast<size_t>(columns), " "));
  // The first series is what the chart is about: it is drawn last, on top.
  for (size_t i = chart.series.size(); i-- > 0;) {
    plot(chart.series[i], marks[i % marks.size()], scale, canvas);
  }
  std::string text = legend(chart);
  for (int64_t row = 0; row < rows; ++row) {
    const bool labelled = row == 0 || row == rows - 1 || row == rows / 2;
    const double height = 1 - static_cast<double>(row) / static_cast<double>(rows - 1);
    const auto label = labelled ? axis_number(scale.value_at(height)) : "";
    std::string line = fmt::format("{:>{}} {}", label, margin - 2, labelled ? "\u2524" : "\u2502");
    for (const auto& cell : canvas[static_cast<size_t>(row)]) line += cell;
    line.erase(line.find_last_not_of(' ') + 1);
    text += line + "\n";
  }
  return text + x_axis(chart, scale, columns);
}

}  // namespace hylo::reports
