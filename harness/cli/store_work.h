// The verbs of `hylo store` that write.
#pragma once

#include <CLI/CLI.hpp>

namespace hylo::cli {

void add_rescore(CLI::App& store);
void add_merge(CLI::App& store);
void add_migrate(CLI::App& store);

}  // namespace hylo::cli
