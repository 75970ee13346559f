#include "harness/cli/eval_options.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <utility>

#include "harness/base/error.h"
#include "harness/base/unicode.h"
#include "harness/base/whole_number.h"
#include "harness/cli/numbers.h"
#include "harness/cli/places.h"
#include "tasks/catalog.h"
#include "tasks/core/generation_overrides.h"

namespace hylo::cli {
namespace {

int64_t document_number(std::string_view text, std::string_view where) {
  const auto number = parse_whole_number(text);
  require(number && *number >= 0,
          "--samples {}: expected document numbers such as 0,5,7-9, found '{}'", where, text);
  return *number;
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

bool generates_text(const harness::PlannedTask& task) {
  return std::ranges::any_of(task.documents, [](const tasks::PromptedDocument& document) {
    return std::ranges::any_of(document.requests, [](const tasks::Request& request) {
      return std::holds_alternative<tasks::GenerateText>(request);
    });
  });
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

void add_eval_options(CLI::App& verb, EvalOptions& options) {
  add_model_options(verb, options.model);
  verb.add_option("--teacher", options.teacher,
                  "checkpoint folder of the model that a student is held against; opened with the "
                  "options of --model");
  verb.add_option("--tasks", options.tasks, "separated by commas; `hylo list tasks` names them")
      ->required();
  verb.add_option("--data", options.data, "folder of the data sets; else HYLO_DATA");
  verb.add_option("--sets", options.sets,
                  "sample sets of RULER for tasks such as ruler, vt or vt@4096")
      ->type_name("DIR|FILE");
  verb.add_option("--text", options.texts,
                  "a file of plain text, a document of its own, in place of the data of tasks that "
                  "read any text; may be given again")
      ->type_name("FILE")
      ->allow_extra_args(false);
  verb.add_option("--limit", options.limit, "only the first so many documents of each task")
      ->check(whole_number(1));
  verb.add_option("--samples", options.samples,
                  "only these documents of a task, whatever --limit says: TASK:0,5,7-9");
  verb.add_option("--num-fewshot", options.num_fewshot, "worked examples, if not the task's number")
      ->check(whole_number(0));
  verb.add_option("--fewshot-sampler", options.fewshot_sampler,
                  "default (seeded draws) or first_n, if not the task's")
      ->check(CLI::IsMember({"default", "first_n"}));
  verb.add_option("--fewshot-split", options.fewshot_split,
                  "the split that worked examples come from, if not the task's: train");
  add_form_options(verb, options);
  verb.add_option("--gen-kwargs", options.gen_kwargs,
                  "instead of the task's: until=END,max_gen_toks=64,temperature=0.7, or JSON");
  verb.add_option("--seed", options.seed, "of the draws of worked examples")
      ->capture_default_str()
      ->check(whole_number(0));
  verb.add_option("--store", options.store, "the store; else HYLO_STORE, else ./hylo.db");
  verb.add_option("--journal", options.journal,
                  "of a new store: wal, or delete for network file systems")
      ->check(CLI::IsMember({"wal", "delete"}));
  verb.add_option("--name", options.name, "a name for the run");
  verb.add_option("--shard", options.shard,
                  "run only part NUMBER of COUNT parts; `hylo store merge` makes them one run")
      ->type_name("NUMBER/COUNT");
  verb.add_flag("--dry-run", options.dry_run, "print the plan and its cost, ask nothing");
  verb.add_flag("--json", options.json, "print the report (or plan) as JSON");
  verb.add_flag("--allow-other-data", options.allow_other_data,
                "accept data files whose hash is not the manifest's, and sample sets of another "
                "tokenizer; the run records it");
}

std::optional<harness::ShardNumber> parse_shard(const std::string& text) {
  if (text.empty()) return std::nullopt;
  const auto parts = split(text, '/');
  const auto number = parse_whole_number(parts.front());
  const auto count = parse_whole_number(parts.back());
  require(parts.size() == 2 && number && count && 1 <= *number && *number <= *count,
          "--shard: expected NUMBER/COUNT with 1 <= NUMBER <= COUNT, such as 2/4, found '{}'",
          text);
  return harness::ShardNumber{.number = *number, .count = *count};
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

void refuse_settings_without_effect(const EvalOptions& options,
                                    const std::vector<harness::PlannedTask>& planned) {
  const bool has_examples = std::ranges::any_of(planned, [](const harness::PlannedTask& task) {
    return tasks::num_fewshot_of(task.task->info(), task.options) > 0;
  });
  require(options.fewshot_split.empty() || has_examples,
          "--fewshot-split: none of the tasks shows worked examples, so it would have no effect");
  require(options.gen_kwargs.empty() || std::ranges::any_of(planned, generates_text),
          "--gen-kwargs: none of the tasks generates text, so it would have no effect");
}

}  // namespace hylo::cli
