// hylo data build ruler: sample sets for a tokenizer and lengths.
#include <fmt/ranges.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "harness/base/clock.h"
#include "harness/base/error.h"
#include "harness/base/unicode.h"
#include "harness/base/units.h"
#include "harness/cli/build_outcome.h"
#include "harness/cli/data.h"
#include "harness/cli/lengths.h"
#include "harness/cli/numbers.h"
#include "harness/cli/output.h"
#include "harness/cli/verb.h"
#include "harness/cli/workshop.h"
#include "tasks/ruler/ordered_map.h"
#include "tasks/ruler/sample_set.h"

namespace hylo::cli {
namespace {

namespace ruler = tasks::ruler;

std::vector<const ruler::RulerSpec*> tasks_named(const std::string& list) {
  std::vector<const ruler::RulerSpec*> specs;
  if (list == "all" || list == "ruler") {
    for (const auto& spec : ruler::ruler_specs()) specs.push_back(&spec);
    return specs;
  }
  for (const auto name : split(list, ',')) {
    require(!python_strip(name).empty(),
            "--tasks: expected names of tasks, found an empty one in '{}'", list);
    const size_t at = name.find('@');
    require(at == std::string_view::npos,
            "--tasks: expected the name of a task alone, found '{}'; lengths are given by "
            "--lengths: --tasks {} --lengths {}",
            name, name.substr(0, at), at == std::string_view::npos ? "" : name.substr(at + 1));
    const auto* spec = &ruler::find_ruler_spec(name);
    require(std::ranges::find(specs, spec) == specs.end(), "--tasks: '{}' is named twice", name);
    specs.push_back(spec);
  }
  return specs;
}

std::vector<BuildJob> jobs_of(const BuildOptions& options) {
  std::vector<BuildJob> jobs;
  for (const auto& length : parse_lengths(options.lengths, "--lengths")) {
    for (const auto* spec : tasks_named(options.tasks)) jobs.push_back({spec, length.tokens});
  }
  return jobs;
}

ruler::SampleSetDescription description_of(const Workshop& shop, const BuildJob& job) {
  auto folder = std::filesystem::absolute(shop.options().tokenizer).lexically_normal();
  if (!folder.has_filename()) folder = folder.parent_path();
  return {.task = std::string(job.spec->name),
          .mode = shop.mode(),
          .length = job.length,
          .seed = shop.options().seed,
          .num_samples = shop.options().num_samples,
          .tokenizer = {folder.filename().string(), shop.tokenizer().info().sha256},
          .sources = ruler::sources_of_task(*job.spec, shop.sources(), shop.mode()),
          .generator = std::string(ruler::generator_of(shop.mode()))};
}

/// A set that is there already is not built again: the same description gives the same bytes.
void build_set(const Workshop& shop, BuildOutcome& outcome) {
  const auto description = description_of(shop, outcome.job);
  if (const auto there = ruler::find_sample_set(shop.options().out, description)) {
    outcome.state = "there";
    outcome.file = *there;
  } else {
    ruler::SampleSetWriter writer(shop.options().out, description);
    shop.build_samples(shop.request_of(outcome.job),
                       [&](const ruler::Sample& sample) { writer.add(sample); });
    outcome.file = writer.finish();
    outcome.state = "built";
  }
  outcome.header = ruler::read_header(outcome.file);
}

/// Lengths are only told where the one that was asked for is to blame.
void tell_lengths(Workshop& shop, BuildOutcome& outcome) {
  outcome.smallest_length = shop.smallest_length(*outcome.job.spec);
  if (!outcome.smallest_length) return;
  const bool is_too_small = *outcome.smallest_length > outcome.job.length;
  const bool is_known = shop.mode() == ruler::Mode::Compat && is_too_small;
  if (!outcome.needed_length && !is_known) {
    outcome.needed_length = shop.length_needed(outcome.job);
  }
  if (!is_too_small && outcome.needed_length.value_or(0) <= outcome.job.length) {
    outcome.smallest_length.reset();
  }
}

BuildOutcome run_job(Workshop& shop, const BuildJob& job) {
  BuildOutcome outcome{.job = job};
  const Stopwatch watch;
  try {
    shop.options().dry_run ? shop.try_set(outcome) : build_set(shop, outcome);
  } catch (const CannotBeMade& refusal) {
    outcome.state = left_out;
    outcome.reason = refusal.what();
    tell_lengths(shop, outcome);
  }
  outcome.seconds = watch.seconds();
  return outcome;
}

/// The reference's samples come out of one stream and so from one thread: there whole sets are made
/// at the same time.
std::vector<BuildOutcome> run_jobs(Workshop& shop, const std::vector<BuildJob>& jobs) {
  std::vector<BuildOutcome> outcomes;
  const bool by_sets = shop.mode() == ruler::Mode::Compat;
  ruler::OrderedMap<BuildOutcome> work(
      static_cast<int64_t>(jobs.size()), by_sets ? static_cast<int>(shop.options().num_threads) : 1,
      [&](int64_t i) { return run_job(shop, jobs[static_cast<size_t>(i)]); });
  work.run([&](BuildOutcome outcome) {
    if (!shop.options().json) print_out(line_of(outcome, shop.options().num_samples));
    outcomes.push_back(std::move(outcome));
  });
  return outcomes;
}

void print_lengths(const BuildOptions& options) {
  std::string text;
  for (const auto& length : parse_lengths(options.lengths, "--lengths")) {
    text += fmt::format("{}{} = {} tokens", text.empty() ? "lengths   " : ", ", length.text,
                        with_thousands(length.tokens));
  }
  print_out(text + "\n");
}

/// A task that was asked for by name and cannot be made is an error; of all tasks at least one has
/// to be there.
void refuse_what_is_missing(const BuildOptions& options,
                            const std::vector<BuildOutcome>& outcomes) {
  const auto is_left_out = [](const BuildOutcome& outcome) { return outcome.state == left_out; };
  const auto missing = std::ranges::find_if(outcomes, is_left_out);
  if (missing == outcomes.end()) return;
  const bool all = options.tasks == "all" || options.tasks == "ruler";
  if (all && !std::ranges::all_of(outcomes, is_left_out)) return;
  fail("{}; {} of {} sets were left out", reason_of(*missing),
       std::ranges::count_if(outcomes, is_left_out), outcomes.size());
}

/// Texts of our own are not those of the reference.
void tell_what_is_generated(const Workshop& shop, const std::vector<BuildJob>& jobs) {
  if (shop.mode() != ruler::Mode::Compat) return;
  std::vector<std::string> parts;
  for (const auto& job : jobs) {
    const auto used = ruler::sources_of_task(*job.spec, shop.sources(), shop.mode());
    for (const auto& [part, identity] : used.items()) {
      const bool is_generated =
          identity.is_string() && identity.get<std::string>().starts_with("generated-");
      if (is_generated && std::ranges::find(parts, part) == parts.end()) parts.push_back(part);
    }
  }
  if (parts.empty()) return;
  fmt::print(stderr, "hylo: generated: {}; not the reference's samples\n", fmt::join(parts, ", "));
}

void build(const BuildOptions& options) {
  require(options.dry_run || !options.out.empty(),
          "--out: expected the folder for the sets (or --dry-run)");
  const auto jobs = jobs_of(options);
  Workshop shop(options);
  if (!options.json) print_lengths(options);
  tell_what_is_generated(shop, jobs);
  const auto outcomes = run_jobs(shop, jobs);
  if (options.json) {
    auto sets = OrderedJson::array();
    for (const auto& outcome : outcomes) sets.push_back(json_of(outcome));
    print_json({{"mode", options.mode}, {"sets", sets}});
  }
  refuse_what_is_missing(options, outcomes);
}

void add_source_options(CLI::App& verb, BuildOptions& options) {
  verb.add_option("--essays", options.essays, "a text, a JSON file {\"text\": ...} or a folder")
      ->type_name("PATH");
  verb.add_option("--squad", options.squad, "SQuAD JSON for qa_1")->type_name("FILE");
  verb.add_option("--hotpotqa", options.hotpotqa, "HotpotQA JSON for qa_2")->type_name("FILE");
  verb.add_option("--words", options.words,
                  "folder with nounlist.txt, adjectivelist.txt and verblist.txt")
      ->type_name("DIR");
  verb.add_option("--more-words", options.more_words, "english_words.json, for long lists of cwe")
      ->type_name("FILE");
}

}  // namespace

void add_data_build(CLI::App& data) {
  auto& verb = add_verb(
      data, "build", "sample sets of RULER: one file per task and length",
      {{"hylo data build ruler --tokenizer ~/Qwen3-1.7B --lengths 4K,8K --samples 100 --out sets",
        "all tasks, of texts that hylo makes itself: needs no download"},
       {"hylo data build ruler --mode compat --tasks vt,niah_single_2 --essays essays.json "
        "--tokenizer ~/Qwen3-1.7B --lengths 131072 --out sets",
        "the very text of NVIDIA's generator"},
       {"hylo data build ruler --tokenizer ~/Qwen3-1.7B --lengths 512 --dry-run",
        "which tasks fit, and the smallest length of each"}});
  const auto options = std::make_shared<BuildOptions>();
  verb.add_option("suite", options->suite, "ruler")->required()->check(CLI::IsMember({"ruler"}));
  verb.add_option("--tokenizer", options->tokenizer, "a checkpoint's folder or a tokenizer's file")
      ->required()
      ->type_name("DIR|FILE");
  verb.add_option("--lengths", options->lengths, "4K (4096), 4k (4000), 1M or 131072, with commas")
      ->required();
  verb.add_option("--tasks", options->tasks, "all, or names with commas")->capture_default_str();
  verb.add_option("--mode", options->mode, "strict: fair draws; compat: the reference's text")
      ->capture_default_str()
      ->check(CLI::IsMember({"compat", "strict"}));
  verb.add_option("--samples", options->num_samples, "of each set")
      ->capture_default_str()
      ->check(whole_number(1, 1'000'000));
  verb.add_option("--seed", options->seed, "of all draws")
      ->capture_default_str()
      ->check(whole_number(0));
  verb.add_option("--out", options->out, "folder for the sets")->type_name("DIR");
  verb.add_option("--threads", options->num_threads, "that build at the same time")
      ->capture_default_str()
      ->check(whole_number(1, 1024));
  add_source_options(verb, *options);
  verb.add_flag("--dry-run", options->dry_run, "print what would be built, write nothing");
  verb.add_flag("--json", options->json, "one JSON document");
  verb.callback([options] { build(*options); });
}

}  // namespace hylo::cli
