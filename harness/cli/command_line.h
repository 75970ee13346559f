// What is wrong with a command line, in words that help to put it right.
#pragma once

#include <string>

namespace CLI {
class App;
class ParseError;
}  // namespace CLI

namespace hylo::cli {

/// "eval: there is no option '--modle'; did you mean '--model'? `hylo eval --help` shows what there
/// is".
std::string explain(const CLI::App& program, const CLI::ParseError& error);

}  // namespace hylo::cli
