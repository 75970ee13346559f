// hylo data download: published data sets, fetched by datasets/download.py.
#pragma once

#include <string>
#include <vector>

namespace CLI {
class App;
}

namespace hylo::cli {

/// The data sets behind names of data sets, tasks and groups, each once, in order. Throws Error for
/// an unknown name, with the nearest, and for a task that needs no data from outside.
std::vector<std::string> datasets_behind(const std::vector<std::string>& names);

/// Below the verb `data`. The call becomes Python and does not come back.
void add_data_download(CLI::App& data);

}  // namespace hylo::cli
