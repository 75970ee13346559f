// hylo eval: tasks against a model, into the store.
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <optional>

#include "harness/base/clock.h"
#include "harness/base/files.h"
#include "harness/base/json.h"
#include "harness/base/unicode.h"
#include "harness/base/units.h"
#include "harness/cli/eval_options.h"
#include "harness/cli/interrupt.h"
#include "harness/cli/open_system.h"
#include "harness/cli/output.h"
#include "harness/cli/own_command_line.h"
#include "harness/cli/places.h"
#include "harness/cli/progress_line.h"
#include "harness/cli/verb.h"
#include "harness/runner/groups.h"
#include "harness/runner/plan.h"
#include "harness/runner/ruler_report.h"
#include "harness/runner/ruler_sets.h"
#include "harness/runner/run_record.h"
#include "harness/runner/runner.h"
#include "reports/render/draw.h"
#include "reports/render/run_report.h"
#include "reports/store/store.h"

namespace hylo::cli {
namespace {

void print_plan(const EvalOptions& options, const std::vector<harness::PlannedTask>& planned,
                const harness::Plan& plan, harness::SystemUnderTest& system) {
  const auto seconds = system.expected_seconds(plan.total);
  const double ratio = plan.total.rows > 0 ? static_cast<double>(plan.total.rows_unshared) /
                                                 static_cast<double>(plan.total.rows)
                                           : 1;
  if (options.json) {
    OrderedJson json{{"model", system.info().name},
                     {"documents", plan.num_documents},
                     {"requests", plan.num_requests},
                     {"batches", plan.batches.size()},
                     {"tokens", plan.total.rows},
                     {"tokens_without_sharing", plan.total.rows_unshared},
                     {"token_ratio", ratio},
                     {"max_new_tokens", plan.total.new_tokens},
                     {"truncated_requests", plan.num_truncated},
                     {"expected_seconds", seconds ? OrderedJson(*seconds) : OrderedJson(nullptr)}};
    return print_json(json);
  }
  std::string text;
  const auto line = [&]<class... Args>(fmt::format_string<Args...> form, Args&&... args) {
    text += fmt::format(form, std::forward<Args>(args)...) + "\n";
  };
  line("model                   {}", system.info().name);
  for (const auto& task : planned) {
    line("task                    {}: {} documents", task.task->info().name,
         with_thousands(static_cast<int64_t>(task.documents.size())));
  }
  line("requests                {} in {} batches", with_thousands(plan.num_requests),
       with_thousands(static_cast<int64_t>(plan.batches.size())));
  line("tokens                  {}", with_thousands(plan.total.rows));
  line("tokens without sharing  {} ({:.2f} times)", with_thousands(plan.total.rows_unshared),
       ratio);
  if (plan.total.new_tokens > 0) {
    line("tokens to generate      at most {}", with_thousands(plan.total.new_tokens));
  }
  if (plan.num_truncated > 0) {
    line("too long                {} requests, the first is {}", with_thousands(plan.num_truncated),
         plan.first_truncated);
  }
  if (seconds) line("expected time           {}", human_seconds(*seconds));
  print_out(text);
}

void refuse_what_does_not_fit(const EvalOptions& options, const harness::Plan& plan,
                              const harness::SystemUnderTest& system) {
  require(plan.num_truncated == 0 || options.model.allow_truncation,
          "{} of {} requests do not fit in the {} tokens of {} (the first is {}); "
          "--allow-truncation cuts "
          "them from the left and counts them",
          plan.num_truncated, plan.num_requests, system.info().max_length, system.info().name,
          plan.first_truncated);
}

reports::OpenOptions store_options(const EvalOptions& options) {
  reports::OpenOptions open;
  if (options.journal == "wal") open.journal = reports::Journal::Wal;
  if (options.journal == "delete") open.journal = reports::Journal::Delete;
  return open;
}

void print_report(const EvalOptions& options, const reports::Store& store, int64_t run) {
  const auto report = harness::run_report_with_ruler(store, store.find_run(std::to_string(run)));
  print_out(options.json
                ? reports::report_as_json(report)
                : reports::report_for_terminal(report, reports::terminal_options(STDOUT_FILENO)));
}

/// A script must not take a run for a success in which nothing of a task could be answered.
void refuse_a_run_without_scores(const reports::Store& store, int64_t run) {
  const auto cells = store.cells(run);
  for (const auto& aggregate : store.aggregates(run)) {
    require(aggregate.aggregate.n > 0 || aggregate.num_failed == 0,
            "{}: every document failed; `hylo store export {} --samples` shows the reasons",
            cells.at(static_cast<size_t>(aggregate.cell)).description.task, run);
  }
}

void run_eval(const EvalOptions& options, const std::vector<std::string>& argv) {
  const auto shard = parse_shard(options.shard);
  auto named = named_tasks(options);
  auto planned = harness::plan_tasks(plan_options(options, named));
  std::ranges::copy(harness::ruler_groups(planned), std::back_inserter(named.groups));
  const auto file = store_file(options.store);
  // A store that cannot be written is told before a large model is opened; a new one is made after
  // it.
  std::optional<reports::Store> store_there;
  if (!options.dry_run && std::filesystem::exists(file)) {
    store_there = reports::Store::open(file, store_options(options));
  }
  const auto system = options.teacher.empty()
                          ? open_system(options.model, !options.dry_run)
                          : open_with_teacher(options.model, options.teacher, !options.dry_run);
  harness::check_tokenizers(planned, *system, options.allow_other_data);
  auto plan = harness::make_plan(planned, *system);
  if (shard) plan = harness::shard_of(plan, planned, *shard);
  refuse_settings_without_effect(options, planned);
  if (options.dry_run) return print_plan(options, planned, plan, *system);
  refuse_what_does_not_fit(options, plan, *system);

  auto store =
      store_there ? std::move(*store_there) : reports::Store::open(file, store_options(options));
  const auto cells = harness::describe_cells(planned, shard ? &plan : nullptr);
  auto run =
      store.begin(harness::describe_run(cells, *system,
                                        {options.name, argv, options.seed, named.groups, shard}),
                  cells);
  if (run.is_complete()) {
    fmt::print(stderr, "hylo: run '{}' is complete already; this is its report\n", options.name);
  } else if (run.is_resumed()) {
    fmt::print(stderr, "hylo: goes on with run {}, which was interrupted\n", run.id());
  }
  const auto& interrupted = end_cleanly_on_interrupt();
  const auto end = [&] {
    ProgressLine line;
    return harness::run_plan(planned, plan, *system, store, run,
                             {.on_progress = [&](const harness::RunProgress& p) { line.show(p); },
                              .stop = &interrupted});
  }();
  print_report(options, store, run.id());
  if (end == harness::RunEnd::Stopped) {
    fmt::print(stderr, "hylo: interrupted; the same command goes on where run {} stopped\n",
               run.id());
    throw CLI::RuntimeError(interrupted_exit_code());
  }
  refuse_a_run_without_scores(store, run.id());
}

}  // namespace

void add_eval(CLI::App& program) {
  auto& verb = add_verb(
      program, "eval", "evaluate a model on tasks and store every answer",
      {{"hylo eval --model tests/fixtures/stories260k --tasks story_openings", "needs no data"},
       {"hylo eval --model ~/Llama-3.2-1B --dtype bfloat16 --tasks arc_easy,hellaswag --data "
        "~/data",
        "two suites, into ./hylo.db"},
       {"hylo eval --model ~/Qwen3-1.7B --tasks gsm8k --limit 100 --dry-run",
        "the plan and its cost"},
       {"hylo eval --model ~/Qwen3-1.7B --tasks ruler@4096 --sets sets",
        "RULER, on sample sets that `hylo data build ruler` made"},
       {"hylo eval --model student --teacher ~/Llama-3.2-1B --tasks teacher_agreement --text a.txt",
        "how far a student is from its teacher, on a text of one's own"},
       {"hylo eval --model ~/Llama-3.2-1B-Instruct --tasks arc_easy --chat-template llama3.1",
        "in the form of a chat"},
       {"hylo eval --model scripted:crc --tasks ./capitals.json", "a task file of your own"},
       {"hylo eval --model scripted:crc --tasks piqa --num-fewshot 3 --samples piqa:0-9",
        "a few documents, without a network"}});
  const auto options = std::make_shared<EvalOptions>();
  add_eval_options(verb, *options);
  verb.callback([options] { run_eval(*options, own_command_line()); });
}

}  // namespace hylo::cli
