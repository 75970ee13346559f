// The program: one verb per file; here they meet the command line, and what goes wrong becomes an
// exit code.

#include <fmt/format.h>
#include <torch/version.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <exception>
#include <new>
#include <string>

#include "harness/base/error.h"
#include "harness/base/version.h"
#include "harness/cli/command_line.h"
#include "harness/cli/output.h"
#include "harness/cli/verb.h"

namespace {

constexpr int done = 0;
constexpr int internal_fault = 1;
constexpr int to_be_put_right = 2;

int tell(int code, const std::string& text) {
  std::fputs(fmt::format("hylo: {}\n", text).c_str(), stderr);
  return code;
}

void add_verbs(CLI::App& program) {
  hylo::cli::add_eval(program);
  hylo::cli::add_generate(program);
  hylo::cli::add_inspect(program);
  hylo::cli::add_convert(program);
  hylo::cli::add_upcycle(program);
  hylo::cli::add_distill(program);
  hylo::cli::add_train(program);
  hylo::cli::add_reproduce(program);
  hylo::cli::add_list(program);
  hylo::cli::add_report(program);
  hylo::cli::add_store(program);
  hylo::cli::add_data(program);
  hylo::cli::add_doctor(program);
}

int run(int argc, char** argv) {
  CLI::App program{"hylo: evaluation and native model stack for hybrid language models", "hylo"};
  program.set_version_flag("--version",
                           fmt::format("hylo {} (LibTorch {})", hylo::version(), TORCH_VERSION));
  program.require_subcommand(1);
  add_verbs(program);
  program.footer("`hylo VERB --help` teaches a verb by example.");
  try {
    program.parse(argc, argv);
  } catch (const CLI::CallForVersion& version) {
    hylo::cli::print_out(std::string(version.what()) + "\n");
  } catch (const CLI::CallForHelp&) {
    hylo::cli::print_out(program.help());
  } catch (const CLI::RuntimeError& ended) {
    return ended.get_exit_code();
  } catch (const CLI::ParseError& error) {
    return tell(to_be_put_right, hylo::cli::explain(program, error));
  }
  return done;
}

}  // namespace

int main(int argc, char** argv) {
  hylo::cli::prepare_standard_streams();
  try {
    return run(argc, argv);
  } catch (const hylo::Error& error) {
    return tell(to_be_put_right, error.what());
  } catch (const std::bad_alloc&) {
    return tell(to_be_put_right, "out of memory: the system gave no more");
  } catch (const std::exception& fault) {
    return tell(internal_fault, fmt::format("internal fault, please report it: {}", fault.what()));
  }
}
