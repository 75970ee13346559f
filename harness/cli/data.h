// The verbs below `hylo data`, one source each.
#pragma once

namespace CLI {
class App;
}

namespace hylo::cli {

void add_data_build(CLI::App& data);
void add_data_verify(CLI::App& data);
void add_data_show(CLI::App& data);
void add_data_export(CLI::App& data);

}  // namespace hylo::cli
