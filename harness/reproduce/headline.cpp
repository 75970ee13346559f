#include "harness/reproduce/headline.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <thread>

#include "harness/base/clock.h"
#include "harness/base/error.h"
#include "harness/base/files.h"
#include "harness/runner/ruler_sets.h"
#include "harness/system/decoder_system.h"
#include "models/cache/predicted.h"
#include "models/config/hf_config.h"
#include "reports/render/run_report.h"
#include "reports/store/store.h"
#include "tasks/ruler/sample_set.h"

namespace hylo::harness {
namespace {

namespace fs = std::filesystem;
namespace ruler = hylo::tasks::ruler;

constexpr int64_t teachers_length = 256;
constexpr int64_t yarn_factor = 32;
constexpr std::array needles{"niah_single_1", "niah_single_2", "niah_single_3"};
/// Of the hybrid: times the teacher's length, share of the needles.
constexpr std::array<std::pair<int64_t, double>, 2> wanted_of_the_hybrid{{{16, 0.9}, {32, 0.7}}};
constexpr auto tokenizer = "models/recipes/tokenizers/headline-small";

unsigned num_cores() { return std::max(1U, std::thread::hardware_concurrency()); }

/// The first sample of the first task.
std::string prompt_of(const fs::path& sets, int64_t length) {
  const auto file =
      sample_sets_named(fmt::format("{}@{}", needles.front(), length), {sets}).front();
  std::string prompt;
  ruler::read_sample_set(file, [&](const ruler::Sample& sample) {
    if (prompt.empty()) prompt = sample.input + sample.answer_prefix;
  });
  return prompt;
}

/// To read a prompt and write a token: the median of three, after one that warms up.
double seconds_to_read(DecoderSystem& system, const std::string& prompt) {
  const std::vector<tasks::Request> requests{
      tasks::GenerateText{.prompt = prompt, .max_new_tokens = 1}};
  std::vector<double> seconds;
  for (int i = 0; i < 4; ++i) {
    const Stopwatch watch;
    system.answer(requests, [](size_t, const tasks::Response& response) {
      const auto* failed = std::get_if<tasks::Failed>(&response);
      require(!failed, "a prompt cannot be read: {}", failed ? failed->reason : "");
    });
    if (i > 0) seconds.push_back(watch.seconds());
  }
  std::ranges::nth_element(seconds, seconds.begin() + 1);
  return seconds[1];
}

/// The row of a list in a run's report.
const OrderedJson& row_named(const OrderedJson& rows, const char* key, const std::string& name) {
  const auto found =
      std::ranges::find_if(rows, [&](const OrderedJson& row) { return row[key] == name; });
  require(found != rows.end(), "the store has no {}", name);
  return *found;
}

void add_scores(OrderedJson& row, const OrderedJson& run) {
  for (const auto* task : needles) {
    // The first of a task's results is its metric; the others are checks of the answers' form.
    const auto set = fmt::format("{}@{}", task, row["length"].get<int64_t>());
    row[task] = row_named(run["results"], "task", set)["value"];
  }
}

/// "the hybrid found 91.2 % at 16 times ...".
std::string reached(const OrderedJson& rows, const std::string& arm) {
  std::vector<std::string> parts;
  for (const auto& row : rows) {
    for (const auto& [factor, wanted] : wanted_of_the_hybrid) {
      if (row["arm"] != arm || row["times"] != factor || row["score"].is_null()) continue;
      parts.push_back(
          fmt::format("{:.1f} % at {} times the teacher's length, where {:.0f} % were "
                      "wanted",
                      row["score"].get<double>() * 100, factor, wanted * 100));
    }
  }
  if (parts.empty())
    return "what is wanted of the hybrid is said of 16 and 32 times the teacher's length";
  return fmt::format("the {} found {}", arm, fmt::join(parts, "; "));
}

}  // namespace

Headline::Headline(HeadlineOptions options) : options_(std::move(options)) {
  require(options_.most_times >= 1, "times the teacher's length: expected 1 or more, found {}",
          options_.most_times);
}

std::vector<int64_t> Headline::lengths() const {
  std::vector<int64_t> lengths;
  for (int64_t times = 1; times <= options_.most_times; times *= 2) {
    lengths.push_back(times * teachers_length);
  }
  return lengths;
}

void Headline::begin() const {
  std::error_code failure;
  fs::create_directories(options_.out, failure);
  require(!failure, "--out {}: cannot be made: {}", options_.out.string(), failure.message());
  const auto file = options_.out / "headline.json";
  const Json wanted{{"samples", options_.num_samples}, {"up_to", options_.most_times}};
  if (!fs::exists(file)) return write_text_file(file, wanted.dump() + "\n");
  const auto found = read_json_file(file);
  require(found == wanted,
          "--out {}: was begun with {}, expected {}; name another folder, or ask "
          "for what it was begun with",
          options_.out.string(), found.dump(), wanted.dump());
}

fs::path Headline::student_of(const std::string& training) const {
  return options_.out / training / "student";
}

std::vector<ReproducedArm> Headline::arms() const {
  return {{"teacher", "teacher", student_of("teacher")},
          {"teacher-yarn", "teacher with YaRN", options_.out / "teacher-yarn"},
          {"teacher-long", "teacher trained long", student_of("teacher-long")},
          {"hybrid", "hybrid", student_of("hybrid")}};
}

std::string Headline::recipe(const std::string& arm) const {
  const auto name = "headline-small-" + arm;
  return options_.recipes.empty() ? name : (options_.recipes / (name + ".json")).string();
}

ReproducedStep Headline::training(const std::string& verb, const std::string& name,
                                  const std::string& title) const {
  ReproducedStep step{.title = title,
                      .words = {verb, "--recipe", recipe(name), "--out", options_.out / name,
                                "--name", name, "--store", store()},
                      .makes_anew = {}};
  if (verb == "train") {
    step.words.insert(step.words.end(), {"--tokenizer", shipped_file(tokenizer)});
  } else {
    step.words.insert(step.words.end(), {"--base", student_of("teacher")});
  }
  step.words.insert(step.words.end(), {"--threads", fmt::format("{}", options_.threads)});
  return step;
}

std::vector<ReproducedStep> Headline::steps() const {
  const auto sets_folder = options_.out / "sets";
  const auto yarn = options_.out / "teacher-yarn";
  std::vector<ReproducedStep> steps{
      training("train", "teacher", "a teacher of contexts of 256 tokens, from random weights"),
      {.title = "the teacher with its positions stretched, and nothing else",
       .words = {"convert", student_of("teacher"), yarn, "--yarn", fmt::format("{}", yarn_factor)},
       .makes_anew = yarn},
      training("distill", "hybrid", "its hybrid: one layer of latent attention, three recurrent"),
      training("distill", "teacher-long", "the teacher itself, trained on the same long stages"),
      {.title = "samples of RULER for their tokenizer",
       .words = {"data", "build", "ruler", "--tokenizer", shipped_file(tokenizer), "--lengths",
                 fmt::format("{}", fmt::join(lengths(), ",")), "--tasks",
                 fmt::format("{}", fmt::join(needles, ",")), "--samples",
                 fmt::format("{}", options_.num_samples), "--out", sets_folder},
       .makes_anew = {}}};
  for (const auto& arm : arms()) {
    steps.push_back(
        {.title = fmt::format("what the {} finds", arm.title),
         .words = {"eval", "--model", arm.model, "--tasks", "ruler", "--sets", sets_folder,
                   "--max-length", fmt::format("{}", lengths().back()), "--name", arm.name,
                   "--threads", fmt::format("{}", num_cores()), "--store", store()},
         .makes_anew = {}});
  }
  return steps;
}

OrderedJson Headline::rows_of(const ReproducedArm& arm, const models::ModelConfig& teacher,
                              const OrderedJson& run) const {
  DecoderSystem system(
      {.folder = arm.model, .max_length = lengths().back(), .hash_weights = false});
  auto rows = OrderedJson::array();
  for (const auto length : lengths()) {
    const auto& mean = row_named(run["groups"], "group", fmt::format("ruler@{}", length));
    const models::CachePrediction cache{.tokens = length, .element_bytes = sizeof(float)};
    const auto bytes = models::predicted_bytes(system.checkpoint().config, cache);
    const auto of_teacher = models::predicted_bytes(teacher, cache);
    auto& row = rows.emplace_back(OrderedJson{
        {"arm", arm.title},
        {"times", length / teachers_length},
        {"length", length},
        {"score", mean["value"]},
        {"standard_error", mean["standard_error"]},
        {"cache_bytes", bytes.pages},
        {"state_bytes", bytes.states},
        {"share_of_teachers_cache",
         static_cast<double>(bytes.total()) / static_cast<double>(of_teacher.total())}});
    add_scores(row, run);
    row["seconds_a_prompt"] = seconds_to_read(system, prompt_of(options_.out / "sets", length));
  }
  return rows;
}

OrderedJson Headline::report() const {
  const auto kept = reports::Store::open(store(), {.read_only = true});
  const auto teacher = models::read_hf_config(arms().front().model);
  auto rows = OrderedJson::array();
  for (const auto& arm : arms()) {
    const auto run = reports::run_report(kept, kept.find_run(arm.name));
    for (auto& row : rows_of(arm, teacher, run)) rows.push_back(std::move(row));
  }
  return {{"report", "headline"},
          {"title", fmt::format("Needles found, %, by a teacher of {} tokens and its hybrid",
                                teachers_length)},
          {"tasks", needles},
          {"num_samples", options_.num_samples},
          {"rows", rows},
          {"notes",
           {fmt::format("mean of {}, strict, {} samples of each task and length; \u00b1 is the "
                        "standard error",
                        fmt::join(needles, ", "), options_.num_samples),
            "cache and states are in float32; seconds are the median of three, measured as this "
            "was written",
            reached(rows, arms().back().title)}}};
}

}  // namespace hylo::harness
