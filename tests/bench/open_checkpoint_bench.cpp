// From a folder to the first token: a checkpoint of Llama-3.2-1B's geometry with random
// weights, 2.5 GB in bfloat16, its pages warm. Printed as a ratio against what cannot be avoided:
// one sequential read of the mapped file and the products of the prompt.
//
//   build/release/tests/open_checkpoint_bench [FOLDER]     the folder is made when it is not there
#include <fmt/core.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <fstream>
#include <numeric>
#include <span>
#include <sstream>
#include <thread>

#include "harness/base/clock.h"
#include "harness/base/error.h"
#include "harness/base/units.h"
#include "models/config/catalog.h"
#include "models/engine/engine.h"
#include "models/weights/checkpoint.h"
#include "models/weights/safetensors.h"
#include "tests/bench/targets.h"

namespace {

using namespace hylo;

constexpr int num_pairs = 15;
constexpr int64_t prompt_tokens = 16;

/// A field of /proc/self/status, in bytes.
int64_t memory_field(const std::string& name) {
  std::ifstream in("/proc/self/status");
  for (std::string line; std::getline(in, line);) {
    if (!line.starts_with(name + ":")) continue;
    std::istringstream fields(line.substr(name.size() + 1));
    int64_t kilobytes = 0;
    fields >> kilobytes;
    return kilobytes * 1024;
  }
  return 0;
}

/// The most anonymous memory while `action` runs, looked at every few milliseconds.
int64_t peak_anonymous_bytes(const auto& action) {
  std::atomic<bool> done{false};
  std::atomic<int64_t> peak{0};
  std::thread watcher([&] {
    while (!done) {
      peak = std::max<int64_t>(peak, memory_field("RssAnon"));
      std::this_thread::sleep_for(std::chrono::milliseconds(2));
    }
  });
  action();
  done = true;
  watcher.join();
  return peak;
}

double seconds_of(const auto& action) {
  const Stopwatch watch;
  action();
  return watch.seconds();
}

void first_token(const models::Decoder& decoder) {
  models::Engine engine(decoder, {});
  models::GenerateJob job{.prompt = std::vector<int32_t>(prompt_tokens, 1),
                          .max_new_tokens = 1,
                          .sampling = {},
                          .end_tokens = {},
                          .is_finished = {}};
  engine.generate({&job, 1}, [](size_t, const models::Generated&) {});
}

/// Sums the file through a fresh mapping, in order, on one thread.
uint64_t read_mapped(const models::SafetensorsFile& file) {
  uint64_t sum = 0;
  for (const auto& [name, entry] : file.entries()) {
    const auto tensor = file.tensor(name);
    const auto* words = static_cast<const uint64_t*>(tensor.const_data_ptr());
    sum += std::accumulate(words, words + tensor.nbytes() / 8, uint64_t{0});
  }
  return sum;
}

struct Quartiles {
  double lower, median, upper;
};
Quartiles quartiles(std::vector<double> v) {
  std::ranges::sort(v);
  return {v[v.size() / 4], v[v.size() / 2], v[v.size() * 3 / 4]};
}

}  // namespace

int main(int argc, char** argv) {
  const std::filesystem::path folder =
      argc > 1 ? argv[1] : std::filesystem::temp_directory_path() / "hylo-bench-llama-3.2-1b";
  const auto& config = models::find_model("llama-3.2-1b").config;
  if (!std::filesystem::exists(folder / "config.json")) {
    fmt::print("writing random weights to {}\n", folder.string());
    models::write_checkpoint(folder, config,
                             models::random_weights(config, models::NumberType::BFloat16, 1));
  }
  // Apart from the timed runs: watching costs time.
  const int64_t anonymous = peak_anonymous_bytes([&] {
    const auto checkpoint = models::open_checkpoint(folder);
    const models::Decoder decoder(checkpoint.config, checkpoint.weights);
    first_token(decoder);
  });
  std::vector<double> ratios, opens, reads, products;
  for (int i = -1; i < num_pairs; ++i) {  // the first warms the pages and is not counted
    double first = 0, again = 0;
    {
      const Stopwatch watch;
      const auto checkpoint = models::open_checkpoint(folder);
      const models::Decoder decoder(checkpoint.config, checkpoint.weights);
      first_token(decoder);
      first = watch.seconds();
      again = seconds_of([&] { first_token(decoder); });
    }
    const models::SafetensorsFile file(folder / "model.safetensors");
    uint64_t sum = 0;
    const double read = seconds_of([&] { sum = read_mapped(file); });
    if (i < 0 || sum == 0) continue;
    opens.push_back(first);
    reads.push_back(read);
    products.push_back(again);
    ratios.push_back(first / (read + again));
  }
  const auto r = quartiles(ratios);
  fmt::print("open to first token   {:.3f} s (median of {})\n", quartiles(opens).median, num_pairs);
  fmt::print("mapped read           {:.3f} s\n", quartiles(reads).median);
  fmt::print("prompt, model open    {:.3f} s\n", quartiles(products).median);
  fmt::print("ratio                 {:.3f} (quartiles {:.3f} to {:.3f})\n", r.median, r.lower,
             r.upper);
  fmt::print("anonymous memory      {}\n", human_bytes(anonymous));
  bench::Targets targets;
  targets.at_most("open to first token / read and prompt", 1.3, r.median);
  targets.at_most("anonymous memory, MB", 350, static_cast<double>(anonymous) / 1e6);
  return targets.exit_code();
}
