// hylo convert: a checkpoint into a folder of its own, in another type, in smaller files or with
// its positions stretched.

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <CLI/CLI.hpp>
#include <cmath>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "harness/base/error.h"
#include "harness/base/units.h"
#include "harness/cli/numbers.h"
#include "harness/cli/output.h"
#include "harness/cli/verb.h"
#include "harness/system/companion_files.h"
#include "harness/system/write_folder.h"
#include "models/distill/stage.h"
#include "models/weights/checkpoint.h"

namespace hylo::cli {
namespace {

namespace fs = std::filesystem;

struct ConvertOptions {
  std::string from, to;
  std::string dtype;
  std::optional<double> yarn;
  models::WriteOptions write;
};

models::OpenOptions open_options(const std::string& dtype) {
  if (dtype.empty()) return {.type = {}, .allow_several_types = true};
  require(dtype == "float32" || dtype == "bfloat16",
          "--dtype: expected float32 or bfloat16, found '{}'", dtype);
  return {.type = models::type_named(dtype)};
}

/// Of a model whose positions nothing has stretched yet: two scalings on one another are none that
/// a config.json can say.
models::ModelConfig stretched(const models::ModelConfig& config, double factor) {
  require(std::isfinite(factor) && factor > 1, "--yarn: expected a number above 1, found {}",
          factor);
  bool rotates = false;
  for (const auto& layer : config.layers) {
    const auto rope = models::rope_of(layer.mixer);
    rotates = rotates || rope.width > 0;
    require(std::holds_alternative<std::monostate>(rope.scaling),
            "--yarn {}: the checkpoint's rotary embedding is scaled already; name one of which it "
            "is plain",
            factor);
  }
  require(rotates, "--yarn {}: no layer of the checkpoint has a rotary embedding to stretch",
          factor);
  require(config.max_positions > 0,
          "--yarn {}: the checkpoint does not declare for how many positions it is", factor);
  return models::stretched(config, {.factor = factor, .original_length = config.max_positions});
}

void move_to(const fs::path& finished, const fs::path& to) {
  std::error_code failure;
  fs::rename(finished, to, failure);
  require(!failure, "{}: cannot be made: {}; the checkpoint is whole in {}", to.string(),
          failure.message(), finished.string());
}

/// Absolute and without a slash at the end, so that its neighbour lies beside it, also for ".".
fs::path place_of(const std::string& folder) {
  require(!folder.empty(), "convert: expected a folder to write to, found an empty name");
  const auto path = fs::absolute(folder).lexically_normal();
  return path.has_filename() ? path : path.parent_path();
}

/// Written beside OUT and moved there when it is whole, so that an end in the middle leaves nothing
/// that could be taken for a checkpoint.
void convert(const ConvertOptions& options) {
  const auto to = place_of(options.to);
  const auto unfinished = harness::unfinished_place(to);
  harness::require_writable(to);
  const auto checkpoint = models::open_checkpoint(options.from, open_options(options.dtype));
  for (const auto& note : checkpoint.notes) fmt::print(stderr, "hylo: note: {}\n", note);
  const auto config =
      options.yarn ? stretched(checkpoint.config, *options.yarn) : checkpoint.config;
  models::write_checkpoint(unfinished, config, checkpoint.weights, options.write);
  const auto copied = harness::copy_companion_files(options.from, unfinished);
  move_to(unfinished, to);
  const auto written =
      models::open_checkpoint(to, {.type = {}, .allow_several_types = options.dtype.empty()});
  const auto num_files = written.weight_files.size();
  print_out(fmt::format("{}: {} of {} in {} {}\n", options.to, human_bytes(written.stored_bytes),
                        models::type_name(written.stored_types.front()), num_files,
                        num_files == 1 ? "file" : "files"));
  print_out(copied.empty() ? "no other files were there to copy\n"
                           : fmt::format("copied: {}\n", fmt::join(copied, ", ")));
}

}  // namespace

void add_convert(CLI::App& program) {
  auto& verb = add_verb(
      program, "convert",
      "write a checkpoint anew: in another type, in files of another size, for longer contexts",
      {{"hylo convert ~/Llama-3.2-1B ./llama-bf16 --dtype bfloat16", "rounded to bfloat16"},
       {"hylo convert ./llama-2k ./llama-32k --yarn 16", "for contexts of 16 times the length"},
       {"hylo convert ./llama-bf16 ./sharded --max-file-bytes 1000000000",
        "the same bits in files of at most 1 GB"}});
  const auto options = std::make_shared<ConvertOptions>();
  verb.add_option("in", options->from, "a checkpoint folder")->type_name("IN")->required();
  verb.add_option("out", options->to, "a folder that is not there yet, or empty")
      ->type_name("OUT")
      ->required();
  verb.add_option("--dtype", options->dtype,
                  "float32 or bfloat16; without it every tensor keeps its bits");
  verb.add_option("--yarn", options->yarn,
                  "stretch the rotary embedding by YaRN, so many times the positions that the "
                  "checkpoint declares; no weight changes");
  verb.add_option("--max-file-bytes", options->write.max_file_bytes,
                  "further tensors go to a next file; a tensor is never split")
      ->capture_default_str()
      ->check(whole_number(1));
  verb.callback([options] { convert(*options); });
}

}  // namespace hylo::cli
