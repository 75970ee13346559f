// hylo reproduce: findings again, step by step; every step is a command that one could type.

#include <fcntl.h>
#include <fmt/format.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <array>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <filesystem>
#include <memory>
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
  int64_t num_samples = 200, most_times = 32, threads = 1;
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

/// Where a step's results go: to the end of a file.
class StepResults {
 public:
  explicit StepResults(const fs::path& file) {
    posix_spawn_file_actions_init(&actions_);
    constexpr mode_t readable = 0644;
    posix_spawn_file_actions_addopen(&actions_, STDOUT_FILENO, file.c_str(),
                                     O_WRONLY | O_CREAT | O_APPEND, readable);
  }
  StepResults(const StepResults&) = delete;
  StepResults& operator=(const StepResults&) = delete;
  ~StepResults() { posix_spawn_file_actions_destroy(&actions_); }
  [[nodiscard]] const posix_spawn_file_actions_t* actions() const { return &actions_; }

 private:
  posix_spawn_file_actions_t actions_;
};

std::atomic<pid_t> running_step = 0;
std::atomic<int> wish_to_end = 0;  // The signal.
static_assert(decltype(running_step)::is_always_lock_free &&
              decltype(wish_to_end)::is_always_lock_free);

void pass_on(int signal, siginfo_t* info, void*) {
  wish_to_end = signal;
  // What the terminal sends for Ctrl-C reaches the step too.
  const bool is_of_the_terminal = info->si_code == SI_KERNEL;
  if (running_step > 0 && !is_of_the_terminal) kill(running_step, signal);
}

/// While this lives a wish to end is the running step's to answer: it ends in order, and this
/// process after it.
class SignalsToTheStep {
 public:
  SignalsToTheStep() {
    struct sigaction action {};
    action.sa_sigaction = pass_on;
    action.sa_flags = SA_SIGINFO;
    for (size_t i = 0; i < signals.size(); ++i) sigaction(signals[i], &action, &before_[i]);
  }
  SignalsToTheStep(const SignalsToTheStep&) = delete;
  SignalsToTheStep& operator=(const SignalsToTheStep&) = delete;
  ~SignalsToTheStep() {
    for (size_t i = 0; i < signals.size(); ++i) sigaction(signals[i], &before_[i], nullptr);
  }

 private:
  static constexpr std::array signals{SIGINT, SIGTERM};
  std::array<struct sigaction, signals.size()> before_{};
};

/// This program again, with other words. Its exit code, or 128 and the number of a signal that
/// ended it or was to end it.
int run_self(std::vector<std::string> words, const fs::path& results) {
  words.insert(words.begin(), "hylo");
  std::vector<char*> argv;
  for (auto& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  const StepResults streams(results);
  const SignalsToTheStep passed_on;
  pid_t step = 0;
  const int failure =
      posix_spawn(&step, "/proc/self/exe", streams.actions(), nullptr, argv.data(), environ);
  require(failure == 0, "hylo cannot be started again, with its results in {}: {}",
          results.string(), std::strerror(failure));
  running_step = step;
  if (wish_to_end != 0) kill(step, wish_to_end);  // It came before the step was there.
  int status = 0;
  while (waitpid(step, &status, 0) < 0) {
    require(errno == EINTR, "waiting: {}", std::strerror(errno));
  }
  running_step = 0;
  constexpr int signal_base = 128;
  if (wish_to_end != 0) return signal_base + wish_to_end;
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
  headline.begin();
  for (size_t i = 0; i < steps.size(); ++i) {
    const auto& step = steps[i];
    fmt::print(stderr, "\n[{}/{}] {}\n$ {}\n", i + 1, steps.size(), step.title, command_of(step));
    fs::remove_all(step.makes_anew);
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
                          "an hour on two cores, half of it training"},
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
  headline.add_option("--threads", options->threads, "of trainings, which gain nothing by more")
      ->capture_default_str()
      ->check(whole_number(1, 1024));
  headline.add_flag("--dry-run", options->dry_run, "print the commands, run none");
  headline.callback([options] { reproduce_headline(*options); });
}

}  // namespace hylo::cli
