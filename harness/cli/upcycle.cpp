// hylo upcycle: a teacher's checkpoint as a hybrid, before any training.

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <filesystem>
#include <memory>
#include <string>

#include "harness/base/error.h"
#include "harness/base/files.h"
#include "harness/base/units.h"
#include "harness/base/version.h"
#include "harness/cli/facts.h"
#include "harness/cli/placement_search.h"
#include "harness/cli/student_facts.h"
#include "harness/cli/verb.h"
#include "harness/system/companion_files.h"
#include "harness/system/write_folder.h"
#include "models/config/hf_config.h"
#include "models/distill/recipe.h"
#include "models/weights/checkpoint.h"

namespace hylo::cli {
namespace {

namespace fs = std::filesystem;

struct UpcycleVerbOptions {
  std::string base, out, placement, like, rope_rows = "filled";
  uint64_t seed = 0;
  bool random_mixers = false, dry_run = false, json = false;
  PlacementSearchOptions search;
};

/// A file, or the JSON itself.
Json placement_json(const std::string& text) {
  const auto first = text.find_first_not_of(" \t\n");
  if (first != std::string::npos && (text[first] == '[' || text[first] == '{')) {
    return parse_json(text, "--placement");
  }
  require(
      fs::exists(text),
      "--placement {}: no such file, no JSON, which begins with [ (models/recipes/README.md tells "
      "how layers are named), and none of smart, kl-greedy and leave-one-out",
      text);
  return placement_in(read_json_file(text));
}

models::UpcycleOptions upcycle_options(const UpcycleVerbOptions& options) {
  require(options.rope_rows == "filled" || options.rope_rows == "kept",
          "--rope-rows: expected filled or kept, found '{}'", options.rope_rows);
  return {.seed = options.seed,
          .rope_rows =
              options.rope_rows == "filled" ? models::RopeRows::Filled : models::RopeRows::Kept,
          .random_mixers = options.random_mixers};
}

models::UpcycledStudent student_of(const UpcycleVerbOptions& options) {
  require(options.placement.empty() != options.like.empty(),
          "upcycle: expected either --placement (which layers become what) or --like (a model of "
          "`hylo list models` whose mixers are taken)");
  models::UpcycledStudent student{.like = options.like};
  if (options.like.empty()) student.placement = placement_json(options.placement);
  student.options = upcycle_options(options);
  return student;
}

void write(const UpcycleVerbOptions& options, const models::Checkpoint& base,
           const models::ModelConfig& config, const models::ModelWeights& weights,
           const std::string& recipe) {
  const models::Provenance provenance{.teacher = fs::absolute(options.base).filename().string(),
                                      .teacher_sha256 = models::hash_weights(base),
                                      .recipe = recipe,
                                      .commit = std::string(commit()),
                                      .seed = options.seed};
  harness::write_folder(options.out, [&](const fs::path& part) {
    models::write_checkpoint(part, config, weights,
                             {.format = models::CheckpointFormat::Own, .provenance = provenance});
    (void)harness::copy_companion_files(options.base, part);
  });
  fmt::print(stderr, "{}: the student, {}\n", options.out, recipe);
}

void convert(const UpcycleVerbOptions& options, const models::UpcycledStudent& student,
             const models::ModelConfig& config) {
  const auto base = models::open_checkpoint(options.base);
  for (const auto& note : base.notes) fmt::print(stderr, "hylo: note: {}\n", note);
  fmt::print(stderr, "hylo: decomposing and copying {} layers ...\n", config.layers.size());
  const auto weights = models::upcycle(base.config, base.weights, config, student.options);
  write(options, base, config, weights, "upcycled, not trained");
}

/// Layers by measurement. The student is made of the candidates that were measured.
void upcycle_by_search(models::SearchMethod method, const UpcycleVerbOptions& options) {
  require(options.like.empty(), "upcycle: --placement {} chooses the layers, and --like does too",
          options.placement);
  const auto found = find_placement(method, options.base, upcycle_options(options), options.search);
  const auto teacher = models::read_hf_config(options.base);
  print_facts({search_facts(found.document), student_facts(teacher, found.student.config())},
              options.json);
  if (options.dry_run) return;
  write(options, models::open_checkpoint(options.base), found.student.config(),
        found.student.weights(), found.made_of);
}

void upcycle(const UpcycleVerbOptions& options) {
  require(options.dry_run || !options.out.empty(),
          "upcycle: expected --out FOLDER for the student, or --dry-run");
  if (!options.dry_run) harness::require_writable(options.out);
  if (const auto method = models::search_method_named(options.placement)) {
    return upcycle_by_search(*method, options);
  }
  const auto student = student_of(options);
  const auto teacher = models::read_hf_config(options.base);
  const auto config = models::student_config(student, teacher);
  models::check_student(teacher, config);
  print_facts({student_facts(teacher, config)}, options.json);
  if (!options.dry_run) convert(options, student, config);
}

}  // namespace

void add_upcycle(CLI::App& program) {
  auto& verb = add_verb(
      program, "upcycle", "turn a Transformer checkpoint into a hybrid, before any training",
      {{R"(hylo upcycle ~/Llama-3.2-1B --like hylo-llama-4mla12gdn --dry-run)",
        "what HyLo's hybrid of it weighs and remembers"},
       {R"(hylo upcycle ./llama --placement '[{"layers": {"every": 3}, "mixer": {"kind": "mla", "latent_rank": 64}}]' --out ./student)",
        "every third layer becomes MLA, the others stay"},
       {R"(hylo upcycle ./llama --placement smart --select 4 --weaker '{"kind": "mamba2"}' --stronger '{"kind": "mla", "latent_rank": 64}' --documents held-out.jsonl --scores scores.json --out ./student)",
        "MLA in the four layers that gain most by it, as measured"}});
  const auto options = std::make_shared<UpcycleVerbOptions>();
  verb.add_option("base", options->base, "the teacher's checkpoint folder")
      ->type_name("BASE")
      ->required();
  verb.add_option(
      "--placement", options->placement,
      "a file, or the JSON itself: which layers get which mixer (models/recipes); or by "
      "measurement: smart, kl-greedy, leave-one-out");
  verb.add_option("--like", options->like, "mixers of a model that `hylo list models` shows");
  verb.add_option("--out", options->out, "a folder that is not there yet, or empty");
  verb.add_option("--seed", options->seed, "of what no teacher's tensor sets")
      ->capture_default_str();
  verb.add_option("--rope-rows", options->rope_rows,
                  "of MLA: filled from the teacher's projections, or kept as they were drawn")
      ->capture_default_str();
  verb.add_flag("--random-mixers", options->random_mixers,
                "new mixers stay as they were drawn: the student to compare with");
  verb.add_flag("--dry-run", options->dry_run,
                "print the student and write none; a search for a placement keeps its scores");
  verb.add_flag("--json", options->json, "one JSON document");
  add_search_options(verb, options->search);
  verb.callback([options] { upcycle(*options); });
}

}  // namespace hylo::cli
