// hylo eval: tasks against a model, into the store.
#include <fmt/ranges.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <charconv>
#include <cstdio>
#include <optional>

#include "harness/base/clock.h"
#include "harness/base/files.h"
#include "harness/base/json.h"
#include "harness/base/unicode.h"
#include "harness/base/units.h"
#include "harness/cli/numbers.h"
#include "harness/cli/open_system.h"
#include "harness/cli/output.h"
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
#include "tasks/catalog.h"
#include "tasks/core/generation_overrides.h"

namespace hylo::cli {
namespace {

struct EvalOptions {
  ModelOptions model;
  std::string teacher;
  std::vector<std::string> tasks;
  std::vector<std::string> texts;
  std::string data;
  std::vector<std::string> sets;
  std::optional<int64_t> limit;
  std::vector<std::string> samples;
  std::optional<int64_t> num_fewshot;
  std::string fewshot_sampler;
  std::string fewshot_split;
  std::string chat_template;
  std::string system_instruction;
  bool fewshot_as_multiturn = false;
  std::string gen_kwargs;
  uint64_t seed = tasks::default_fewshot_seed;
  std::string store;
  std::string journal;
  std::string name;
  std::string shard;
  bool dry_run = false;
  bool json = false;
  bool allow_other_data = false;
};

std::atomic<bool> interrupted{false};
std::atomic<int> interrupting_signal{0};

/// The words that this process was started with.
std::vector<std::string> own_command_line() {
  std::vector<std::string> words;
  for (const auto word : split(read_text_file("/proc/self/cmdline"), '\0'))
    words.emplace_back(word);
  if (!words.empty() && words.back().empty()) words.pop_back();
  return words;
}

/// The first Ctrl-C (or SIGTERM) ends the run after the batch in flight, the second at once.
void end_cleanly_on_interrupt() {
  struct sigaction action {};
  action.sa_handler = [](int signal) {
    interrupting_signal = signal;
    interrupted = true;
  };
  action.sa_flags = static_cast<int>(SA_RESETHAND);
  ::sigaction(SIGINT, &action, nullptr);
  ::sigaction(SIGTERM, &action, nullptr);
}

int64_t document_number(std::string_view text, std::string_view where) {
  int64_t number = 0;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), number);
  require(failure == std::errc() && end == text.data() + text.size() && number >= 0,
          "--samples {}: expected document numbers such as 0,5,7-9, found '{}'", where, text);
  return number;
}

/// "arc_easy:0,5,7-9" -> {"arc_easy", {0, 5, 7, 8, 9}}.
std::pair<std::string, std::vector<int64_t>> parse_samples(const std::string& text) {
  const size_t colon = text.find(':');
  require(colon != std::string::npos && colon > 0, "--samples: expected TASK:IDS, found '{}'",
          text);
  std::vector<int64_t> ids;
  for (const auto piece : split(std::string_view(text).substr(colon + 1), ',')) {
    const size_t dash = piece.find('-');
    const int64_t first = document_number(piece.substr(0, dash), text);
    const int64_t last =
        dash == std::string_view::npos ? first : document_number(piece.substr(dash + 1), text);
    require(first <= last && last - first < 10'000'000,
            "--samples {}: the range '{}' runs backwards or is too long", text, piece);
    for (int64_t id = first; id <= last; ++id) ids.push_back(id);
  }
  return {text.substr(0, colon), ids};
}

/// Told before anything is opened.
void check_teacher(const EvalOptions& options, const std::vector<std::string>& tasks) {
  const auto asks_a_teacher = [](const std::string& task) {
    return tasks::is_task(task) && tasks::make_task(task)->info().needs_teacher;
  };
  const auto asking = std::ranges::find_if(tasks, asks_a_teacher);
  if (options.teacher.empty()) {
    require(asking == tasks.end(),
            "{}: needs the model that the student is held against; name its checkpoint with "
            "--teacher",
            asking == tasks.end() ? "" : *asking);
  } else {
    require(asking != tasks.end(),
            "--teacher {}: none of the tasks asks a teacher, so it would have no effect; "
            "teacher_agreement does",
            options.teacher);
  }
}

