// hylo doctor: what the machine offers and whether everything is in its place.

#include <ATen/Context.h>
#include <ATen/Version.h>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "datasets/dataset.h"
#include "harness/base/error.h"
#include "harness/base/files.h"
#include "harness/base/units.h"
#include "harness/base/version.h"
#include "harness/cli/facts.h"
#include "harness/cli/packages.h"
#include "harness/cli/places.h"
#include "harness/cli/verb.h"
#include "models/engine/machine.h"

namespace hylo::cli {
namespace {

namespace fs = std::filesystem;
using models::NumberType;

struct DoctorOptions {
  std::string store;
  bool json = false;
  bool quick = false;
};

Fact package_fact(const Package& package) {
  const bool differs = !package.built_against.empty() && package.version != package.built_against;
  return {package.name, package.version,
          differs ? fmt::format("{} (built against {})", package.version, package.built_against)
                  : package.version};
}

/// Of "BLAS_INFO=mkl, BUILD_TYPE=Release, ..." what stands behind the key; empty: LibTorch does not
/// say it.
std::string setting_of_libtorch(std::string_view key) {
  const auto config = at::show_config();
  const auto begin = config.find(fmt::format("{}=", key));
  if (begin == std::string::npos) return {};
  const auto value = begin + key.size() + 1;
  return config.substr(value, config.find_first_of(",\n", value) - value);
}

/// The library that multiplies float32 matrices, as LibTorch says it of itself.
Fact products_fact() {
  const auto blas = setting_of_libtorch("BLAS_INFO");
  const auto library = at::hasMKL() ? "mkl" : blas.empty() ? "unknown" : blas;
  const auto version = at::hasMKL() ? at::get_mkl_version() : std::string();
  const auto text = library == "unknown"
                        ? "unknown: this LibTorch does not say"
                        : fmt::format("{}{}{}", library, version.empty() ? "" : ": ", version);
  return {"float32_products", {{"library", library}, {"version", version}}, text};
}

FactSection package_facts() {
  FactSection section{"packages", {fact("hylo", version())}};
  for (const auto& package : packages()) section.facts.push_back(package_fact(package));
  section.facts.push_back(products_fact());
  section.facts.push_back(fact("libtorch_low_precision", at::get_mkldnn_version()));
  section.facts.push_back(fact("libtorch_instructions", at::get_cpu_capability()));
  section.facts.push_back(absent("gpu_plug_in", "none in this build: everything runs on the CPU"));
  return section;
}

Fact features_fact(const models::Machine& machine) {
  OrderedJson value = OrderedJson::object();
  std::vector<std::string> there;
  std::vector<std::string> lacking;
  for (const auto& feature : machine.features) {
    value[feature.name] = feature.is_there;
    (feature.is_there ? there : lacking).push_back(feature.name);
  }
  return {"features", value,
          fmt::format("{}{}{}", fmt::join(there, ", "),
                      lacking.empty() ? "" : "\nnot there: ", fmt::join(lacking, ", "))};
}

Fact caches_fact(const models::Machine& machine) {
  auto value = OrderedJson::array();
  std::vector<std::string> lines;
  for (const auto& cache : machine.caches) {
    value.push_back(
        {{"level", cache.level}, {"bytes", cache.bytes}, {"num_instances", cache.num_instances}});
    lines.push_back(
        fmt::format("L{}: {} x {}", cache.level, cache.num_instances, human_bytes(cache.bytes)));
  }
  return {"caches", value,
          lines.empty() ? "unknown: the system does not tell"
                        : fmt::format("{}", fmt::join(lines, ", "))};
}

Fact threads_fact(const models::Machine& machine) {
  const bool all_work = machine.num_threads == machine.num_threads_that_work;
  return {"threads",
          {{"expected", machine.num_threads}, {"working", machine.num_threads_that_work}},
          all_work
              ? fmt::format("{}, all of which work", machine.num_threads)
              : fmt::format("{} are set, parallel_for runs on {}; was everything compiled with "
                            "OpenMP? are OMP_NUM_THREADS and the cores of this process equal?",
                            machine.num_threads, machine.num_threads_that_work),
          !all_work};
}

FactSection machine_facts(const models::Machine& machine) {
  return {"machine",
          {fact("processor", machine.cpu_name),
           features_fact(machine),
           caches_fact(machine),
           {"cores",
            {{"physical", machine.num_physical_cores}, {"logical", machine.num_logical_cores}},
            fmt::format("{} physical, {} logical", machine.num_physical_cores,
                        machine.num_logical_cores)},
           threads_fact(machine),
           {"memory",
            {{"bytes", machine.memory_bytes}, {"available_bytes", machine.available_memory_bytes}},
            fmt::format("{}, {} of it available", human_bytes(machine.memory_bytes),
                        human_bytes(machine.available_memory_bytes))}}};
}

/// A figure with its quartiles; a machine that cannot be measured is a problem, not an end.
Fact figure_fact(const std::string& key, const std::string& unit,
                 const std::function<models::MachineFigure()>& measure) {
  try {
    const auto figure = measure();
    constexpr double giga = 1e9;
    return {key,
            {{"unit", unit},
             {"median", figure.median / giga},
             {"lower_quartile", figure.lower_quartile / giga},
             {"upper_quartile", figure.upper_quartile / giga},
             {"num_samples", figure.num_samples},
             {"of", figure.of}},
            fmt::format("{:.1f} {} (quartiles {:.1f} and {:.1f}, {} samples of {})",
                        figure.median / giga, unit, figure.lower_quartile / giga,
                        figure.upper_quartile / giga, figure.num_samples, figure.of)};
  } catch (const Error& error) {
    return {key, nullptr, error.what(), true};
  }
}

FactSection speed_facts() {
  constexpr double max_seconds = 1.5;
  FactSection section{"measured_speed", {}};
  section.facts.push_back(figure_fact("read_bandwidth", "GB/s",
                                      [&] { return models::measure_read_bandwidth(max_seconds); }));
  for (const auto type : {NumberType::Float32, NumberType::BFloat16}) {
    section.facts.push_back(
        figure_fact(fmt::format("product_peak_{}", models::type_name(type)), "GFLOP/s",
                    [&] { return models::measure_product_peak(type, max_seconds); }));
  }
  return section;
}

/// The nearest folder that is there, where a file would be made.
fs::path folder_of(const fs::path& file) {
  auto folder = fs::absolute(file).parent_path();
  while (!fs::exists(folder) && folder.has_relative_path()) folder = folder.parent_path();
  return folder;
}

FactSection store_facts(const std::string& option) {
  const auto file = store_file(option);
  const auto folder = folder_of(file);
  std::error_code unknown;
  const auto space = fs::space(folder, unknown);
  const auto free = unknown ? 0 : static_cast<int64_t>(space.available);
  constexpr int64_t too_little = int64_t{1} << 28;
  const bool writable = ::access(folder.c_str(), W_OK) == 0;
  return {
      "store",
      {{"file", file.string(),
        fmt::format("{} ({})", file.string(), fs::exists(file) ? "is there" : "not yet there")},
       {"folder_is_writable", writable,
        writable ? "yes"
                 : fmt::format("{} cannot be written; name another with --store", folder.string()),
        !writable},
       {"disk_free_bytes", free,
        free >= too_little
            ? fmt::format("{} ({} bytes)", human_bytes(free), with_thousands(free))
            : fmt::format("{} left in {}; runs need more", human_bytes(free), folder.string()),
        free < too_little}}};
}

Fact folder_fact(const char* variable, const std::string& meaning_when_unset) {
  const auto folder = environment(variable);
  if (folder.empty()) return absent(variable, meaning_when_unset);
  const bool is_there = fs::is_directory(folder);
  return {variable, folder, is_there ? folder : folder + ": there is no such folder", !is_there};
}

FactSection data_facts() {
  const auto data = folder_fact("HYLO_DATA", "not set: data sets are found by --data only");
  FactSection section{
      "data", {data, folder_fact("HYLO_TEST_DATA", "not set: tests against goldens are skipped")}};
  std::vector<std::string> complete;
  std::vector<std::string> others;
  for (const auto& dataset :
       datasets::find_datasets(data.is_problem ? "" : environment("HYLO_DATA"))) {
    (dataset.is_complete() ? complete : others).push_back(dataset.manifest.name);
  }
  section.facts.push_back(
      {"data_sets",
       {{"complete", complete}, {"incomplete", others}},
       fmt::format("complete: {}{}", fmt::join(complete, ", "),
                   others.empty() ? ""
                                  : fmt::format("\nnot complete: {} (`hylo list datasets`)",
                                                fmt::join(others, ", ")))});
  return section;
}

void doctor(const DoctorOptions& options) {
  FactPage page{package_facts(), machine_facts(models::describe_machine())};
  if (!options.quick) page.push_back(speed_facts());
  page.push_back(store_facts(options.store));
  page.push_back(data_facts());
  print_facts(page, options.json);
}

}  // namespace

void add_doctor(CLI::App& program) {
  auto& verb = add_verb(program, "doctor",
                        "packages, processor, threads, measured speed, disk, data folders",
                        {{"hylo doctor", "everything; measuring takes some seconds"},
                         {"hylo doctor --quick", "without measuring"},
                         {"hylo doctor --json > machine.json", "to keep beside measurements"}});
  const auto options = std::make_shared<DoctorOptions>();
  verb.add_option("--store", options->store, "the store; else HYLO_STORE, else ./hylo.db")
      ->type_name("FILE");
  verb.add_flag("--json", options->json, "one JSON document");
  verb.add_flag("--quick", options->quick, "measure nothing");
  verb.callback([options] { doctor(*options); });
}

}  // namespace hylo::cli
