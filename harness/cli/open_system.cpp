#include "harness/cli/open_system.h"

#include <cstdio>
#include <utility>

#include "harness/base/error.h"
#include "harness/cli/numbers.h"
#include "harness/system/model_source.h"
#include "harness/system/scripted_system.h"
#include "harness/system/teacher_system.h"
#include "models/config/catalog.h"
#include "models/config/hf_config.h"

namespace hylo::cli {
namespace {

constexpr std::string_view scripted_prefix = "scripted:";

/// Below this size the work of a call is over before a second thread has woken.
constexpr int64_t parameters_worth_threads = 16'000'000;
/// More than the cores of this machine are let through, because bits depend on the number; OpenMP
/// ends the process when it is given many thousands.
constexpr int64_t max_threads = 1024;

void refuse_what_is_no_checkpoint(const std::string& model, std::string_view option = "--model") {
  require(!model.starts_with(scripted_prefix),
          "{} {}: a scripted system has no network; only `hylo eval` can ask it, and without a "
          "teacher",
          option, model);
}

void require_tokenizer(const ModelOptions& options) {
  require(!harness::is_synthetic(options.model) || !options.tokenizer.empty(),
          "--model {}: a synthetic model has random weights and no tokenizer; name one with "
          "--tokenizer",
          options.model);
}

bool is_small(const std::string& model) {
  const auto config = harness::is_synthetic(model)
                          ? models::find_model(model.substr(models::synthetic_prefix.size())).config
                          : models::read_hf_config(model);
  return models::count_parameters(config) < parameters_worth_threads;
}

void set_threads(const ModelOptions& options) {
  if (options.threads) {
    return models::Engine::set_num_threads(static_cast<int>(*options.threads));
  }
  if (is_small(options.model)) models::Engine::set_num_threads(1);
}

}  // namespace

void add_model_options(CLI::App& verb, ModelOptions& options) {
  verb.add_option(
          "--model", options.model,
          "checkpoint folder (config.json, *.safetensors, tokenizer), or synthetic:NAME for "
          "random weights (`hylo list models`)")
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
  verb.add_option("--max-length", options.max_length, "context in tokens, if not the checkpoint's")
      ->check(whole_number(2));
  verb.add_option("--threads", options.threads,
                  "threads to run on; else all, or one for a model of under 16 million parameters")
      ->check(whole_number(1, max_threads));
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
  refuse_what_is_no_checkpoint(options.model);
  require_tokenizer(options);
  set_threads(options);
  harness::DecoderSystemOptions system{
      .folder = options.model,
      .tokenizer = {},
      .type = *models::type_named(options.dtype),
      .engine = {.mode = *mode,
                 .rotary = options.rotary == "exact" ? models::RotaryPrecision::Exact
                                                     : models::RotaryPrecision::Float32,
                 .share_prefixes = !options.no_sharing},
      .max_length = options.max_length,
      .allow_truncation = options.allow_truncation,
      .hash_weights = hash_weights};
  if (!options.tokenizer.empty()) system.tokenizer = options.tokenizer;
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

std::unique_ptr<harness::SystemUnderTest> open_with_teacher(const ModelOptions& student,
                                                            const std::string& teacher,
                                                            bool hash_weights) {
  refuse_what_is_no_checkpoint(teacher, "--teacher");
  refuse_what_is_no_checkpoint(student.model);
  auto student_options = student;
  if (!is_small(student.model) || !is_small(teacher)) {
    // One of them would be held back by the single thread of the other.
    student_options.threads = student.threads.value_or(models::Engine::num_threads());
  }
  auto teacher_options = student_options;
  teacher_options.model = teacher;
  auto opened = open_decoder_system(student_options, hash_weights);
  auto pair = std::make_unique<harness::TeacherSystem>(
      std::move(opened), open_decoder_system(teacher_options, hash_weights));
  for (const auto& note : pair->notes()) fmt::print(stderr, "hylo: note: {}\n", note);
  return pair;
}

int64_t num_compared_layers(const ModelOptions& student, const std::string& teacher) {
  refuse_what_is_no_checkpoint(teacher, "--teacher");
  refuse_what_is_no_checkpoint(student.model);
  const auto ours = models::read_hf_config(student.model);
  const auto theirs = models::read_hf_config(teacher);
  return models::has_comparable_layers(theirs, ours) ? std::ssize(ours.layers) : 0;
}

}  // namespace hylo::cli
