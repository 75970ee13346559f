// hylo inspect: what a checkpoint is.

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <filesystem>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "harness/base/error.h"
#include "harness/base/json.h"
#include "harness/base/units.h"
#include "harness/cli/cache_table.h"
#include "harness/cli/facts.h"
#include "harness/cli/verb.h"
#include "models/cache/predicted.h"
#include "models/config/catalog.h"
#include "models/config/hf_config.h"
#include "models/tokenizer/tokenizer.h"
#include "models/weights/checkpoint.h"

namespace hylo::cli {
namespace {

namespace fs = std::filesystem;
using models::NumberType;

constexpr auto synthetic = models::synthetic_prefix;

struct InspectOptions {
  std::string model, teacher;
  bool cache_table = false, json = false;
};

/// A page, and what the user must put right although it can be described.
struct Inspection {
  FactPage page;
  std::string error;
};

Fact bytes_fact(const std::string& key, int64_t bytes) {
  return {key, bytes, fmt::format("{} ({} bytes)", human_bytes(bytes), with_thousands(bytes))};
}

Fact id_fact(const std::string& key, const std::optional<int32_t>& id) {
  return id ? fact(key, *id) : absent(key, "none");
}

Fact end_tokens_fact(const std::vector<int32_t>& ids) {
  if (!ids.empty()) return {"end_tokens", ids, fmt::format("{}", fmt::join(ids, ", "))};
  return {"end_tokens", ids, "none: generation ends at a stop string or at its length only"};
}

FactSection network_facts(const models::ModelConfig& config) {
  const auto layers = models::describe_layers(config);
  const auto parameters = models::count_parameters(config);
  return {"network",
          {fact("family", models::family_name(config.family)),
           fact("parameters", parameters),
           fact("num_layers", config.layers.size()),
           {"layers", layers, fmt::format("{}", fmt::join(layers, "\n"))},
           fact("width", config.width),
           fact("vocabulary_size", config.vocabulary_size),
           {"tied_head", config.tied_head,
            config.tied_head ? "yes, the head is the embedding and counts once"
                             : "no, the head has weights of its own"},
           config.max_positions > 0 ? fact("context_length", config.max_positions)
                                    : absent("context_length", "unknown"),
           id_fact("begin_token", config.bos),
           end_tokens_fact(config.eos)}};
}

/// One sequence's cache in one type at the lengths that people ask about.
Fact cache_fact(const models::ModelConfig& config, NumberType type) {
  std::set<int64_t> lengths{4096, 32768};
  if (config.max_positions > 0) {
    lengths.insert(config.max_positions);
    std::erase_if(lengths, [&](int64_t tokens) { return tokens > config.max_positions; });
  }
  const auto cache_at = [&](int64_t tokens) {
    return models::predicted_bytes(config,
                                   {.tokens = tokens, .element_bytes = models::bytes_of(type)});
  };
  const auto bytes_at = [&](int64_t tokens) { return cache_at(tokens).total(); };
  const auto [per_token, states] = cache_at(1);
  OrderedJson value{
      {"bytes_per_token", per_token}, {"state_bytes", states}, {"bytes_at", OrderedJson::object()}};
  auto text = fmt::format("{} bytes a token", with_thousands(per_token));
  if (states > 0) text += fmt::format(" and {} of states", human_bytes(states));
  for (const auto tokens : lengths) {
    value["bytes_at"][std::to_string(tokens)] = bytes_at(tokens);
    text += fmt::format(", {} at {} tokens", human_bytes(bytes_at(tokens)), with_thousands(tokens));
  }
  return {std::string(models::type_name(type)), value, text};
}

FactSection cache_facts(const models::ModelConfig& config) {
  return {"cache_of_a_sequence",
          {cache_fact(config, NumberType::Float32), cache_fact(config, NumberType::BFloat16)}};
}

Fact non_finite_fact(const models::Checkpoint& checkpoint) {
  const auto names =
      models::find_non_finite(checkpoint.config, checkpoint.weights, checkpoint.spelling);
  if (names.empty()) return {"non_finite", names, "none: every weight is a finite number"};
  return {"non_finite", names,
          fmt::format("NaN or infinite weights in {} tensors: {}", names.size(),
                      fmt::join(names, ", ")),
          true};
}

FactSection weight_facts(const models::Checkpoint& checkpoint) {
  std::vector<std::string> files;
  for (const auto& file : checkpoint.weight_files) files.push_back(file.filename());
  std::vector<std::string> types;
  for (const auto type : checkpoint.stored_types) types.emplace_back(models::type_name(type));
  return {"weights",
          {Fact{"types", types, fmt::format("{}", fmt::join(types, ", "))},
           bytes_fact("stored_bytes", checkpoint.stored_bytes),
           {"files", files, fmt::format("{}", fmt::join(files, "\n"))},
           non_finite_fact(checkpoint)}};
}

Fact fit_fact(const models::TokenizerInfo& info, int64_t model_vocabulary, std::string& error) {
  try {
    const auto doubt = models::check_fits(info, model_vocabulary);
    return doubt ? Fact{"fits_the_model", true, *doubt, true} : fact("fits_the_model", true);
  } catch (const Error& misfit) {
    error = misfit.what();
    return {"fits_the_model", false, error, true};
  }
}

void add_tokenizer(const fs::path& folder, const models::ModelConfig& config, Inspection& found) {
  if (!models::has_tokenizer(folder)) {
    found.page.push_back(
        {"tokenizer",
         {absent("kind",
                 "none found: texts can neither be scored nor generated; put tokenizer.json, "
                 "tokenizer.model, or vocab.json and merges.txt beside the weights")}});
    return;
  }
  const auto tokenizer = models::load_tokenizer(folder);
  const auto& info = tokenizer->info();
  FactSection section{
      "tokenizer",
      {fact("kind", info.kind), fact("vocabulary_size", info.vocabulary_size),
       fit_fact(info, config.vocabulary_size, found.error), id_fact("begin_token", info.bos),
       id_fact("end_token", info.eos), fact("adds_begin_token", info.adds_bos),
       fact("adds_end_token", info.adds_eos), fact("sha256", info.sha256)}};
  if (!info.notes.empty()) {
    section.facts.push_back({"notes", info.notes, fmt::format("{}", fmt::join(info.notes, "\n"))});
  }
  found.page.push_back(section);
}

/// What a reader of the numbers should know, and what hylo does not.
FactSection remarks(const models::ModelConfig& config, const std::vector<std::string>& notes,
                    const std::vector<std::string>& unknown) {
  FactSection section{"remarks", {}};
  auto all = notes;
  if (models::depends_on_call_length(config)) {
    all.emplace_back(
        "rotary frequencies depend on the length of a call: no chunks, no shared prefixes");
  }
  section.facts.push_back(
      {"notes", all, all.empty() ? "none" : fmt::format("{}", fmt::join(all, "\n"))});
  section.facts.push_back({"unknown", unknown,
                           unknown.empty() ? "nothing: every key of config.json is understood"
                                           : fmt::format("{}", fmt::join(unknown, "\n"))});
  return section;
}

std::vector<std::string> unknown_of(const fs::path& folder) {
  std::vector<std::string> unknown;
  for (const auto& [file, key] : models::unknown_hf_keys(folder)) {
    unknown.push_back(fmt::format("{}: '{}' is not looked at", file, key));
  }
  return unknown;
}

Inspection inspect_folder(const fs::path& folder) {
  const auto checkpoint = models::open_checkpoint(folder, {.allow_several_types = true});
  Inspection found;
  found.page = {{"checkpoint", {fact("folder", folder.string())}},
                network_facts(checkpoint.config),
                weight_facts(checkpoint),
                cache_facts(checkpoint.config)};
  add_tokenizer(folder, checkpoint.config, found);
  found.page.push_back(remarks(checkpoint.config, checkpoint.notes, unknown_of(folder)));
  return found;
}

Inspection inspect_synthetic(const std::string& name) {
  const auto& entry = models::find_model(name);
  const auto parameters = models::count_parameters(entry.config);
  const auto bytes = parameters * models::bytes_of(entry.config.stored);
  Inspection found;
  found.page = {{"checkpoint", {fact("synthetic", entry.name), fact("source", entry.source)}},
                network_facts(entry.config),
                {"weights",
                 {fact("types", OrderedJson::array({models::type_name(entry.config.stored)})),
                  bytes_fact("stored_bytes", bytes)}},
                cache_facts(entry.config),
                remarks(entry.config, {"counted from the specification, nothing was read"},
                        {"the tokenizer, and the weights themselves"})};
  found.page[2].facts[0].text = models::type_name(entry.config.stored);
  return found;
}

void require_folder(const std::string& model) {
  const auto& known = models::catalog();
  const bool is_name = std::ranges::find(known, model, &models::CatalogEntry::name) != known.end();
  require(fs::exists(model) || !is_name, "{}: no such folder; the geometry of that name is {}{}",
          model, synthetic, model);
}

Inspection inspected(const std::string& model) {
  if (model.starts_with(synthetic)) return inspect_synthetic(model.substr(synthetic.size()));
  require_folder(model);
  return inspect_folder(model);
}

/// The configuration alone; of a folder as its tensors settle it.
models::ModelConfig config_of(const std::string& model) {
  if (model.starts_with(synthetic))
    return models::find_model(model.substr(synthetic.size())).config;
  require_folder(model);
  return models::open_checkpoint(model, {.allow_several_types = true}).config;
}

CacheTable cache_table_of(const InspectOptions& options) {
  CacheTable table{
      .model = options.model, .config = config_of(options.model), .teacher = {}, .reference = {}};
  if (!options.teacher.empty()) {
    table.teacher = options.teacher;
    table.reference = config_of(options.teacher);
  } else if (options.model.starts_with(synthetic)) {
    table.teacher = models::find_model(options.model.substr(synthetic.size())).teacher;
    if (!table.teacher.empty()) table.reference = models::find_model(table.teacher).config;
  } else if (table.config.backbone) {
    // config.json of an upcycled checkpoint is the backbone's, and alone would make a dense model.
    const auto file = fs::path(options.model) / "config.json";
    table.teacher = "backbone";
    table.reference = models::parse_hf_config(read_json_file(file), file.string());
  }
  return table;
}

void inspect(const InspectOptions& options) {
  if (options.cache_table) return print_cache_table(cache_table_of(options), options.json);
  const auto found = inspected(options.model);
  print_facts(found.page, options.json);
  require(found.error.empty(), "{}: {}", options.model, found.error);
}

}  // namespace

void add_inspect(CLI::App& program) {
  auto& verb = add_verb(
      program, "inspect", "what a checkpoint is: layers, parameters, bytes, tokenizer, doubts",
      {{"hylo inspect ./Llama-3.2-1B", "a folder in the format of Hugging Face"},
       {"hylo inspect synthetic:llama-3.2-1b", "a known geometry; needs no weights"},
       {"hylo inspect --cache-table synthetic:hylo-llama-4mla12gdn", "its cache up to 2M tokens"},
       {"hylo inspect ./Llama-3.2-1B --json | jq .network.parameters", "for another program"}});
  const auto options = std::make_shared<InspectOptions>();
  verb.add_option("model", options->model, "a folder, or synthetic:NAME (`hylo list models`)")
      ->type_name("DIR|synthetic:NAME")
      ->required();
  auto* table = verb.add_flag("--cache-table", options->cache_table,
                              "cache and state of one sequence from 4K to 2M tokens, beside the "
                              "teacher's");
  verb.add_option("--teacher", options->teacher,
                  "what the cache is held against (by default the model that was upcycled)")
      ->type_name("DIR|synthetic:NAME")
      ->needs(table);
  verb.add_flag("--json", options->json, "one JSON document");
  verb.callback([options] { inspect(*options); });
}

}  // namespace hylo::cli
