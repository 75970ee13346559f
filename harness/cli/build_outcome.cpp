#include "harness/cli/build_outcome.h"

#include <fmt/core.h>

#include "harness/base/units.h"

namespace hylo::cli {

std::string reason_of(const BuildOutcome& outcome) {
  if (!outcome.smallest_length) return outcome.reason;
  // Words are drawn anew at each length, so single samples may take a little more or less.
  const auto needed = outcome.needed_length.value_or(*outcome.smallest_length);
  return fmt::format("{} at {} tokens: too small, its smallest length is {}{}",
                     outcome.job.spec->name, outcome.job.length, *outcome.smallest_length,
                     needed == *outcome.smallest_length
                         ? ""
                         : fmt::format(", and the samples asked for take {}", needed));
}

std::string line_of(const BuildOutcome& outcome, int64_t num_samples) {
  const auto name = fmt::format("{}@{}", outcome.job.spec->name, outcome.job.length);
  if (outcome.state == left_out) {
    return fmt::format("left out  {:<24} {}\n", name, reason_of(outcome));
  }
  const auto samples = static_cast<double>(num_samples);
  if (outcome.state == "fits") {
    return fmt::format(
        "fits      {:<24} smallest length {}, about {} tokens a prompt, {} in all ({} of {} "
        "samples tried)\n",
        name, outcome.smallest_length ? std::to_string(*outcome.smallest_length) : "unknown",
        static_cast<int64_t>(outcome.tokens_per_sample),
        human_bytes(static_cast<int64_t>(outcome.bytes_per_sample * samples)), outcome.num_tried,
        num_samples);
  }
  return fmt::format("{:<9} {:<24} {} samples, {} tokens, at least {} a prompt, {}: {}\n",
                     outcome.state, name, num_samples, with_thousands(outcome.header->total_tokens),
                     outcome.header->least_tokens, human_seconds(outcome.seconds),
                     outcome.file.string());
}

OrderedJson json_of(const BuildOutcome& outcome) {
  OrderedJson json{
      {"task", outcome.job.spec->name}, {"length", outcome.job.length}, {"state", outcome.state}};
  if (outcome.state == left_out) json["reason"] = reason_of(outcome);
  if (outcome.smallest_length) json["smallest_length"] = *outcome.smallest_length;
  if (outcome.smallest_length && outcome.needed_length) {
    json["needed_length"] = *outcome.needed_length;
  }
  if (outcome.state == "fits") {
    json["num_tried"] = outcome.num_tried;
    json["tokens_per_sample"] = outcome.tokens_per_sample;
    json["bytes_per_sample"] = outcome.bytes_per_sample;
  }
  if (outcome.header) {
    json["file"] = outcome.file.string();
    json["sha256"] = outcome.header->sha256;
    json["num_samples"] = outcome.header->description.num_samples;
    json["total_tokens"] = outcome.header->total_tokens;
    json["least_tokens"] = outcome.header->least_tokens;
    json["seconds"] = outcome.seconds;
  }
  return json;
}

}  // namespace hylo::cli
