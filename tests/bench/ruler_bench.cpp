// Building sample sets of RULER with the Qwen tokenizer, files included: seconds, tokens a second,
// peak memory. Needs HYLO_DATA.
//   ruler_bench [LENGTH [SAMPLES [strict|compat]]]     else 131072 20, both modes
#include <fmt/core.h>
#include <sys/resource.h>

#include <string>
#include <thread>
#include <vector>

#include "harness/base/clock.h"
#include "harness/base/units.h"
#include "harness/runner/token_counter.h"
#include "models/tokenizer/tokenizer.h"
#include "tasks/ruler/compat.h"
#include "tasks/ruler/sample_set.h"
#include "tasks/ruler/strict.h"
#include "tests/support/test_data.h"

namespace hylo {
namespace {

using namespace tasks::ruler;

struct Settings {
  int64_t length = 131'072;
  int64_t num_samples = 20;
  std::vector<Mode> modes{Mode::Strict, Mode::Compat};
};

Settings settings_of(int argc, char** argv) {
  Settings settings;
  if (argc > 1) settings.length = std::stoll(argv[1]);
  if (argc > 2) settings.num_samples = std::stoll(argv[2]);
  if (argc > 3) settings.modes = {mode_of(argv[3])};
  return settings;
}

struct Built {
  double seconds = 0;
  int64_t tokens = 0;
  double least_fill = 1;  ///< of all samples, the tokens to generate included
};

Built build(const BuildRequest& request, Mode mode, const Sources& sources,
            const CountTokens& count, const std::filesystem::path& folder) {
  const int num_threads = static_cast<int>(std::thread::hardware_concurrency());
  const Stopwatch watch;
  Built built;
  SampleSetWriter writer(folder, {.task = std::string(request.spec.name),
                                  .mode = mode,
                                  .length = request.length,
                                  .num_samples = request.num_samples,
                                  .generator = "bench"});
  const auto keep = [&](const Sample& sample) {
    writer.add(sample);
    built.tokens += sample.num_tokens;
    const auto used = static_cast<double>(sample.num_tokens + request.spec.max_new_tokens);
    built.least_fill = std::min(built.least_fill, used / static_cast<double>(request.length));
  };
  if (mode == Mode::Strict) {
    build_strict(request, sources, count, keep, num_threads);
  } else {
    build_compat(request, sources, count, keep);
  }
  std::filesystem::remove(writer.finish());
  built.seconds = watch.seconds();
  return built;
}

int64_t peak_bytes() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return usage.ru_maxrss * 1024;
}

void measure(const Settings& settings, Mode mode, const Sources& sources,
             const CountTokens& count) {
  const tests::TemporaryFolder folder;
  Built total;
  for (const auto& spec : ruler_specs()) {
    try {
      const auto built =
          build({spec, settings.length, settings.num_samples}, mode, sources, count, folder.path());
      fmt::print("{} {:<18} {:7.2f} s, {:5.2f} million tokens/s, {:5.1f} % filled at least\n",
                 name_of(mode), spec.name, built.seconds,
                 static_cast<double>(built.tokens) / built.seconds / 1e6, 100 * built.least_fill);
      total.seconds += built.seconds;
      total.tokens += built.tokens;
    } catch (const Error& error) {
      fmt::print("{} {:<18} left out: {}\n", name_of(mode), spec.name, error.what());
    }
  }
  fmt::print("{} {} samples a task at {} tokens: {}, {} tokens, {:.2f} million a second, peak {}\n",
             name_of(mode), settings.num_samples, settings.length, human_seconds(total.seconds),
             with_thousands(total.tokens), static_cast<double>(total.tokens) / total.seconds / 1e6,
             human_bytes(peak_bytes()));
}

}  // namespace
}  // namespace hylo

int main(int argc, char** argv) {
  using namespace hylo;
  const auto folder = tests::data("tokenizers/qwen");
  if (!folder) {
    fmt::print("skipped: {}\n", tests::skip_reason("HYLO_DATA", "tokenizers/qwen"));
    return 0;
  }
  const auto tokenizer = models::load_tokenizer(*folder);
  const auto sources = read_sources({});
  const auto settings = settings_of(argc, argv);
  for (const auto mode : settings.modes) {
    measure(settings, mode, sources, harness::counter_of(*tokenizer));
  }
  return 0;
}
