// hylo data: sample sets, and the files that data sets are read from.
#include "harness/cli/data.h"

#include <CLI/CLI.hpp>

#include "harness/cli/verb.h"

namespace hylo::cli {

void add_data(CLI::App& program) {
  auto& verb =
      add_verb(program, "data", "builds, verifies and shows the data that suites are run on",
               {{"hylo data build ruler --tokenizer ~/Qwen3-1.7B --lengths 4K,32K --out sets",
                 "sample sets of RULER's 13 tasks"},
                {"hylo data verify sets", "whether a file was edited or cut off"},
                {"hylo data show sets/vt-4096-strict-*.jsonl 3", "one sample"}});
  verb.require_subcommand(1);
  add_data_build(verb);
  add_data_verify(verb);
  add_data_show(verb);
  add_data_export(verb);
}

}  // namespace hylo::cli
