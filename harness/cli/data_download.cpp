#include "harness/cli/data_download.h"

#include <fmt/format.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cerrno>
#include <cstring>
#include <memory>

#include "datasets/manifest.h"
#include "harness/base/error.h"
#include "harness/base/files.h"
#include "harness/base/unicode.h"
#include "harness/cli/verb.h"
#include "tasks/catalog.h"
#include "tasks/groups.h"

namespace hylo::cli {
namespace {

using datasets::Manifest;

struct DownloadOptions {
  std::vector<std::string> names;
  std::string data;
  std::string endpoint;
  bool list = false;
};

[[noreturn]] void fail_for_unknown(const std::string& name,
                                   const std::vector<Manifest>& manifests) {
  std::vector<std::string> known = tasks::task_names();
  for (const auto& group : tasks::all_groups()) known.push_back(group.name);
  for (const auto& manifest : manifests) known.push_back(manifest.name);
  const auto near = nearest(name, known);
  fail("data download: '{}' is no data set, task or group;{} --list shows the data sets", name,
       near ? fmt::format(" did you mean '{}'?", *near) : "");
}

/// What a task reads from outside; empty where it needs nothing.
std::string dataset_of_task(const std::string& task, const std::vector<Manifest>& manifests) {
  const auto name = tasks::make_task(task)->info().dataset;
  const auto manifest = std::ranges::find(manifests, name, &Manifest::name);
  const bool is_shipped =
      manifest != manifests.end() && manifest->place == datasets::Place::Shipped;
  return is_shipped ? "" : name;
}

std::vector<std::string> datasets_of_name(const std::string& name,
                                          const std::vector<Manifest>& manifests) {
  const auto manifest = std::ranges::find(manifests, name, &Manifest::name);
  if (manifest != manifests.end() && manifest->place == datasets::Place::DataRoot) return {name};
  std::vector<std::string> tasks;
  if (const auto group = tasks::find_group(name)) {
    tasks = tasks::tasks_of(*group);
  } else if (tasks::is_task(name)) {
    tasks = {name};
  } else if (manifest == manifests.end()) {
    fail_for_unknown(name, manifests);
  }
  if (tasks.size() == 1) {
    const auto how = tasks::make_task(tasks.front())->info().built_by;
    require(how.empty(), "data download: '{}' is evaluated on sample sets; `{}` makes them", name,
            how);
  }
  std::vector<std::string> found;
  for (const auto& task : tasks) found.push_back(dataset_of_task(task, manifests));
  std::erase(found, "");
  require(!found.empty(), "data download: '{}' needs no data from outside; leave it out", name);
  return found;
}

std::vector<std::string> words_for_script(const DownloadOptions& options) {
  std::vector<std::string> words{shipped_file("datasets/download.py").string()};
  if (!options.data.empty()) words.insert(words.end(), {"--data", options.data});
  if (!options.endpoint.empty()) words.insert(words.end(), {"--endpoint", options.endpoint});
  if (options.list) words.emplace_back("--list");
  const auto names = datasets_behind(options.names);
  words.insert(words.end(), names.begin(), names.end());
  return words;
}

/// This process becomes Python: its exit code and its signals are ours, and no pool of threads is
/// copied by a fork.
[[noreturn]] void become_python(std::vector<std::string> words) {
  const auto named = environment("HYLO_PYTHON");
  words.insert(words.begin(), named.empty() ? "python3" : named);
  std::vector<char*> argv;
  for (auto& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  execvp(argv.front(), argv.data());
  fail(
      "data download: '{}' cannot be started ({}); HYLO_PYTHON names a Python 3 that has "
      "huggingface_hub and pyarrow",
      words.front(), std::strerror(errno));
}

}  // namespace

std::vector<std::string> datasets_behind(const std::vector<std::string>& names) {
  const auto manifests = datasets::shipped_manifests();
  std::vector<std::string> found;
  for (const auto& name : names) {
    for (auto& dataset : datasets_of_name(name, manifests)) {
      if (std::ranges::find(found, dataset) == found.end()) found.push_back(std::move(dataset));
    }
  }
  return found;
}

void add_data_download(CLI::App& data) {
  auto& verb = add_verb(
      data, "download", "Fetch published data sets from the Hugging Face hub.",
      {{"hylo data download arc_easy mmlu --data ./data",
        "the data of a task and of a group; what is there already is verified and kept"},
       {"hylo data download --list", "what can be fetched, and how much of it is here"},
       {"HYLO_PYTHON=venv/bin/python hylo data download", "every data set, by this Python"}});
  const auto options = std::make_shared<DownloadOptions>();
  verb.add_option("suite", options->names, "data sets, tasks or groups; none: every data set");
  verb.add_option("--data", options->data, "the folder of data sets (HYLO_DATA)");
  verb.add_option("--endpoint", options->endpoint,
                  "of the hub (HF_ENDPOINT, else https://huggingface.co)");
  verb.add_flag("--list", options->list, "what can be fetched, and what is here");
  verb.callback([options] { become_python(words_for_script(*options)); });
}

}  // namespace hylo::cli
