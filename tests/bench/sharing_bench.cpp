// What sharing prefixes saves in time, against what it saves in tokens: choices of HellaSwag (needs
// HYLO_DATA) scored with and without sharing, alternately.
//
//   HYLO_DATA=... build/release/tests/sharing_bench [CHECKPOINT]     default: the story model
#include <fmt/core.h>

#include <algorithm>
#include <vector>

#include "harness/base/clock.h"
#include "harness/base/error.h"
#include "harness/base/files.h"
#include "harness/runner/plan.h"
#include "harness/system/decoder_system.h"
#include "tests/support/test_data.h"

namespace {

using namespace hylo;

constexpr int num_pairs = 15;
constexpr int64_t num_documents = 128;

double seconds_to_answer(harness::DecoderSystem& system,
                         const std::vector<tasks::Request>& requests) {
  const Stopwatch watch;
  system.answer(requests, [](size_t, const tasks::Response&) {});
  return watch.seconds();
}

}  // namespace

int main(int argc, char** argv) {
  const std::filesystem::path folder =
      argc > 1 ? std::filesystem::path(argv[1]) : tests::fixture("stories260k");
  models::Engine::set_num_threads(1);
  harness::DecoderSystemOptions options{.folder = folder,
                                        .tokenizer = {},
                                        .max_length = {},
                                        .allow_truncation = true,
                                        .hash_weights = false};
  harness::DecoderSystem shared(options);
  options.engine.share_prefixes = false;
  harness::DecoderSystem unshared(options);

  harness::PlanOptions plan_options{.tasks = {"hellaswag"},
                                    .data_root = environment("HYLO_DATA"),
                                    .prompts = {},
                                    .document_ids = {}};
  plan_options.prompts.limit = num_documents;
  const auto tasks = harness::plan_tasks(plan_options);
  const auto plan = harness::make_plan(tasks, shared);
  std::vector<tasks::Request> requests;
  for (const auto& batch : plan.batches) {
    for (auto& request : harness::requests_of(tasks, batch)) requests.push_back(std::move(request));
  }
  const double token_ratio =
      static_cast<double>(plan.total.rows_unshared) / static_cast<double>(plan.total.rows);

  std::vector<double> ratios;
  for (int i = -1; i < num_pairs; ++i) {  // the first warms up and is not counted
    const double without = seconds_to_answer(unshared, requests);
    const double with = seconds_to_answer(shared, requests);
    if (i >= 0) ratios.push_back(without / with);
  }
  std::ranges::sort(ratios);
  const double median = ratios[ratios.size() / 2];
  fmt::print("requests          {} of {} documents\n", requests.size(), num_documents);
  fmt::print("token ratio       {:.3f}\n", token_ratio);
  fmt::print("time ratio        {:.3f} (quartiles {:.3f} to {:.3f}, {} pairs)\n", median,
             ratios[ratios.size() / 4], ratios[ratios.size() * 3 / 4], num_pairs);
  fmt::print("time over tokens  {:.3f}; at least 0.85 wanted\n", median / token_ratio);
}
