#include "harness/cli/open_system.h"

#include <cstdio>

#include "harness/base/error.h"
#include "harness/system/scripted_system.h"

namespace hylo::cli {
namespace {

constexpr std::string_view scripted_prefix = "scripted:";

}  // namespace

void add_model_options(CLI::App& verb, ModelOptions& options) {
  verb.add_option("--model", options.model,
                  "checkpoint folder (config.json, *.safetensors, tokenizer)")
      ->required();
  verb.add_option("--tokenizer", options.tokenizer,
                  "tokenizer folder or file, if not the checkpoint's");
  verb.add_option("--dtype", options.dtype, "type of weights and arithmetic: float32 or bfloat16")
      ->capture_default_str();
  verb.add_option(
          "--numeric-mode", options.numeric_mode,
          "exact: a result does not depend on its batch; stable: same plan, same numbers; fast")
      ->capture_default_str();
  verb.add_option("--rotary", options.rotary,
                  "exact: angles in float64; float32: the rounding of transformers")
      ->capture_default_str();
  verb.add_option("--max-length", options.max_length, "context in tokens, if not the checkpoint's");
  verb.add_option("--threads", options.threads, "threads to run on, if not all");
  verb.add_flag("--allow-truncation", options.allow_truncation,
                "cut what does not fit from the left, and count it; without it that is an error");
  verb.add_flag("--no-sharing", options.no_sharing,
                "compute common prefixes again for every choice");
}

std::unique_ptr<harness::DecoderSystem> open_decoder_system(const ModelOptions& options,
                                                            bool hash_weights) {
  const auto mode = models::numeric_mode_named(options.numeric_mode);
  require(mode.has_value(), "--numeric-mode: expected exact, stable or fast, found '{}'",
          options.numeric_mode);
  require(options.dtype == "float32" || options.dtype == "bfloat16",
          "--dtype: expected float32 or bfloat16, found '{}'", options.dtype);
  require(options.rotary == "exact" || options.rotary == "float32",
          "--rotary: expected exact or float32, found '{}'", options.rotary);
  require(options.threads >= 0, "--threads: expected 1 or more, found {}", options.threads);
  require(options.max_length >= 0, "--max-length: expected 2 or more, found {}",
          options.max_length);
  if (options.threads > 0) models::Engine::set_num_threads(static_cast<int>(options.threads));
  harness::DecoderSystemOptions system{
      .folder = options.model,
      .tokenizer = {},
      .type = *models::type_named(options.dtype),
      .engine = {.mode = *mode,
                 .rotary = options.rotary == "exact" ? models::RotaryPrecision::Exact
                                                     : models::RotaryPrecision::Float32,
                 .share_prefixes = !options.no_sharing},
      .max_length = {},
      .allow_truncation = options.allow_truncation,
      .hash_weights = hash_weights};
  if (!options.tokenizer.empty()) system.tokenizer = options.tokenizer;
  if (options.max_length > 0) system.max_length = options.max_length;
  auto opened = std::make_unique<harness::DecoderSystem>(system);
  for (const auto& warning : opened->warnings()) fmt::print(stderr, "hylo: warning: {}\n", warning);
  for (const auto& note : opened->checkpoint().notes) fmt::print(stderr, "hylo: note: {}\n", note);
  return opened;
}

std::unique_ptr<harness::SystemUnderTest> open_system(const ModelOptions& options,
                                                      bool hash_weights) {
  if (!options.model.starts_with(scripted_prefix))
    return open_decoder_system(options, hash_weights);
  require(options.model == "scripted:crc",
          "--model: the only scripted system is scripted:crc, found '{}'", options.model);
  return std::make_unique<harness::CrcSystem>();
}

}  // namespace hylo::cli
