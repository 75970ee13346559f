// hylo data: data sets to evaluate on, and sample sets made for a tokenizer.
#include "harness/cli/data.h"

#include <CLI/CLI.hpp>

#include "harness/cli/data_download.h"
#include "harness/cli/verb.h"

namespace hylo::cli {

void add_data(CLI::App& program) {
  auto& data =
      add_verb(program, "data", "fetches, builds, verifies and shows what suites are run on",
               {{"hylo data download arc_easy --data ./data", "the files of a data set, verified"},
                {"hylo data build ruler --tokenizer ~/Qwen3-1.7B --lengths 4K,32K --out sets",
                 "sample sets of RULER's 13 tasks"},
                {"hylo data verify sets", "whether a file was edited or cut off"}});
  data.require_subcommand(1);
  add_data_download(data);
  add_data_build(data);
  add_data_verify(data);
  add_data_show(data);
  add_data_export(data);
}

}  // namespace hylo::cli
