// The verbs of the program, one file each.
#pragma once

#include <string>
#include <vector>

namespace CLI {
class App;
}

namespace hylo::cli {

/// A command line that --help shows, and what it does.
struct Example {
  std::string command;  ///< "hylo inspect ./llama-3.2-1b"
  std::string meaning;
};

/// Adds a verb, or a verb below a verb, that teaches by example. What it does goes into its
/// callback: options in a shared struct, Error for what the user must put right, results through
/// output.h, progress and warnings to stderr.
CLI::App& add_verb(CLI::App& parent, const std::string& name, const std::string& summary,
                   const std::vector<Example>& examples);

void add_eval(CLI::App& program);
void add_generate(CLI::App& program);
void add_inspect(CLI::App& program);
void add_convert(CLI::App& program);
void add_upcycle(CLI::App& program);
void add_distill(CLI::App& program);
void add_train(CLI::App& program);
void add_reproduce(CLI::App& program);
void add_list(CLI::App& program);
void add_report(CLI::App& program);
void add_store(CLI::App& program);
void add_data(CLI::App& program);
void add_doctor(CLI::App& program);

}  // namespace hylo::cli
