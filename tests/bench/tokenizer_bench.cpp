// Tokenizing: MB/s with the Qwen vocabulary on English text, the same by PCRE2, growth with the
// length of a line without blanks. Needs HYLO_DATA.
#include <benchmark/benchmark.h>
#include <fmt/core.h>

#include <algorithm>
#include <chrono>
#include <functional>
#include <vector>

#include "harness/base/error.h"
#include "harness/base/files.h"
#include "models/tokenizer/bpe_tokenizer.h"
#include "models/tokenizer/detokenizer.h"
#include "models/tokenizer/tokenizer_config.h"
#include "models/tokenizer/vocab_and_merges.h"
#include "tests/support/test_data.h"

namespace hylo::models {
namespace {

constexpr int num_repeats = 15;

/// What is measured, read once.
struct Subject {
  std::filesystem::path folder = tests::data("tokenizers/qwen").value();
  std::string english = read_text_file(tests::data("text-public-domain/war_and_peace.txt").value());

  [[nodiscard]] BpeTokenizer tokenizer(BpeTokenizerOptions options) const {
    auto config = read_tokenizer_config(folder);
    auto parts = read_vocab_and_merges(folder, config);
    return {std::move(parts), config, folder.string(), options};
  }
};

double seconds_of(const std::function<void()>& action) {
  const auto begin = std::chrono::steady_clock::now();
  action();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

/// Median over pairs, each measured back to back, of seconds of `one` over seconds of `other`.
double ratio(const std::function<void()>& one, const std::function<void()>& other) {
  std::vector<double> ratios;
  for (int i = 0; i < num_repeats; ++i) {
    const double seconds = seconds_of(one);
    ratios.push_back(seconds / seconds_of(other));
  }
  return median(ratios);
}

void print_ratios(const Subject& subject) {
  const BpeTokenizer fast = subject.tokenizer({});
  const BpeTokenizer plain = subject.tokenizer({.use_scanners = false, .use_cache = false});
  const auto encode = [](const BpeTokenizer& tokenizer, const std::string& text) {
    return [&] { benchmark::DoNotOptimize(tokenizer.encode(text, false)); };
  };
  invariant(fast.encode(subject.english, false) == plain.encode(subject.english, false),
            "the fast path and PCRE2 give different ids");
  const std::string long_line(1 << 20, 'a'), short_line(1 << 18, 'a');
  fmt::print("plain PCRE2 without a cache, time over that of the fast path: {:.2f}\n",
             ratio(encode(plain, subject.english), encode(fast, subject.english)));
  fmt::print("1 MB of one letter, time over that of 1/4 MB (linear is 4): {:.2f}\n",
             ratio(encode(fast, long_line), encode(fast, short_line)));
  fmt::print("1 MB of one letter, time a byte over that of English: {:.2f}\n",
             ratio(encode(fast, long_line), encode(fast, subject.english)) *
                 static_cast<double>(subject.english.size()) /
                 static_cast<double>(long_line.size()));
}

void measure_encode(benchmark::State& state, const BpeTokenizer& tokenizer,
                    const std::string& text) {
  for (auto _ : state) benchmark::DoNotOptimize(tokenizer.encode(text, false));
  state.SetBytesProcessed(static_cast<int64_t>(state.iterations() * text.size()));
}

void measure_detokenizer(benchmark::State& state, const BpeTokenizer& tokenizer,
                         const std::string& text) {
  const auto ids = tokenizer.encode(text, false);
  for (auto _ : state) {
    Detokenizer detokenizer(tokenizer);
    for (const int32_t id : ids) benchmark::DoNotOptimize(detokenizer.push(id));
  }
  state.SetBytesProcessed(static_cast<int64_t>(state.iterations() * text.size()));
}

}  // namespace
}  // namespace hylo::models

int main(int argc, char** argv) {
  using namespace hylo::models;
  benchmark::Initialize(&argc, argv);
  if (!hylo::tests::data("tokenizers/qwen")) {
    fmt::print("skipped: {}\n", hylo::tests::skip_reason("HYLO_DATA", "tokenizers/qwen"));
    return 0;
  }
  const Subject subject;
  const BpeTokenizer fast = subject.tokenizer({});
  const BpeTokenizer plain = subject.tokenizer({.use_scanners = false, .use_cache = false});
  benchmark::RegisterBenchmark("load/qwen", [&](benchmark::State& state) {
    for (auto _ : state) benchmark::DoNotOptimize(load_tokenizer(subject.folder));
  })->Unit(benchmark::kMillisecond);
  const auto add = [](const char* name, const auto& measure, const BpeTokenizer& tokenizer,
                      const std::string& text) {
    benchmark::RegisterBenchmark(name, [&measure, &tokenizer, &text](benchmark::State& state) {
      measure(state, tokenizer, text);
    })->Unit(benchmark::kMillisecond);
  };
  add("encode/qwen/english", measure_encode, fast, subject.english);
  add("encode/qwen/english/pcre2_without_cache", measure_encode, plain, subject.english);
  add("decode/qwen/english", measure_detokenizer, fast, subject.english);
  benchmark::RunSpecifiedBenchmarks();
  print_ratios(subject);
  return 0;
}
