// hylo report: a run as a table, training runs as tables and curves.

#include <unistd.h>

#include <CLI/CLI.hpp>
#include <memory>
#include <string>
#include <vector>

#include "harness/base/error.h"
#include "harness/base/files.h"
#include "harness/cli/output.h"
#include "harness/cli/places.h"
#include "harness/cli/verb.h"
#include "harness/runner/ruler_report.h"
#include "reports/render/draw.h"
#include "reports/render/placement_report.h"
#include "reports/render/run_report.h"
#include "reports/render/training_report.h"
#include "reports/store/placement_log.h"
#include "reports/store/store.h"
#include "reports/store/training_history.h"

namespace hylo::cli {
namespace {

struct ReportOptions {
  std::string run;
  std::vector<std::string> training_runs;
  std::string search;
  std::string store;
  std::string format = "table";
  std::string out;
};

std::string drawn(const OrderedJson& report, const ReportOptions& options) {
  if (options.format == "markdown") return reports::report_as_markdown(report);
  if (options.format == "csv") return reports::report_as_csv(report);
  if (options.format == "html") return reports::report_as_html(report);
  if (options.format == "json") return reports::report_as_json(report);
  const int descriptor = options.out.empty() ? STDOUT_FILENO : -1;
  return reports::report_for_terminal(report, reports::terminal_options(descriptor));
}

void write(const OrderedJson& report, const ReportOptions& options) {
  const auto text = drawn(report, options);
  if (options.out.empty()) return print_out(text);
  write_text_file(options.out, text);
}

reports::Store open_to_read(const ReportOptions& options) {
  return reports::Store::open(store_file(options.store), {.read_only = true});
}

void report(const ReportOptions& options) {
  require(!options.run.empty(),
          "report: expected a run (its id, its name or latest), or `training`; `hylo store runs` "
          "lists the runs");
  const auto store = open_to_read(options);
  write(harness::run_report_with_ruler(store, store.find_run(options.run)), options);
}

OrderedJson training_report_on(const reports::Store& store, const std::vector<std::string>& names) {
  if (names.empty()) return reports::training_list_report(store);
  std::vector<reports::TrainingSummary> runs;
  for (const auto& name : names) runs.push_back(reports::find_training(store, name));
  if (runs.size() == 1) return reports::training_report(store, runs.front());
  return reports::training_comparison_report(store, runs);
}

void report_on_training(const ReportOptions& options) {
  require(options.run.empty(), "report: '{0}' stands before training; `hylo report training {0}`",
          options.run);
  const auto store = open_to_read(options);
  write(training_report_on(store, options.training_runs), options);
}

void report_on_placement(const ReportOptions& options) {
  require(options.run.empty(), "report: '{0}' stands before placement; `hylo report placement {0}`",
          options.run);
  const auto store = open_to_read(options);
  write(options.search.empty()
            ? reports::placement_list_report(store)
            : reports::placement_report(reports::find_placement(store, options.search)),
        options);
}

void add_output_options(CLI::App& verb, ReportOptions& options) {
  verb.add_option("--store", options.store, "the store; else HYLO_STORE, else ./hylo.db")
      ->type_name("FILE");
  verb.add_option("--format", options.format, "table, markdown, csv, html or json")
      ->type_name("FORMAT")
      ->check(CLI::IsMember({"table", "markdown", "csv", "html", "json"}));
  verb.add_option("--out", options.out, "write here instead of to the terminal")->type_name("FILE");
}

/// `options` are shared: `hylo report --store FILE training` means the same.
void add_training(CLI::App& report, const std::shared_ptr<ReportOptions>& options) {
  auto& verb = add_verb(
      report, "training", "training runs: what there are, one with its curves, several compared",
      {{"hylo report training", "the training runs in ./hylo.db"},
       {"hylo report training latest", "stages, validations and the course of the loss"},
       {"hylo report training night --format html --out night.html", "one page with all curves"},
       {"hylo report training with_kl without_kl", "side by side, and in what they differ"},
       {"hylo report training night --format csv", "the points of the curves"}});
  verb.add_option("runs", options->training_runs,
                  "id, name or latest; several are compared; none: a list")
      ->type_name("RUN");
  add_output_options(verb, *options);
  verb.callback([options] { report_on_training(*options); });
}

void add_placement(CLI::App& report, const std::shared_ptr<ReportOptions>& options) {
  auto& verb =
      add_verb(report, "placement", "what searches for a placement measured: scores by layer",
               {{"hylo report placement", "the searches in ./hylo.db"},
                {"hylo report placement latest", "the scores of the last one, drawn as bars"},
                {"hylo report placement 2 --format csv", "for a spreadsheet"}});
  verb.add_option("search", options->search, "id or latest; none: a list")->type_name("SEARCH");
  add_output_options(verb, *options);
  verb.callback([options] { report_on_placement(*options); });
}

}  // namespace

void add_report(CLI::App& program) {
  auto& verb = add_verb(
      program, "report", "what a run found, as a table, Markdown, CSV, HTML or JSON",
      {{"hylo report latest", "the run that was begun last, as a table"},
       {"hylo report nightly-7 --format markdown --out report.md", "a run by its name, to a file"},
       {"hylo report 3 --store other.db --format csv", "a run by its id, for a spreadsheet"},
       {"hylo report training latest", "a training run with its curves"}});
  const auto options = std::make_shared<ReportOptions>();
  verb.add_option("run", options->run, "id, name or latest")->type_name("RUN");
  add_output_options(verb, *options);
  add_training(verb, options);
  add_placement(verb, options);
  verb.callback([options, &verb] {
    if (verb.get_subcommands().empty()) report(*options);
  });
}

}  // namespace hylo::cli
