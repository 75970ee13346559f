#include "reports/render/draw.h"

#include <algorithm>

#include "reports/render/layout.h"

namespace hylo::reports {

std::string report_for_terminal(const OrderedJson& report, const TerminalOptions& options) {
  const auto layout = layout_of(report);
  std::string text = options.colour ? "\x1b[1m" + layout.title + "\x1b[0m\n" : layout.title + "\n";
  if (!layout.subtitle.empty()) text += wrap(layout.subtitle, options.width);
  text += "\n" + draw_terminal(layout.table, options);
  for (const auto& table : layout.details) {
    text += "\n" + table.title + "\n\n" + draw_terminal(table.table, options);
  }
  for (const auto& chart : layout.charts) {
    if (!chart.is_detail) text += "\n" + chart.title + "\n\n" + draw_terminal(chart, options);
  }
  constexpr int64_t readable = 100;
  for (const auto& note : layout.notes) {
    text += "\n" + wrap(note, std::min(options.width, readable));
  }
  return text;
}

std::string report_as_markdown(const OrderedJson& report) {
  const auto layout = layout_of(report);
  std::string text = "## " + layout.title + "\n\n";
  if (!layout.subtitle.empty()) text += layout.subtitle + "\n\n";
  text += draw_markdown(layout.table);
  for (const auto& table : layout.details) {
    text += "\n### " + table.title + "\n\n" + draw_markdown(table.table);
  }
  for (const auto& chart : layout.charts) {
    if (chart.is_detail) continue;
    text += "\n### " + chart.title + "\n\n```text\n" + draw_terminal(chart, {}) + "```\n";
  }
  for (const auto& note : layout.notes) text += "\n" + note + "\n";
  return text;
}

std::string report_as_json(const OrderedJson& report) {
  return report.dump(2, ' ', false, OrderedJson::error_handler_t::replace) + "\n";
}

}  // namespace hylo::reports
