// hylo data: data sets to evaluate on.

#include <CLI/CLI.hpp>

#include "harness/cli/data_download.h"
#include "harness/cli/verb.h"

namespace hylo::cli {

void add_data(CLI::App& program) {
  auto& data = add_verb(program, "data", "Fetch data sets.",
                        {{"hylo data download arc_easy --data ./data",
                          "the files of a data set, verified"}});
  data.require_subcommand(1);
  add_data_download(data);
}

}  // namespace hylo::cli
