#include <ATen/Parallel.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <mutex>
#include <set>
#include <thread>

#include "harness/base/files.h"
#include "harness/base/unicode.h"
#include "kernels/machine/machine.h"

namespace hylo::kernels {
namespace {

namespace fs = std::filesystem;

// GCC's function looks at cpuid and, for the wide registers, at what the system saves (XCR0).
CpuFeatures cpu_features() {
  CpuFeatures features;
#if defined(__x86_64__)
  __builtin_cpu_init();
  features.avx2 = __builtin_cpu_supports("avx2");
  features.avx512f = __builtin_cpu_supports("avx512f");
  features.avx512bw = __builtin_cpu_supports("avx512bw");
  features.avx512_vnni = __builtin_cpu_supports("avx512vnni");
  features.avx512_bf16 = __builtin_cpu_supports("avx512bf16");
  features.amx_tile = __builtin_cpu_supports("amx-tile");
  features.amx_bf16 = __builtin_cpu_supports("amx-bf16");
  features.amx_int8 = __builtin_cpu_supports("amx-int8");
#endif
  return features;
}

/// The text of a file of /sys without its line feed; empty when it is not there.
std::string text_of(const fs::path& file) {
  std::error_code ignored;
  return fs::exists(file, ignored) ? std::string(python_strip(read_text_file(file))) : "";
}

/// The value after "key : " in a file of /proc, first occurrence; empty when it is not there.
std::string value_of(const std::string& text, std::string_view key) {
  for (const auto line : lines_of(text)) {
    const size_t colon = line.find(':');
    if (colon != std::string_view::npos && python_strip(line.substr(0, colon)) == key) {
      return std::string(python_strip(line.substr(colon + 1)));
    }
  }
  return "";
}

/// Folders cpu0, cpu1, ... of the processors that Linux knows.
std::vector<fs::path> cpu_folders() {
  std::vector<fs::path> folders;
  std::error_code absent;
  for (const auto& entry : fs::directory_iterator("/sys/devices/system/cpu", absent)) {
    const std::string name = entry.path().filename();
    const bool is_cpu =
        name.size() > 3 && name.starts_with("cpu") &&
        std::all_of(name.begin() + 3, name.end(), [](char c) { return c >= '0' && c <= '9'; });
    if (is_cpu) folders.push_back(entry.path());
  }
  return folders;
}

/// "32768K" and "32M" as bytes.
int64_t bytes_of_size(const std::string& size) {
  if (size.empty()) return 0;
  const int64_t number = std::stoll(size);
  if (size.back() == 'K') return number << 10;
  return size.back() == 'M' ? number << 20 : number;
}

std::vector<CacheLevel> caches_of(const std::vector<fs::path>& cpus) {
  std::map<int64_t, CacheLevel> levels;
  std::set<std::string> seen;  // A cache is known by its level and the processors that share it.
  for (const auto& cpu : cpus) {
    std::error_code absent;
    for (const auto& entry : fs::directory_iterator(cpu / "cache", absent)) {
      const std::string level = text_of(entry.path() / "level");
      const std::string type = text_of(entry.path() / "type");
      if (level.empty() || (type != "Data" && type != "Unified")) continue;
      if (!seen.insert(level + ":" + text_of(entry.path() / "shared_cpu_list")).second) continue;
      auto& known = levels[std::stoll(level)];
      known.level = std::stoll(level);
      known.bytes = bytes_of_size(text_of(entry.path() / "size"));
      ++known.num_instances;
    }
  }
  std::vector<CacheLevel> caches;
  for (const auto& [level, cache] : levels) caches.push_back(cache);
  return caches;
}

int64_t num_physical_cores_of(const std::vector<fs::path>& cpus) {
  std::set<std::string> cores;
  for (const auto& cpu : cpus) {
    const auto siblings = text_of(cpu / "topology" / "thread_siblings_list");
    if (!siblings.empty()) cores.insert(siblings);
  }
  return static_cast<int64_t>(cores.size());
}

int64_t bytes_of_kib(const std::string& value) {
  return value.empty() ? 0 : std::stoll(value) * 1024;  // "24105048 kB"
}

}  // namespace

int64_t MachineDescription::last_level_cache_bytes() const {
  return caches.empty() ? 0 : caches.back().bytes * caches.back().num_instances;
}

MachineDescription describe_machine() {
  const auto cpus = cpu_folders();
  const std::string memory = read_text_file("/proc/meminfo");
  MachineDescription machine;
  machine.cpu_name = value_of(read_text_file("/proc/cpuinfo"), "model name");
  machine.features = cpu_features();
  machine.caches = caches_of(cpus);
  machine.num_logical_cores = std::max<int64_t>(1, std::thread::hardware_concurrency());
  // Containers hide /sys at times; each logical core is then taken for one of its own.
  const int64_t num_physical = num_physical_cores_of(cpus);
  machine.num_physical_cores = num_physical > 0 ? num_physical : machine.num_logical_cores;
  machine.num_threads = at::get_num_threads();
  machine.memory_bytes = bytes_of_kib(value_of(memory, "MemTotal"));
  machine.available_memory_bytes = bytes_of_kib(value_of(memory, "MemAvailable"));
  return machine;
}

int64_t num_threads_of_parallel_for() {
  std::mutex mutex;
  std::set<std::thread::id> threads;
  at::parallel_for(0, at::get_num_threads(), 1, [&](int64_t, int64_t) {
    const std::scoped_lock lock(mutex);
    threads.insert(std::this_thread::get_id());
  });
  return static_cast<int64_t>(threads.size());
}

}  // namespace hylo::kernels
