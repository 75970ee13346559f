// hylo generate: text from a model, as it comes.
#include <cstdio>
#include <iostream>
#include <iterator>
#include <optional>

#include "harness/base/clock.h"
#include "harness/base/files.h"
#include "harness/cli/numbers.h"
#include "harness/cli/open_system.h"
#include "harness/cli/output.h"
#include "harness/cli/verb.h"
#include "harness/system/encoding.h"
#include "harness/system/stop_matcher.h"
#include "models/tokenizer/detokenizer.h"

namespace hylo::cli {
namespace {

struct GenerateOptions {
  ModelOptions model;
  std::optional<std::string> prompt;
  std::string prompt_file;
  int64_t max_new_tokens = 256;
  std::vector<std::string> stop;
  models::SamplingOptions sampling;
  uint64_t seed = 0;
  bool json = false;
};

std::string prompt_of(const GenerateOptions& options) {
  require(
      options.prompt.has_value() != !options.prompt_file.empty(),
      "generate: expected --prompt TEXT or --prompt-file FILE, found {}; --prompt \"\" lets the "
      "model begin by itself",
      options.prompt ? "both" : "neither");
  if (options.prompt_file == "-") return {std::istreambuf_iterator<char>(std::cin), {}};
  return options.prompt ? *options.prompt : read_text_file(options.prompt_file);
}

std::string_view reason_text(models::EndReason reason) {
  switch (reason) {
    case models::EndReason::EndToken:
      return "end_of_text";
    case models::EndReason::Finished:
      return "stop";
    case models::EndReason::Length:
      return "length";
  }
  return "";
}

void run_generate(const GenerateOptions& options) {
  models::check(options.sampling);
  const auto text_before = prompt_of(options);
  for (const auto& stop : options.stop)
    require(!stop.empty(), "--stop: expected a text, found none");
  const auto system = open_decoder_system(options.model, false);
  const auto& tokenizer = system->tokenizer();
  auto prompt = tokenizer.encode(text_before, true);
  if (prompt.empty()) prompt = {harness::prefix_token(tokenizer)};
  const int64_t limit = system->info().max_length;
  require(options.max_new_tokens < limit,
          "--max-new-tokens: expected fewer than the {} tokens of the model's context, found {}",
          limit, options.max_new_tokens);
  const auto wanted = static_cast<int64_t>(prompt.size()) + options.max_new_tokens;
  require(wanted <= limit || options.model.allow_truncation,
          "{} tokens of prompt and {} new ones do not fit in the model's {}; --max-new-tokens "
          "limits the second, --allow-truncation cuts the first from the left",
          prompt.size(), options.max_new_tokens, limit);
  if (wanted > limit) {
    const auto kept = limit - options.max_new_tokens;
    fmt::print(stderr, "hylo: note: {} tokens were cut from the left of the prompt\n",
               static_cast<int64_t>(prompt.size()) - kept);
    prompt.erase(prompt.begin(), prompt.end() - kept);
  }

  const harness::StopMatcher stops(tokenizer, options.stop);
  models::Detokenizer detokenizer(tokenizer);
  // The text goes on from the prompt: its first blank belongs to it.
  for (const int32_t id : prompt) (void)detokenizer.push(id);
  std::string text;
  const auto emit = [&](const std::string& piece) {
    text += piece;
    if (options.json || piece.empty()) return;
    print_out(piece);
  };
  models::GenerateJob job{.prompt = prompt,
                          .max_new_tokens = options.max_new_tokens,
                          .sampling = options.sampling,
                          .seed = options.seed,
                          .end_tokens = system->end_tokens(),
                          .is_finished = {}};
  job.is_finished = [&](std::span<const int32_t> ids) {
    if (ids.back() < tokenizer.info().vocabulary_size) emit(detokenizer.push(ids.back()));
    return stops.matches(ids);
  };
  const Stopwatch watch;
  models::Generated generated;
  system->engine().generate({&job, 1},
                            [&](size_t, models::Generated g) { generated = std::move(g); });
  emit(detokenizer.finish());
  const double seconds = watch.seconds();
  if (options.json) {
    const OrderedJson json{{"prompt_tokens", prompt.size()},
                           {"text", text},
                           {"token_ids", generated.tokens},
                           {"finish_reason", reason_text(generated.reason)},
                           {"seconds", seconds}};
    return print_json(json);
  }
  print_out("\n");
  fmt::print(stderr, "hylo: {} tokens after a prompt of {}, {:.1f} tokens/s, ended by {}\n",
             generated.tokens.size(), prompt.size(),
             static_cast<double>(generated.tokens.size()) / seconds, reason_text(generated.reason));
}

}  // namespace

void add_generate(CLI::App& program) {
  auto& verb = add_verb(
      program, "generate", "write text after a prompt",
      {{"hylo generate --model tests/fixtures/stories260k --prompt \"Once upon a time\"", "greedy"},
       {"hylo generate --model ~/Llama-3.2-1B --dtype bfloat16 --prompt-file question.txt --stop "
        "Q:",
        "a prompt from a file, until a text"},
       {"hylo generate --model ~/Qwen3-1.7B --temperature 0.7 --top-p 0.9 --seed 7 --prompt Hello",
        "sampled; the same seed gives the same text"}});
  const auto options = std::make_shared<GenerateOptions>();
  add_model_options(verb, options->model);
  verb.add_option("--prompt", options->prompt, "text to go on from");
  verb.add_option("--prompt-file", options->prompt_file,
                  "a file with the prompt; - for standard input");
  verb.add_option("--max-new-tokens", options->max_new_tokens, "at most so many")
      ->capture_default_str()
      ->check(whole_number(1));
  verb.add_option("--stop", options->stop, "end after this text; may be given several times");
  verb.add_option("--temperature", options->sampling.temperature,
                  "0: greedy; settings of the checkpoint are not taken over")
      ->capture_default_str();
  verb.add_option("--top-k", options->sampling.top_k, "keep the k most likely; 0: all");
  verb.add_option("--top-p", options->sampling.top_p, "keep the smallest set with this mass");
  verb.add_option("--min-p", options->sampling.min_p,
                  "drop what is less likely than this share of the most likely");
  verb.add_option("--repetition-penalty", options->sampling.repetition_penalty,
                  "above 1: repeat less");
  verb.add_option("--seed", options->seed, "of the sampling")
      ->capture_default_str()
      ->check(whole_number(0));
  verb.add_flag("--json", options->json, "print text, token ids and counts as JSON");
  verb.callback([options] { run_generate(*options); });
}

}  // namespace hylo::cli
