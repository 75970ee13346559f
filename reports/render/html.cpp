// Reports as one page of HTML, with charts in SVG.
#include <fmt/format.h>

#include <array>
#include <cmath>

#include "harness/base/unicode.h"
#include "reports/render/draw.h"
#include "reports/render/layout.h"

namespace hylo::reports {
namespace {

constexpr auto style = R"css(
:root { color-scheme: light dark; }
body { font: 15px/1.45 system-ui, sans-serif; max-width: 72rem; margin: 2rem auto; padding: 0 1rem; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
.wide { overflow-x: auto; }
th, td { padding: .2rem .7rem .2rem 0; text-align: left; white-space: nowrap; }
th { border-bottom: 1px solid currentColor; }
.right { text-align: right; }
.warning { color: #b45309; font-weight: 600; }
.subtitle, .notes { opacity: .8; }
figure { display: inline-block; margin: 0 1.5rem 1.5rem 0; }
figcaption { font-weight: 600; }
svg { width: 33rem; max-width: 100%; height: auto; font-size: 12px; }
svg text { fill: currentColor; }
.grid { stroke: currentColor; opacity: .15; }
)css";

// Told apart also by those who see no red or no green (Okabe and Ito 2008).
constexpr std::array<std::string_view, 6> colours{"#0072b2", "#d55e00", "#009e73",
                                                  "#cc79a7", "#e69f00", "#56b4e9"};

// The figure, in its own units.
constexpr double width = 560, height = 300, left = 60, right = 12, top = 24, bottom = 44;
constexpr double plot_width = width - left - right, plot_height = height - top - bottom;

std::string escaped(std::string_view text) {
  auto result = replace_all(text, "&", "&amp;");
  result = replace_all(result, "<", "&lt;");
  result = replace_all(result, ">", "&gt;");
  return replace_all(result, "\"", "&quot;");
}

std::string_view class_of(Align align) { return align == Align::Right ? " class=\"right\"" : ""; }

std::string html_of(const Table& table) {
  std::string text = "<div class=\"wide\"><table>\n<tr>";
  for (const auto& column : table.columns) {
    text += fmt::format("<th{}>{}</th>", class_of(column.align), escaped(column.title));
  }
  text += "</tr>\n";
  for (const auto& row : table.rows) {
    text += "<tr>";
    for (size_t c = 0; c < row.size(); ++c) {
      const auto content = escaped(row[c].text);
      const bool warns = row[c].emphasis == Emphasis::Warning && !content.empty();
      text += fmt::format("<td{}>{}</td>", class_of(table.columns[c].align),
                          warns ? "<span class=\"warning\">" + content + "</span>" : content);
    }
    text += "</tr>\n";
  }
  return text + "</table></div>\n";
}

double across(const ChartScale& scale, double x) { return left + plot_width * scale.x_of(x); }
double down(const ChartScale& scale, double y) { return top + plot_height * (1 - scale.y_of(y)); }

std::string grid_of(const ChartScale& scale) {
  std::string text;
  constexpr int lines = 5;
  for (int i = 0; i < lines; ++i) {
    const double part = static_cast<double>(i) / (lines - 1);
    const double y = top + plot_height * (1 - part);
    text += fmt::format(
        "<line class=\"grid\" x1=\"{0}\" x2=\"{1}\" y1=\"{2:.1f}\" y2=\"{2:.1f}\"/>"
        "<text x=\"{3}\" y=\"{4:.1f}\" text-anchor=\"end\">{5}</text>\n",
        left, width - right, y, left - 6, y + 4, axis_number(scale.value_at(part)));
  }
  // Powers of ten between the ends.
  for (double x = std::pow(10, std::ceil(std::log10(scale.x_low))); x <= scale.x_high; x *= 10) {
    text += fmt::format(
        "<line class=\"grid\" x1=\"{0:.1f}\" x2=\"{0:.1f}\" y1=\"{1}\" y2=\"{2}\"/>"
        "<text x=\"{0:.1f}\" y=\"{3}\" text-anchor=\"middle\">{4}</text>\n",
        across(scale, x), top, height - bottom, height - bottom + 16, axis_number(x));
  }
  return text;
}

std::string line_of(const Series& series, const ChartScale& scale, std::string_view colour) {
  std::string points;
  std::string dots;
  for (const auto& point : series.points) {
    if (!is_drawn(point)) continue;
    const double x = across(scale, point.first);
    const double y = down(scale, point.second);
    points += fmt::format("{:.1f},{:.1f} ", x, y);
    dots += fmt::format(
        "<circle cx=\"{:.1f}\" cy=\"{:.1f}\" r=\"2.5\" fill=\"{}\"><title>{}: {:.6g} at "
        "{}</title></circle>\n",
        x, y, colour, escaped(series.name), point.second, axis_number(point.first));
  }
  return fmt::format(
      "<polyline fill=\"none\" stroke=\"{}\" stroke-width=\"1.5\" points=\"{}\"/>\n{}", colour,
      points, dots);
}

std::string legend_of(const Chart& chart) {
  if (chart.series.size() < 2) return "";
  std::string text = "<p>";
  for (size_t i = 0; i < chart.series.size(); ++i) {
    text += fmt::format("<span style=\"color:{}\">&#9632;</span> {} &nbsp; ",
                        colours[i % colours.size()], escaped(chart.series[i].name));
  }
  return text + "</p>\n";
}

std::string html_of(const Chart& chart) {
  const auto scale = scale_of(chart);
  auto text = fmt::format("<figure><figcaption>{}</figcaption>\n", escaped(chart.title));
  if (scale.is_empty) return text + "<p>no finite values</p></figure>\n";
  text += legend_of(chart);
  text += fmt::format("<svg viewBox=\"0 0 {} {}\" role=\"img\" aria-label=\"{}\">\n", width, height,
                      escaped(chart.title));
  text += grid_of(scale);
  for (size_t i = 0; i < chart.series.size(); ++i) {
    text += line_of(chart.series[i], scale, colours[i % colours.size()]);
  }
  return text +
         fmt::format("<text x=\"{}\" y=\"{}\" text-anchor=\"middle\">{}</text>\n</svg></figure>\n",
                     left + plot_width / 2, height - 8, escaped(chart.x_title));
}

}  // namespace

std::string report_as_html(const OrderedJson& report) {
  const auto layout = layout_of(report);
  auto text = fmt::format(
      "<!DOCTYPE html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n"
      "<meta name=\"viewport\" content=\"width=device-width\">\n<title>{0}</title>\n"
      "<style>{1}</style>\n<h1>{0}</h1>\n",
      escaped(layout.title), style);
  if (!layout.subtitle.empty()) {
    text += fmt::format("<p class=\"subtitle\">{}</p>\n", escaped(layout.subtitle));
  }
  text += html_of(layout.table);
  for (const auto& table : layout.details) {
    text += fmt::format("<h2>{}</h2>\n", escaped(table.title)) + html_of(table.table);
  }
  if (!layout.charts.empty()) text += "<h2>Curves</h2>\n";
  for (const auto& chart : layout.charts) text += html_of(chart);
  text += "<div class=\"notes\">\n";
  for (const auto& note : layout.notes) text += fmt::format("<p>{}</p>\n", escaped(note));
  // A text of the report could end the element.
  return text + "</div>\n<script type=\"application/json\" id=\"report\">\n" +
         replace_all(report_as_json(report), "</", "<\\/") + "</script>\n</html>\n";
}

}  // namespace hylo::reports
