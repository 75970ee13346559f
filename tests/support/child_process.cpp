#include "tests/support/child_process.h"

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>

#include "harness/base/error.h"
#include "harness/base/files.h"

namespace hylo::tests {
namespace {

std::vector<std::string> environment_of(const ChildOptions& options) {
  std::vector<std::string> variables;
  for (char** variable = environ; *variable != nullptr; ++variable) {
    const std::string text = *variable;
    const auto name = text.substr(0, text.find('='));
    const bool is_ours = name == "HYLO_DATA" || name == "HYLO_TEST_DATA" || name == "HYLO_STORE";
    if (!is_ours && !options.environment.contains(name)) variables.push_back(text);
  }
  for (const auto& [name, value] : options.environment) variables.push_back(name + "=" + value);
  return variables;
}

std::vector<char*> pointers_to(std::vector<std::string>& texts) {
  std::vector<char*> pointers;
  for (auto& text : texts) pointers.push_back(text.data());
  pointers.push_back(nullptr);
  return pointers;
}

/// The writing end of a pipe that nobody reads.
int pipe_without_reader() {
  std::array<int, 2> ends{};
  invariant(::pipe2(ends.data(), O_CLOEXEC) == 0, "no pipe");
  ::close(ends[0]);
  return ends[1];
}

}  // namespace

Child::Child(const std::vector<std::string>& argv, const ChildOptions& options)
    : out_(options.out.empty() ? folder_ / "out" : options.out),
      is_out_ours_(options.out.empty() && !options.nobody_reads) {
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  constexpr int write_flags = O_WRONLY | O_CREAT | O_TRUNC;
  const int pipe = options.nobody_reads ? pipe_without_reader() : -1;
  if (pipe >= 0) {
    posix_spawn_file_actions_adddup2(&actions, pipe, STDOUT_FILENO);
  } else {
    posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, out_.c_str(), write_flags, 0600);
  }
  const auto err = folder_ / "err";
  posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, err.c_str(), write_flags, 0600);
  if (!options.folder.empty()) {
    posix_spawn_file_actions_addchdir_np(&actions, options.folder.c_str());
  }
  auto words = argv;
  auto variables = environment_of(options);
  const int failed = posix_spawn(&id_, argv.front().c_str(), &actions, nullptr,
                                 pointers_to(words).data(), pointers_to(variables).data());
  posix_spawn_file_actions_destroy(&actions);
  if (pipe >= 0) ::close(pipe);
  if (failed != 0) id_ = 0;
  invariant(failed == 0, "{} cannot be run", argv.front());
}

Child::~Child() {
  if (id_ <= 0) return;
  ::kill(id_, SIGKILL);
  ::waitpid(id_, nullptr, 0);
}

void Child::send(int signal) const { ::kill(id_, signal); }

bool Child::has_ended() const {
  siginfo_t state{};
  invariant(::waitid(P_PID, static_cast<id_t>(id_), &state, WEXITED | WNOHANG | WNOWAIT) == 0,
            "lost the child {}", id_);
  return state.si_pid == id_;
}

ChildResult Child::wait() {
  int status = 0;
  invariant(::waitpid(id_, &status, 0) == id_, "lost the child {}", id_);
  id_ = 0;
  return {.exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status),
          .out = is_out_ours_ ? read_text_file(out_) : "",
          .err = read_text_file(folder_ / "err")};
}

ChildResult run_child(const std::vector<std::string>& argv, const ChildOptions& options) {
  return Child(argv, options).wait();
}

}  // namespace hylo::tests
