// Reports as people and other programs read them, drawn from their JSON documents (run_report.h,
// training_report.h).
#pragma once

#include <string>

#include "harness/base/json.h"
#include "reports/render/table.h"

namespace hylo::reports {

/// Each takes the document of any kind of report. Throws Error for a kind that is not known.
std::string report_for_terminal(const OrderedJson& report, const TerminalOptions& options);
std::string report_as_markdown(const OrderedJson& report);
/// One page that needs nothing else, with charts as lines; the document itself lies in it as JSON.
std::string report_as_html(const OrderedJson& report);
/// The rows of the main table, of training runs the points of their curves. Values unrounded, under
/// a line of keys; nothing where there are no rows. What does not apply is an empty field. Quotes
/// as in RFC 4180.
std::string report_as_csv(const OrderedJson& report);
/// The document itself, indented.
std::string report_as_json(const OrderedJson& report);

}  // namespace hylo::reports
