// hylo reproduce: findings again, step by step; every step is a command that one could type.

#include <fcntl.h>
#include <fmt/format.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "harness/base/error.h"
#include "harness/base/files.h"
#include "harness/cli/numbers.h"
#include "harness/cli/output.h"
#include "harness/cli/verb.h"
#include "harness/reproduce/headline.h"
#include "reports/render/draw.h"

extern char** environ;

namespace hylo::cli {
namespace {

namespace fs = std::filesystem;

struct ReproduceOptions {
  std::string out = "headline", recipes;
  int64_t num_samples = 200, most_times = 32;
  std::optional<int64_t> threads;
  bool is_small = false, dry_run = false;
};

/// As a shell takes it.
std::string typed(const std::string& word) {
  constexpr auto plain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-+=:,./@%";
  if (!word.empty() && word.find_first_not_of(plain) == std::string::npos) return word;
  std::string text;
  for (const char c : word) text += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return "'" + text + "'";
}

/// What a step's process begins with: its results go to the end of a file, and Ctrl-C ends it in
/// order, whatever this process does with it.
class StepStreams {
 public:
  explicit StepStreams(const fs::path& log) {
    posix_spawn_file_actions_init(&actions_);
    constexpr mode_t readable = 0644;
    posix_spawn_file_actions_addopen(&actions_, STDOUT_FILENO, log.c_str(),
                                     O_WRONLY | O_CREAT | O_APPEND, readable);
    sigset_t interrupt;
    sigemptyset(&interrupt);
    sigaddset(&interrupt, SIGINT);
    posix_spawnattr_init(&attributes_);
    posix_spawnattr_setsigdefault(&attributes_, &interrupt);
    posix_spawnattr_setflags(&attributes_, POSIX_SPAWN_SETSIGDEF);
  }
  StepStreams(const StepStreams&) = delete;
  StepStreams& operator=(const StepStreams&) = delete;
  ~StepStreams() {
    posix_spawnattr_destroy(&attributes_);
    posix_spawn_file_actions_destroy(&actions_);
  }
  [[nodiscard]] const posix_spawn_file_actions_t* actions() const { return &actions_; }
  [[nodiscard]] const posix_spawnattr_t* attributes() const { return &attributes_; }

 private:
  posix_spawn_file_actions_t actions_;
  posix_spawnattr_t attributes_;
};

/// This program again, with other words. Its exit code, or 128 and the number of a signal that
/// ended it.
int run_self(std::vector<std::string> words, const fs::path& log) {
  words.insert(words.begin(), "hylo");
  std::vector<char*> argv;
  for (auto& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  const StepStreams streams(log);
  // The terminal sends Ctrl-C to both: the step ends in order, and this process after it.
  const auto before = std::signal(SIGINT, SIG_IGN);
  pid_t child = 0;
  const int failure = posix_spawn(&child, "/proc/self/exe", streams.actions(), streams.attributes(),
                                  argv.data(), environ);
  require(failure == 0, "hylo cannot be started again, with its results in {}: {}", log.string(),
          std::strerror(failure));
  int status = 0;
  while (waitpid(child, &status, 0) < 0) {
    require(errno == EINTR, "waiting: {}", std::strerror(errno));
  }
  std::signal(SIGINT, before);
  constexpr int signal_base = 128;
  return WIFEXITED(status) ? WEXITSTATUS(status) : signal_base + WTERMSIG(status);
}

std::string command_of(const harness::ReproducedStep& step) {
  std::string text = "hylo";
  for (const auto& word : step.words) text += " " + typed(word);
  return text;
}

void reproduce_headline(const ReproduceOptions& options) {
  require(options.is_small,
          "headline: at its size it takes the published checkpoints and days of GPUs; "
          "`hylo reproduce headline --small` shows it with models that are trained here");
  const harness::Headline headline({.out = options.out,
                                    .recipes = options.recipes,
                                    .num_samples = options.num_samples,
                                    .most_times = options.most_times,
                                    .threads = options.threads});
  const auto steps = headline.steps();
  if (options.dry_run) {
    std::string commands;
    for (const auto& step : steps)
      commands += fmt::format("# {}\n{}\n", step.title, command_of(step));
    print_out(commands);
    return;
  }
  fs::create_directories(options.out);
  for (size_t i = 0; i < steps.size(); ++i) {
    const auto& step = steps[i];
    const bool is_done = !step.makes.empty() && fs::exists(step.makes);
    fmt::print(stderr, "\n[{}/{}] {}{}\n$ {}\n", i + 1, steps.size(), step.title,
               is_done ? " (is there)" : "", command_of(step));
    if (is_done) continue;
    if (const int code = run_self(step.words, fs::path(options.out) / "results.log"); code != 0)
      throw CLI::RuntimeError(code);
  }
  const auto report = headline.report();
  for (const auto& [name, text] : {std::pair{"report.json", reports::report_as_json(report)},
                                   {"report.csv", reports::report_as_csv(report)},
                                   {"report.md", reports::report_as_markdown(report)},
                                   {"report.html", reports::report_as_html(report)}}) {
    write_text_file(fs::path(options.out) / name, text);
  }
  print_out(reports::report_for_terminal(report, reports::terminal_options(STDOUT_FILENO)));
}

}  // namespace

void add_reproduce(CLI::App& program) {
  auto& verb = add_verb(program, "reproduce", "a published finding again, step by step",
                        {{"hylo reproduce headline --small --out ./headline",
                          "a hybrid finds at 32 times the length where its teacher does not; about "
                          "an hour on two cores"},
                         {"hylo reproduce headline --small --dry-run",
                          "the commands that this would be, one after another"}});
  verb.require_subcommand(1);
  auto& headline =
      add_verb(verb, "headline",
               "the hybrid retrieves far beyond its teacher's length, with a tenth of its cache",
               {{"hylo reproduce headline --small", "trained from nothing, into ./headline"}});
  const auto options = std::make_shared<ReproduceOptions>();
  headline.add_flag("--small", options->is_small, "with models that are trained here");
  headline.add_option("--out", options->out, "folder of everything that is made")
      ->capture_default_str();
  headline.add_option("--recipes", options->recipes,
                      "folder of other headline-small-*.json than those that ship");
  headline.add_option("--samples", options->num_samples, "of each task and length")
      ->capture_default_str()
      ->check(whole_number(2, 1000));
  headline
      .add_option("--up-to", options->most_times,
                  "measured at 1, 2, 4, ... times the teacher's length, up to this")
      ->capture_default_str()
      ->check(whole_number(1, 32));
  headline.add_option("--threads", options->threads, "of trainings")->check(whole_number(1, 1024));
  headline.add_flag("--dry-run", options->dry_run, "print the commands, run none");
  headline.callback([options] { reproduce_headline(*options); });
}

}  // namespace hylo::cli