/// "2/4" -> shard 2 of 4.
std::optional<harness::ShardNumber> parse_shard(const std::string& text) {
  if (text.empty()) return std::nullopt;
  const size_t slash = text.find('/');
  harness::ShardNumber shard;
  const auto read = [&](std::string_view digits, int64_t& number) {
    const auto [end, failure] =
        std::from_chars(digits.data(), digits.data() + digits.size(), number);
    return failure == std::errc() && end == digits.data() + digits.size();
  };
  require(
      slash != std::string::npos && read(std::string_view(text).substr(0, slash), shard.number) &&
          read(std::string_view(text).substr(slash + 1), shard.count) && shard.number >= 1 &&
          shard.number <= shard.count,
      "--shard: expected NUMBER/COUNT with 1 <= NUMBER <= COUNT, such as 2/4, found '{}'", text);
  return shard;
}

harness::NamedTasks named_tasks(const EvalOptions& options) {
  std::vector<std::string> names;
  for (const auto& list : options.tasks) {
    for (const auto name : split(list, ',')) {
      require(!name.empty(),
              "--tasks: '{}' has an empty name; names are separated by single commas", list);
      names.emplace_back(name);
    }
  }
  return harness::expand_groups(names);
}

harness::PlanOptions plan_options(const EvalOptions& options, const harness::NamedTasks& named) {
  harness::PlanOptions plan{.tasks = named.tasks,
                            .data_root = data_root(options.data),
                            .prompts = {},
                            .document_ids = {},
                            .allow_other_bytes = options.allow_other_data,
                            .sets = {options.sets.begin(), options.sets.end()}};
  plan.texts.assign(options.texts.begin(), options.texts.end());
  check_teacher(options, named.tasks);
  if (!options.teacher.empty()) {
    plan.settings.num_compared_layers = num_compared_layers(options.model, options.teacher);
  }
  plan.prompts.limit = options.limit;
  plan.prompts.num_fewshot = options.num_fewshot;
  if (options.fewshot_sampler == "default") plan.prompts.sampler = tasks::Sampler::Default;
  if (options.fewshot_sampler == "first_n") plan.prompts.sampler = tasks::Sampler::FirstN;
  plan.prompts.fewshot_split = options.fewshot_split;
  plan.prompts.form = {.chat = tasks::chat_template_named(options.chat_template),
                       .system_instruction = options.system_instruction,
                       .fewshot_as_multiturn = options.fewshot_as_multiturn};
  plan.prompts.fewshot_seed = options.seed;
  plan.prompts.generation = tasks::parse_generation_overrides(options.gen_kwargs);
  for (const auto& text : options.samples) {
    const auto [task, ids] = parse_samples(text);
    auto& all = plan.document_ids[task];
    all.insert(all.end(), ids.begin(), ids.end());
  }
  return plan;
}

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

void refuse_settings_without_effect(const EvalOptions& options,
                                    const std::vector<harness::PlannedTask>& planned,
                                    const harness::Plan& plan) {
  const bool has_examples = std::ranges::any_of(planned, [](const harness::PlannedTask& task) {
    return tasks::num_fewshot_of(task.task->info(), task.options) > 0;
  });
  require(options.fewshot_split.empty() || has_examples,
          "--fewshot-split: none of the tasks shows worked examples, so it would have no effect");
  require(options.gen_kwargs.empty() || plan.total.new_tokens > 0,
          "--gen-kwargs: none of the tasks generates text, so it would have no effect");
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
  refuse_settings_without_effect(options, planned, plan);
  if (options.dry_run) return print_plan(options, planned, plan, *system);
  refuse_what_does_not_fit(options, plan, *system);

  auto store =
      store_there ? std::move(*store_there) : reports::Store::open(file, store_options(options));
  auto run =
      store.begin(harness::describe_run(planned, *system,
                                        {options.name, argv, options.seed, named.groups, shard}),
                  harness::describe_cells(planned, shard ? &plan : nullptr));
  if (run.is_complete()) {
    fmt::print(stderr, "hylo: run '{}' is complete already; this is its report\n", options.name);
  } else if (run.is_resumed()) {
    fmt::print(stderr, "hylo: goes on with run {}, which was interrupted\n", run.id());
  }
  end_cleanly_on_interrupt();
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
    throw CLI::RuntimeError(128 + interrupting_signal);
  }
  refuse_a_run_without_scores(store, run.id());
}

