#include "harness/cli/workshop.h"

#include <fmt/core.h>

#include <algorithm>
#include <exception>

#include "harness/runner/token_counter.h"
#include "tasks/ruler/sample_set.h"
#include "tasks/ruler/strict.h"

namespace hylo::cli {

namespace ruler = tasks::ruler;

namespace {

/// Samples that a dry run makes where they are sure to fit.
constexpr int64_t most_tried = 4;

/// Where no length will do, building the samples tells why.
template <class Length>
std::optional<int64_t> or_nothing(const Length& length) try {
  return length();
} catch (const Error&) {
  return std::nullopt;
}

void check_holds(const std::optional<int64_t>& length, const BuildJob& job) {
  require(length.value_or(0) <= job.length, "{} at {} tokens: too small", job.spec->name,
          job.length);
}

}  // namespace

Workshop::Workshop(const BuildOptions& options)
    : options_(options),
      mode_(ruler::mode_of(options.mode)),
      tokenizer_(models::load_tokenizer(options.tokenizer)),
      count_(harness::counter_of(*tokenizer_)),
      sources_(ruler::read_sources({.words = options.words,
                                    .more_words = options.more_words,
                                    .essays = options.essays,
                                    .squad = options.squad,
                                    .hotpotqa = options.hotpotqa})) {
  harness::check_has_characters(*tokenizer_, options.tokenizer, sources_);
  for (const auto& spec : ruler::ruler_specs()) {
    smallest_.try_emplace(spec.name);
    needed_.try_emplace(spec.name);
  }
}

ruler::BuildRequest Workshop::request_of(const BuildJob& job) const {
  return {*job.spec, job.length, options_.num_samples, options_.seed};
}

std::optional<int64_t> Workshop::smallest_length(const ruler::RulerSpec& spec) {
  auto& known = smallest_.at(spec.name);
  std::call_once(known.looked_for, [&] {
    known.length = or_nothing([&] {
      return mode_ == ruler::Mode::Compat
                 ? ruler::smallest_compat_length(spec, sources_, count_, options_.seed)
                 : ruler::smallest_strict_length(spec, sources_, count_);
    });
  });
  return known.length;
}

std::optional<int64_t> Workshop::length_needed(const BuildJob& job) {
  const auto request = request_of(job);
  if (mode_ == ruler::Mode::Strict) {
    return or_nothing([&] { return ruler::strict_length_needed(request, sources_, count_); });
  }
  auto& known = needed_.at(job.spec->name);
  std::call_once(known.looked_for, [&] {
    known.length =
        or_nothing([&] { return ruler::compat_length_needed(request, sources_, count_); });
  });
  return known.length;
}

ruler::CompatTrace Workshop::build_samples(const ruler::BuildRequest& request,
                                           const ruler::OnSample& on_sample) const {
  std::exception_ptr not_taken;
  const ruler::OnSample take = [&](ruler::Sample sample) {
    try {
      on_sample(std::move(sample));
    } catch (...) {
      not_taken = std::current_exception();
      throw;
    }
  };
  try {
    if (mode_ == ruler::Mode::Compat) return ruler::build_compat(request, sources_, count_, take);
    ruler::build_strict(request, sources_, count_, take, static_cast<int>(options_.num_threads));
    return {};
  } catch (const Error& refusal) {
    if (not_taken) std::rethrow_exception(not_taken);
    throw CannotBeMade(refusal.what());
  }
}

void Workshop::try_set(BuildOutcome& outcome) {
  outcome.smallest_length = smallest_length(*outcome.job.spec);
  try {
    mode_ == ruler::Mode::Compat ? try_compat(outcome) : try_strict(outcome);
  } catch (const Error& refusal) {
    throw CannotBeMade(refusal.what());
  }
  outcome.state = "fits";
}

void Workshop::try_compat(BuildOutcome& outcome) const {
  const auto request = request_of(outcome.job);
  ruler::check_enough_questions(request, sources_);
  check_holds(outcome.smallest_length, outcome.job);
  const auto few = std::min(most_tried, request.num_samples);
  const auto trace = try_samples(outcome, few);
  if (few < request.num_samples && trace.is_near_the_smallest()) {
    try_samples(outcome, request.num_samples);
  }
}

void Workshop::try_strict(BuildOutcome& outcome) const {
  const auto request = request_of(outcome.job);
  outcome.needed_length = ruler::strict_length_needed(request, sources_, count_);
  check_holds(outcome.needed_length, outcome.job);
  try_samples(outcome, std::min(most_tried, request.num_samples));
}

ruler::CompatTrace Workshop::try_samples(BuildOutcome& outcome, int64_t num_samples) const {
  auto request = request_of(outcome.job);
  request.num_samples = num_samples;
  double tokens = 0;
  double bytes = 0;
  auto trace = build_samples(request, [&](const ruler::Sample& sample) {
    tokens += static_cast<double>(sample.num_tokens);
    bytes += static_cast<double>(ruler::json_of(sample, 0).dump().size());
  });
  outcome.num_tried = num_samples;
  outcome.tokens_per_sample = tokens / static_cast<double>(num_samples);
  outcome.bytes_per_sample = bytes / static_cast<double>(num_samples);
  return trace;
}

}  // namespace hylo::cli
