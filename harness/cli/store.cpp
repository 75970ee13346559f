// hylo store: what is in a store, whether it is sound, its samples for other programs; the verbs
// that write are in store_work.h.

#include "reports/store/store.h"

#include <fmt/format.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <fstream>
#include <memory>
#include <ostream>
#include <string>
#include <vector>

#include "harness/base/error.h"
#include "harness/base/files.h"
#include "harness/cli/output.h"
#include "harness/cli/places.h"
#include "harness/cli/store_work.h"
#include "harness/cli/verb.h"
#include "reports/render/draw.h"
#include "reports/render/run_report.h"
#include "reports/store/check.h"
#include "reports/store/export.h"

namespace hylo::cli {
namespace {

struct StoreOptions {
  std::string store;
  bool json = false;
};

struct ExportOptions {
  std::string store;
  std::string run;
  std::string out;
  bool samples = false;
  bool text = false;
  bool ids = false;
};

reports::Store open_to_read(const std::string& option) {
  return reports::Store::open(store_file(option), {.read_only = true});
}

void print_runs(const StoreOptions& options) {
  const auto report = reports::run_list_report(open_to_read(options.store));
  if (options.json) return print_out(reports::report_as_json(report));
  print_out(reports::report_for_terminal(report, reports::terminal_options(STDOUT_FILENO)));
}

bool is_problem(const reports::Finding& finding) {
  return finding.severity == reports::Severity::Problem;
}

OrderedJson json_of(const reports::Store& store, const std::vector<reports::Finding>& findings) {
  auto rows = OrderedJson::array();
  for (const auto& finding : findings) {
    rows.push_back({{"severity", is_problem(finding) ? "problem" : "note"},
                    {"where", finding.where},
                    {"text", finding.text}});
  }
  return {{"store", store.file().string()}, {"num_runs", store.runs().size()}, {"findings", rows}};
}

std::string text_of(const std::vector<reports::Finding>& findings) {
  std::string text;
  for (const auto& finding : findings) {
    text += fmt::format("{:<8} {}: {}\n", is_problem(finding) ? "PROBLEM" : "note", finding.where,
                        finding.text);
  }
  return text;
}

void check_store(const StoreOptions& options) {
  const auto store = open_to_read(options.store);
  const auto findings = reports::check(store);
  const auto problems = std::ranges::count_if(findings, is_problem);
  if (options.json) {
    print_json(json_of(store, findings));
  } else {
    print_out(text_of(findings));
    if (problems == 0) {
      print_out(fmt::format("{}: sound, {} runs\n", store.file().string(), store.runs().size()));
    }
  }
  require(problems == 0,
          "{}: {} problems; keep a copy of the file, `hylo store export` still reads what is left",
          store.file().string(), problems);
}

/// Is gone at the end of its scope, unless it was moved elsewhere.
struct TemporaryFile {
  std::filesystem::path path;
  ~TemporaryFile() {
    std::error_code not_there;
    std::filesystem::remove(path, not_there);
  }
};

/// Through a neighbour, so that an export that fails leaves no half of itself.
void export_to_file(const reports::Store& store, int64_t run, const ExportOptions& options) {
  const std::filesystem::path file = options.out;
  require(!std::filesystem::is_directory(file), "{}: is a folder; name a file", file.string());
  const TemporaryFile neighbour{options.out + ".part"};
  {
    std::ofstream out(neighbour.path, std::ios::binary);
    require(out.good(), "{}: cannot be written; is its folder there?", file.string());
    reports::export_samples(store, run, {.text = options.text, .ids = options.ids}, out);
    out.flush();
    require(out.good(), "{}: cannot be written; is the disk full?", file.string());
  }
  std::error_code renamed;
  std::filesystem::rename(neighbour.path, file, renamed);
  require(!renamed, "{}: cannot be written: {}", file.string(), renamed.message());
}

void export_to_stdout(const reports::Store& store, int64_t run, const ExportOptions& options) {
  StandardOutput buffer;
  std::ostream out(&buffer);
  out.exceptions(std::ios::badbit);  // the reason why it cannot be written, not only that
  reports::export_samples(store, run, {.text = options.text, .ids = options.ids}, out);
  out.flush();
}

void export_run(const ExportOptions& options) {
  require(options.samples, "store export: expected --samples, the only export there is so far");
  const auto store = open_to_read(options.store);
  const auto run = store.find_run(options.run).id;
  if (options.out.empty()) return export_to_stdout(store, run, options);
  export_to_file(store, run, options);
}

void add_store_option(CLI::App& verb, std::string& store) {
  verb.add_option("--store", store, "the store; else HYLO_STORE, else ./hylo.db")
      ->type_name("FILE");
}

void add_runs(CLI::App& store) {
  auto& verb = add_verb(store, "runs", "the runs of a store, newest first",
                        {{"hylo store runs", "the runs in ./hylo.db"},
                         {"hylo store runs --store other.db --json", "for another program"}});
  const auto options = std::make_shared<StoreOptions>();
  add_store_option(verb, options->store);
  verb.add_flag("--json", options->json, "one JSON document");
  verb.callback([options] { print_runs(*options); });
}

void add_check(CLI::App& store) {
  auto& verb = add_verb(store, "check", "whether a store is sound; exit code 2 when it is not",
                        {{"hylo store check", "reads everything in ./hylo.db"},
                         {"hylo store check --store other.db --json", "for another program"}});
  const auto options = std::make_shared<StoreOptions>();
  add_store_option(verb, options->store);
  verb.add_flag("--json", options->json, "one JSON document");
  verb.callback([options] { check_store(*options); });
}

void add_export(CLI::App& store) {
  auto& verb =
      add_verb(store, "export", "a run's samples as JSON lines, one per request",
               {{"hylo store export latest --samples", "log-likelihoods, generated texts, metrics"},
                {"hylo store export 3 --samples --text --out samples.jsonl",
                 "with contexts and continuations, to a file"},
                {"hylo store export latest --samples | jq .metrics", "through another program"}});
  const auto options = std::make_shared<ExportOptions>();
  verb.add_option("run", options->run, "id, name or latest")->type_name("RUN")->required();
  add_store_option(verb, options->store);
  verb.add_flag("--samples", options->samples, "one line per request");
  verb.add_flag("--text", options->text, "adds context and continuation");
  verb.add_flag("--ids", options->ids, "adds token ids");
  verb.add_option("--out", options->out, "write here instead of to stdout")->type_name("FILE");
  verb.callback([options] { export_run(*options); });
}

}  // namespace

void add_store(CLI::App& program) {
  auto& verb = add_verb(program, "store",
                        "lists, checks, exports, merges and scores again what was measured",
                        {{"hylo store runs", "the runs in ./hylo.db"},
                         {"hylo store check", "whether the file is sound"},
                         {"hylo store export latest --samples", "samples as JSON lines"}});
  verb.require_subcommand(1);
  add_runs(verb);
  add_check(verb);
  add_export(verb);
  add_rescore(verb);
  add_merge(verb);
  add_migrate(verb);
}

}  // namespace hylo::cli
