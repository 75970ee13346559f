#include "harness/system/decoder_system.h"

#include <torch/version.h>

#include <algorithm>
#include <cmath>
#include <iterator>
#include <span>

#include "harness/base/clock.h"
#include "harness/base/hash.h"
#include "harness/base/overloaded.h"
#include "harness/base/random.h"
#include "harness/base/units.h"
#include "harness/system/diagnosis.h"
#include "harness/system/encoding.h"
#include "harness/system/model_source.h"
#include "harness/system/stop_matcher.h"
#include "harness/system/token_scores.h"
#include "models/config/hf_config.h"

namespace hylo::harness {
namespace {

using models::NumberType;
using tasks::Failed;

/// Larger checkpoints are scanned for NaN where their weights are read anyway, or when they give
/// NaN.
constexpr int64_t max_bytes_scanned_at_open = int64_t{256} << 20;

models::SamplingOptions sampling_of(const tasks::Sampling& s) {
  return {.temperature = s.temperature,
          .top_k = s.top_k,
          .top_p = s.top_p,
          .min_p = s.min_p,
          .repetition_penalty = s.repetition_penalty};
}

/// What the weights are; random ones are named by what they were drawn for.
std::string weights_of(const DecoderSystemOptions& options, const models::Checkpoint& checkpoint) {
  if (is_synthetic(options.folder)) return place_of(options.folder);
  return options.hash_weights ? models::hash_weights(checkpoint) : "";
}

HeldModel opened(const DecoderSystemOptions& options) {
  HeldModel model{.checkpoint = open_model(options.folder, options.type),
                  .tokenizer = models::load_tokenizer(options.tokenizer.value_or(options.folder)),
                  .name = name_of(options.folder)};
  // What does not fit is told before all weights are read.
  (void)models::check_fits(model.tokenizer->info(), model.checkpoint.config.vocabulary_size);
  model.weights_sha256 = weights_of(options, model.checkpoint);
  return model;
}

}  // namespace

/// A request as token sequences. Several jobs for a rolling request: one per window.
struct DecoderSystem::Encoded {
  std::vector<int32_t> context, tokens;  ///< as stored: before truncation
  std::vector<models::ScoreJob> jobs;
  std::vector<int32_t> prompt;  ///< after truncation
  int64_t dropped = 0;
  int64_t new_tokens = 0;
  bool boundary_merged = false;
  bool rolling = false;
  int64_t span_tokens = 0;  ///< of a text whose tokens are scored one by one
  std::string failure;      ///< why it cannot be answered; empty: it can
};

DecoderSystem::DecoderSystem(const DecoderSystemOptions& options)
    : DecoderSystem(opened(options), options) {
  const bool is_small = checkpoint_.stored_bytes <= max_bytes_scanned_at_open;
  if (is_synthetic(options.folder) || !(options.hash_weights || is_small)) return;
  const auto bad =
      models::find_non_finite(checkpoint_.config, checkpoint_.weights, checkpoint_.spelling);
  if (bad.empty()) return;
  warnings_.push_back(fmt::format("{} tensors hold NaN or infinite values, the first is '{}'",
                                  bad.size(), bad.front()));
}

DecoderSystem::DecoderSystem(HeldModel model, const DecoderSystemOptions& options)
    : options_(options),
      checkpoint_(std::move(model.checkpoint)),
      tokenizer_(std::move(model.tokenizer)) {
  auto& config = checkpoint_.config;
  if (auto note = models::check_fits(tokenizer_->info(), config.vocabulary_size)) {
    warnings_.push_back(std::move(*note));
  }
  std::ranges::move(disagreements(checkpoint_, tokenizer_->info()), std::back_inserter(warnings_));
  decoder_ = std::make_unique<models::Decoder>(config, checkpoint_.weights);
  engine_ = std::make_unique<models::Engine>(*decoder_, options.engine);

  const int64_t max_length = options.max_length.value_or(config.max_positions);
  require(max_length > 1,
          "{}: a context of {} tokens; expected 2 or more from max_position_embeddings in "
          "config.json, or from --max-length",
          options.folder.string(), max_length);
  if (max_length > config.max_positions) {
    warnings_.push_back(
        fmt::format("a context of {} tokens was asked for, the checkpoint declares {}; beyond them "
                    "it was not trained",
                    max_length, config.max_positions));
  }
  const auto rotary = options.engine.rotary == models::RotaryPrecision::Exact ? "exact" : "float32";
  const auto config_json = models::write_hf_config(config);
  info_ = {.name = std::move(model.name),
           .identity = {{"config_sha256", sha256_hex(config_json.dump())},
                        {"weights_sha256", model.weights_sha256},
                        {"tokenizer_sha256", tokenizer_->info().sha256},
                        {"dtype", models::type_name(options.type)},
                        {"rotary", rotary},
                        {"max_length", max_length},
                        {"allow_truncation", options.allow_truncation},
                        {"num_threads", models::Engine::num_threads()},
                        {"shares_prefixes", engine_->shares_prefixes()},
                        {"max_rows", options.engine.max_rows},
                        {"max_sequences", options.engine.max_sequences},
                        {"libtorch", TORCH_VERSION}},
           .description = {{"family", models::family_name(config.family)},
                           {"folder", place_of(options.folder)},
                           {"parameters", models::count_parameters(config)},
                           {"stored_bytes", checkpoint_.stored_bytes},
                           {"layers", models::describe_layers(config)},
                           {"tokenizer", tokenizer_->info().kind},
                           {"config", config_json}},
           .numeric_mode = std::string(models::numeric_mode_name(options.engine.mode)),
           .dtype = std::string(models::type_name(options.type)),
           .max_length = max_length};
}

DecoderSystem::~DecoderSystem() = default;

std::vector<int32_t> DecoderSystem::end_tokens() const {
  auto tokens = checkpoint_.config.eos;
  if (const auto eos = tokenizer_->info().eos) tokens.push_back(*eos);
  return tokens;
}

std::vector<DecoderSystem::Encoded> DecoderSystem::encode(
    std::span<const tasks::Request> requests) const {
  std::vector<Encoded> all;
  all.reserve(requests.size());
  const auto limit = static_cast<size_t>(info_.max_length);
  const auto too_long = [&](Encoded& e, int64_t tokens) {
    if (e.dropped > 0 && !options_.allow_truncation) {
      e.failure = fmt::format(
          "{} tokens do not fit in the model's {}; --allow-truncation cuts them from "
          "the left",
          tokens, limit);
    }
  };
  for (const auto& request : requests) {
    Encoded& e = all.emplace_back();
    try {
      std::visit(
          overloaded{
              [&](const tasks::ScoreText& r) {
                auto pair = encode_pair(*tokenizer_, r.context, r.continuation);
                e.boundary_merged = pair.boundary_merged;
                auto whole = pair.context;
                whole.insert(whole.end(), pair.continuation.begin(), pair.continuation.end());
                require(pair.continuation.size() <= limit,
                        "a continuation of {} tokens is longer than the model's {}",
                        pair.continuation.size(), limit);
                const size_t kept = std::min(whole.size(), limit + 1);
                e.dropped = static_cast<int64_t>(whole.size() - kept);
                too_long(e, static_cast<int64_t>(whole.size()));
                e.jobs.push_back({{whole.end() - static_cast<int64_t>(kept), whole.end()},
                                  static_cast<int64_t>(pair.continuation.size())});
                e.context = std::move(pair.context);
                e.tokens = std::move(pair.continuation);
              },
              [&](const tasks::ScoreRolling& r) {
                e.rolling = true;
                e.tokens = tokenizer_->encode(r.text, true);
                require(!e.tokens.empty(), "a text without tokens: nothing to score");
                const int32_t prefix = prefix_token(*tokenizer_);
                for (auto& window : rolling_windows(e.tokens, prefix, info_.max_length)) {
                  e.jobs.push_back({std::move(window.tokens), window.num_scored});
                }
              },
              [&](const tasks::ScoreTokens& r) {
                check(r);
                const auto most = r.max_tokens > 0 ? r.max_tokens : info_.max_length;
                auto text = encode_text(*tokenizer_, r.text, std::min(most, info_.max_length));
                e.span_tokens = r.span_tokens;
                e.tokens = std::move(text.ids);
                e.jobs.push_back({std::move(text.window.tokens), text.window.num_scored, true});
              },
              [&](const tasks::AgreeOnText&) {
                fail("{} has no teacher to agree with; name one with --teacher", info_.name);
              },
              [&](const tasks::GenerateText& r) {
                e.context = tokenizer_->encode(r.prompt, true);
                if (e.context.empty()) e.context = {prefix_token(*tokenizer_)};
                e.new_tokens = r.max_new_tokens;
                require(r.max_new_tokens > 0 && r.max_new_tokens < info_.max_length,
                        "{} new tokens leave no room for a prompt in the model's {}",
                        r.max_new_tokens, limit);
                const size_t kept =
                    std::min(e.context.size(), limit - static_cast<size_t>(r.max_new_tokens));
                e.dropped = static_cast<int64_t>(e.context.size() - kept);
                too_long(e, static_cast<int64_t>(e.context.size()) + r.max_new_tokens);
                e.prompt.assign(e.context.end() - static_cast<int64_t>(kept), e.context.end());
              },
          },
          request);
    } catch (const Error& error) {
      e.jobs.clear();
      e.failure = error.what();
    }
  }
  return all;
}

std::vector<RequestCost> DecoderSystem::plan(std::span<const tasks::Request> requests) const {
  const auto encoded = encode(requests);
  std::vector<models::ScoreJob> jobs;
  std::vector<std::span<const int32_t>> prompts;
  for (const auto& e : encoded) {
    jobs.insert(jobs.end(), e.jobs.begin(), e.jobs.end());
    if (!e.prompt.empty()) prompts.emplace_back(e.prompt);
  }
  const auto job_rows = engine_->rows_added(jobs);
  const auto prompt_rows = engine_->prompt_rows_added(prompts);
  std::vector<RequestCost> costs;
  size_t job = 0;
  size_t prompt = 0;
  for (const auto& e : encoded) {
    RequestCost cost{.new_tokens = e.prompt.empty() ? 0 : e.new_tokens,
                     .num_generated = e.prompt.empty() ? 0 : 1,
                     .dropped_tokens = e.dropped};
    for (const auto& own : e.jobs) {
      cost.rows += job_rows[job++];
      cost.rows_unshared += static_cast<int64_t>(own.tokens.size()) - 1;
    }
    if (!e.prompt.empty()) {
      cost.rows += prompt_rows[prompt++];
      cost.rows_unshared += static_cast<int64_t>(e.prompt.size());
    }
    costs.push_back(cost);
  }
  return costs;
}

std::optional<double> DecoderSystem::expected_seconds(const RequestCost& total) {
  // A trial of each kind of work: once to warm up, once for its time.
  const auto rows =
      std::min<int64_t>({512, info_.max_length - 1, std::max<int64_t>(total.rows, 2)});
  const models::ScoreJob job{std::vector<int32_t>(static_cast<size_t>(rows) + 1, 0), 1};
  double row_seconds = 0;
  for (int i = 0; i < 2; ++i) {
    const Stopwatch watch;
    engine_->score({&job, 1});
    row_seconds = watch.seconds() / static_cast<double>(rows);
  }
  double seconds = row_seconds * static_cast<double>(total.rows);
  if (total.new_tokens > 0) {
    constexpr int64_t steps = 4;
    const int64_t sequences =
        std::clamp<int64_t>(total.num_generated, 1, options_.engine.max_sequences);
    const std::vector<models::GenerateJob> jobs(static_cast<size_t>(sequences),
                                                {.prompt = {0},
                                                 .max_new_tokens = steps,
                                                 .sampling = {},
                                                 .end_tokens = {},
                                                 .is_finished = {}});
    const Stopwatch watch;
    engine_->generate(jobs, [](size_t, const models::Generated&) {});
    seconds += watch.seconds() * static_cast<double>(total.new_tokens) /
               static_cast<double>(steps * sequences);
  }
  return seconds;
}

void DecoderSystem::answer(std::span<const tasks::Request> requests,
                           const std::function<void(size_t, tasks::Response)>& on_response) {
  const auto encoded = encode(requests);
  for (size_t i = 0; i < encoded.size(); ++i) {
    if (!encoded[i].failure.empty()) on_response(i, Failed{encoded[i].failure});
  }
  score(encoded, on_response);
  generate(requests, encoded, on_response);
}

void DecoderSystem::score(std::span<const Encoded> encoded,
                          const std::function<void(size_t, tasks::Response)>& on_response) {
  std::vector<models::ScoreJob> jobs;
  for (const auto& e : encoded) {
    if (e.failure.empty()) jobs.insert(jobs.end(), e.jobs.begin(), e.jobs.end());
  }
  const auto scores = engine_->score(jobs);
  size_t next = 0;
  for (size_t i = 0; i < encoded.size(); ++i) {
    const auto& e = encoded[i];
    if (!e.failure.empty() || e.jobs.empty()) continue;
    if (e.span_tokens > 0) {
      const auto& score = scores[next++];
      if (std::isnan(score.log_likelihood)) {
        on_response(i, Failed{why_not_a_number()});
      } else {
        on_response(i, token_scores(e.tokens, *score.of_each, e.span_tokens));
      }
      continue;
    }
    tasks::TextScore answer{.is_greedy = true,
                            .dropped_tokens = e.dropped,
                            .boundary_merged = e.boundary_merged,
                            .window_log_likelihoods = {},
                            .context_ids = e.context,
                            .token_ids = e.tokens};
    for (const auto& job : e.jobs) {
      const auto& score = scores[next++];
      answer.log_likelihood += score.log_likelihood;
      answer.is_greedy = answer.is_greedy && score.is_greedy;
      answer.num_tokens += job.num_scored;
      if (e.rolling) answer.window_log_likelihoods.push_back(score.log_likelihood);
    }
    if (std::isnan(answer.log_likelihood)) {
      on_response(i, Failed{why_not_a_number()});
    } else {
      on_response(i, std::move(answer));
    }
  }
}

void DecoderSystem::generate(std::span<const tasks::Request> requests,
                             std::span<const Encoded> encoded,
                             const std::function<void(size_t, tasks::Response)>& on_response) {
  std::vector<models::GenerateJob> jobs;
  std::vector<size_t> indices;
  std::vector<StopMatcher> stops;
  const auto eos = tokenizer_->info().eos;
  for (size_t i = 0; i < encoded.size(); ++i) {
    if (!encoded[i].failure.empty() || encoded[i].prompt.empty()) continue;
    const auto& request = std::get<tasks::GenerateText>(requests[i]);
    auto texts = request.stop;
    if (eos) texts.push_back(tokenizer_->decode(std::array{*eos}, false));
    stops.emplace_back(*tokenizer_, texts);
    jobs.push_back({.prompt = encoded[i].prompt,
                    .max_new_tokens = request.max_new_tokens,
                    .sampling = sampling_of(request.sampling),
                    // Every prompt has a stream of its own, whatever it is asked together with.
                    .seed = CounterRandom(request.sampling.seed, crc32(request.prompt)).next(),
                    .end_tokens = end_tokens(),
                    .is_finished = {}});
    indices.push_back(i);
  }
  for (size_t j = 0; j < jobs.size(); ++j) {
    jobs[j].is_finished = [&stop = stops[j]](std::span<const int32_t> ids) {
      return stop.matches(ids);
    };
  }
  std::vector<bool> is_answered(jobs.size());
  const auto on_done = [&](size_t j, models::Generated generated) {
    const size_t i = indices[j];
    is_answered[j] = true;
    const auto reason =
        generated.reason == models::EndReason::EndToken   ? tasks::FinishReason::EndOfText
        : generated.reason == models::EndReason::Finished ? tasks::FinishReason::Stop
                                                          : tasks::FinishReason::Length;
    on_response(i, tasks::GeneratedText{
                       .text = cut_at_stops(decode_generated(*tokenizer_, generated.tokens, true),
                                            std::get<tasks::GenerateText>(requests[i]).stop),
                       .finish_reason = reason,
                       .num_tokens = static_cast<int64_t>(generated.tokens.size()),
                       .dropped_tokens = encoded[i].dropped,
                       .context_ids = encoded[i].context,
                       .token_ids = std::move(generated.tokens)});
  };
  try {
    engine_->generate(jobs, on_done);
    return;
  } catch (const Error&) {
    // One of them cannot be answered; alone it does not take the others with it.
  }
  for (size_t j = 0; j < jobs.size(); ++j) {
    if (is_answered[j]) continue;
    try {
      engine_->generate({&jobs[j], 1},
                        [&](size_t, models::Generated g) { on_done(j, std::move(g)); });
    } catch (const Error& error) {
      on_response(indices[j], Failed{error.what()});
    }
  }
}

const std::string& DecoderSystem::why_not_a_number() {
  if (not_a_number_reason_.empty()) {
    not_a_number_reason_ = harness::why_not_a_number(checkpoint_);
  }
  return not_a_number_reason_;
}

}  // namespace hylo::harness