void add_form_options(CLI::App& verb, EvalOptions& options) {
  verb.add_option("--chat-template", options.chat_template,
                  "ask in the form of a chat: " +
                      fmt::format("{}", fmt::join(tasks::chat_template_names(), ", ")))
      ->check(CLI::IsMember(tasks::chat_template_names()));
  verb.add_option("--system-instruction", options.system_instruction,
                  "a text before the description of the task");
  verb.add_flag("--fewshot-as-multiturn", options.fewshot_as_multiturn,
                "worked examples as turns of the chat, not inside the user's message")
      ->needs("--chat-template");
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
  add_model_options(verb, options->model);
  verb.add_option("--teacher", options->teacher,
                  "checkpoint folder of the model that a student is held against; opened with the "
                  "options of --model");
  verb.add_option("--tasks", options->tasks, "separated by commas; `hylo list tasks` names them")
      ->required();
  verb.add_option("--data", options->data, "folder of the data sets; else HYLO_DATA");
  verb.add_option("--sets", options->sets,
                  "sample sets of RULER for tasks such as ruler, vt or vt@4096")
      ->type_name("DIR|FILE");
  verb.add_option("--text", options->texts,
                  "a file of plain text, a document of its own, in place of the data of tasks that "
                  "read any text; may be given again")
      ->type_name("FILE")
      ->allow_extra_args(false);
  verb.add_option("--limit", options->limit, "only the first so many documents of each task")
      ->check(whole_number(1));
  verb.add_option("--samples", options->samples,
                  "only these documents of a task, whatever --limit says: TASK:0,5,7-9");
  verb.add_option("--num-fewshot", options->num_fewshot,
                  "worked examples, if not the task's number")
      ->check(whole_number(0));
  verb.add_option("--fewshot-sampler", options->fewshot_sampler,
                  "default (seeded draws) or first_n, if not the task's")
      ->check(CLI::IsMember({"default", "first_n"}));
  verb.add_option("--fewshot-split", options->fewshot_split,
                  "the split that worked examples come from, if not the task's: train");
  add_form_options(verb, *options);
  verb.add_option("--gen-kwargs", options->gen_kwargs,
                  "instead of the task's: until=END,max_gen_toks=64,temperature=0.7, or JSON");
  verb.add_option("--seed", options->seed, "of the draws of worked examples")
      ->capture_default_str()
      ->check(whole_number(0));
  verb.add_option("--store", options->store, "the store; else HYLO_STORE, else ./hylo.db");
  verb.add_option("--journal", options->journal,
                  "of a new store: wal, or delete for network file systems")
      ->check(CLI::IsMember({"wal", "delete"}));
  verb.add_option("--name", options->name, "a name for the run");
  verb.add_option("--shard", options->shard,
                  "run only part NUMBER of COUNT parts; `hylo store merge` makes them one run")
      ->type_name("NUMBER/COUNT");
  verb.add_flag("--dry-run", options->dry_run, "print the plan and its cost, ask nothing");
  verb.add_flag("--json", options->json, "print the report (or plan) as JSON");
  verb.add_flag("--allow-other-data", options->allow_other_data,
                "accept data files whose hash is not the manifest's, and sample sets of another "
                "tokenizer; the run records it");
  verb.callback([options] { run_eval(*options, own_command_line()); });
}

}  // namespace hylo::cli
