// hylo report: a run as a table.

#include <unistd.h>

#include <CLI/CLI.hpp>
#include <memory>
#include <string>

#include "harness/base/files.h"
#include "harness/cli/output.h"
#include "harness/cli/places.h"
#include "harness/cli/verb.h"
#include "harness/runner/ruler_report.h"
#include "reports/render/draw.h"
#include "reports/render/run_report.h"
#include "reports/store/store.h"

namespace hylo::cli {
namespace {

struct ReportOptions {
  std::string run = "latest";
  std::string store;
  std::string format = "table";
  std::string out;
};

std::string drawn(const OrderedJson& report, const ReportOptions& options) {
  if (options.format == "markdown") return reports::report_as_markdown(report);
  if (options.format == "csv") return reports::report_as_csv(report);
  if (options.format == "json") return reports::report_as_json(report);
  const int descriptor = options.out.empty() ? STDOUT_FILENO : -1;
  return reports::report_for_terminal(report, reports::terminal_options(descriptor));
}

void report(const ReportOptions& options) {
  const auto store = reports::Store::open(store_file(options.store), {.read_only = true});
  const auto text =
      drawn(harness::run_report_with_ruler(store, store.find_run(options.run)), options);
  if (options.out.empty()) return print_out(text);
  write_text_file(options.out, text);
}

}  // namespace

void add_report(CLI::App& program) {
  auto& verb = add_verb(
      program, "report", "a run's results as a table, Markdown, CSV or JSON",
      {{"hylo report latest", "the run that was begun last, as a table"},
       {"hylo report nightly-7 --format markdown --out report.md", "a run by its name, to a file"},
       {"hylo report 3 --store other.db --format csv", "a run by its id, for a spreadsheet"}});
  const auto options = std::make_shared<ReportOptions>();
  verb.add_option("run", options->run, "id, name or latest")->type_name("RUN")->required();
  verb.add_option("--store", options->store, "the store; else HYLO_STORE, else ./hylo.db")
      ->type_name("FILE");
  verb.add_option("--format", options->format, "table, markdown, csv or json")
      ->type_name("FORMAT")
      ->check(CLI::IsMember({"table", "markdown", "csv", "json"}));
  verb.add_option("--out", options->out, "write here instead of to the terminal")
      ->type_name("FILE");
  verb.callback([options] { report(*options); });
}

}  // namespace hylo::cli
