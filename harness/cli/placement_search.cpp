#include "harness/cli/placement_search.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <limits>
#include <utility>
#include <vector>

#include "datasets/training_text.h"
#include "harness/base/error.h"
#include "harness/base/units.h"
#include "harness/cli/numbers.h"
#include "harness/cli/own_command_line.h"
#include "harness/cli/places.h"
#include "models/config/own_config.h"
#include "models/config/placement_json.h"
#include "models/tokenizer/tokenizer.h"
#include "models/weights/checkpoint.h"
#include "reports/store/placement_log.h"

namespace hylo::cli {
namespace {

namespace fs = std::filesystem;
using models::Checkpoint;
using models::Decoder;
using models::SearchMethod;

constexpr const char* document_kind = "placement_scores";

/// A student every layer of which has one kind of mixer.
struct Candidate {
  Decoder model;
  std::string folder, sha256;  ///< empty: a conversion of the base
};

Checkpoint open(const fs::path& folder) {
  return models::open_checkpoint(folder, {.type = models::NumberType::Float32});
}

Candidate trained(const std::string& folder) {
  const auto checkpoint = open(folder);
  return {Decoder(checkpoint.config, checkpoint.weights), folder, models::hash_weights(checkpoint)};
}

Candidate converted(const Checkpoint& base, const std::string& mixer, const char* option,
                    const models::UpcycleOptions& upcycling) {
  const Json placement = Json::array({{{"layers", "rest"}, {"mixer", parse_json(mixer, option)}}});
  const auto config =
      models::place(base.config, models::read_placement(placement, option, base.config));
  return {Decoder(config, models::upcycle(base.config, base.weights, config, upcycling)), "", ""};
}

std::optional<Candidate> candidate(const Checkpoint& base, const std::string& folder,
                                   const std::string& mixer, const char* option,
                                   const models::UpcycleOptions& upcycling) {
  require(folder.empty() || mixer.empty(), "{0} and {0}-student: expected one of the two", option);
  if (!folder.empty()) return trained(folder);
  if (!mixer.empty()) return converted(base, mixer, option, upcycling);
  return std::nullopt;
}

models::TokenDocuments documents_of(const PlacementSearchOptions& options, const fs::path& base) {
  const fs::path file = options.documents;
  datasets::TextSource source = datasets::JsonLinesText{.files = {file}};
  if (file.extension() != ".jsonl") {
    source = datasets::PlainText{.files = {file}, .separator = options.separator};
  }
  auto text = datasets::read_training_text(source);
  if (std::ssize(text.documents) > options.max_documents) {
    text.documents.resize(static_cast<size_t>(options.max_documents));
  }
  return models::tokenized(text.documents, *models::load_tokenizer(base));
}

/// Layers with their mixers, those of one mixer together; attention of the base is left unsaid.
OrderedJson placement_of(const models::ModelConfig& base, const models::ModelConfig& student) {
  auto placement = OrderedJson::array();
  for (size_t i = 0; i < student.layers.size(); ++i) {
    if (student.layers[i].mixer == base.layers[i].mixer) continue;
    const auto mixer = models::mixer_json(student.layers[i].mixer);
    const auto same = std::ranges::find_if(
        placement, [&](const OrderedJson& entry) { return entry["mixer"] == mixer; });
    if (same == placement.end()) {
      placement.push_back({{"layers", {i}}, {"mixer", mixer}});
    } else {
      (*same)["layers"].push_back(i);
    }
  }
  return placement;
}

OrderedJson candidate_json(const Candidate& candidate) {
  if (candidate.folder.empty()) return "conversion of the base, not trained";
  return {{"folder", fs::absolute(candidate.folder).lexically_normal().string()},
          {"sha256", candidate.sha256}};
}

OrderedJson scores_json(const models::PlacementSearch& found) {
  auto rows = OrderedJson::array();
  for (const auto& score : found.scores) {
    rows.push_back({{"layer", score.layer},
                    {"score", score.score},
                    {"standard_error", score.standard_error},
                    {"divergence", score.divergence},
                    {"round", score.round}});
  }
  return rows;
}

std::string row_text(const models::LayerScore& score) {
  return fmt::format("layer {:>3}: {:+.5f} +- {:.5f} nats (divergence {:.5f})", score.layer,
                     score.score, score.standard_error, score.divergence);
}

reports::PlacementRecord record_of(const OrderedJson& document) {
  reports::PlacementRecord record{.description = document, .argv = own_command_line()};
  for (const auto& row : document["scores"]) {
    record.scores.push_back({.layer = row["layer"].get<int64_t>(),
                             .round = row["round"].get<int64_t>(),
                             .score = row["score"].get<double>(),
                             .standard_error = row["standard_error"].get<double>(),
                             .divergence = row["divergence"].get<double>()});
  }
  record.description.erase("scores");
  return record;
}

/// In the file and in the store: where one of them cannot be written the other is.
void keep(const OrderedJson& document, const PlacementSearchOptions& options,
          reports::Store& store) {
  std::string unwritten;
  try {
    if (!options.scores.empty()) write_json_file(options.scores, document);
  } catch (const Error& error) {
    unwritten = error.what();
  }
  reports::add_placement(store, record_of(document));
  require(unwritten.empty(),
          "{}; the scores are in the store: `hylo report placement latest --store {}` shows them",
          unwritten, store_file(options.store).string());
}

double largest_score(const OrderedJson& document) {
  double largest = -std::numeric_limits<double>::infinity();
  for (const auto& row : document["scores"]) {
    largest = std::max(largest, row["score"].get<double>());
  }
  return largest;
}

}  // namespace

void add_search_options(CLI::App& verb, PlacementSearchOptions& options) {
  constexpr const char* group = "With --placement smart, kl-greedy or leave-one-out";
  const auto add = [&](const char* name, auto& value, const char* text) {
    return verb.add_option(name, value, text)->group(group);
  };
  add("--select", options.select, "how many layers get the stronger mixer");
  add("--weaker", options.weaker, R"(the mixer of the others, as {"kind": "mamba2"})");
  add("--stronger", options.stronger,
      "the mixer of those; leave-one-out: absent, they stay as they are");
  add("--weaker-student", options.weaker_student,
      "instead: a student with the weaker mixer in every layer, aligned by hylo distill");
  add("--stronger-student", options.stronger_student, "the same with the stronger one");
  add("--documents", options.documents, "held-out texts to measure on: FILE.jsonl, or a text");
  add("--separator", options.separator, "the line between the documents of a text");
  add("--max-documents", options.max_documents, "as many from the beginning")
      ->check(whole_number(2))
      ->capture_default_str();
  add("--max-tokens", options.max_tokens, "of a document, from its beginning")
      ->check(whole_number(2))
      ->capture_default_str();
  add("--scores", options.scores, "write them here; --placement takes the file up again");
  add("--store", options.store, "SQLite file; else HYLO_STORE, else hylo.db");
}

FoundPlacement find_placement(SearchMethod method, const fs::path& base_folder,
                              const models::UpcycleOptions& upcycling,
                              const PlacementSearchOptions& options) {
  require(options.select > 0, "--placement {}: expected --select N, how many layers",
          models::name_of(method));
  require(!options.documents.empty(), "--placement {}: expected --documents FILE to measure on",
          models::name_of(method));
  // Hours of measuring must not be lost for want of a place to write to.
  auto store = reports::Store::open(store_file(options.store));
  if (!options.scores.empty()) {
    const auto folder = fs::absolute(options.scores).parent_path();
    require(fs::is_directory(folder), "--scores: {} is no folder", folder.string());
    require(!fs::is_directory(options.scores), "--scores: {} is a folder, expected a file",
            options.scores);
  }
  const auto base = open(base_folder);
  const Decoder teacher(base.config, base.weights);
  const auto weaker =
      candidate(base, options.weaker_student, options.weaker, "--weaker", upcycling);
  require(weaker.has_value(), "--placement {}: expected --weaker MIXER or --weaker-student FOLDER",
          models::name_of(method));
  const auto stronger =
      candidate(base, options.stronger_student, options.stronger, "--stronger", upcycling);
  const bool is_trained = !weaker->folder.empty() || (stronger && !stronger->folder.empty());
  const models::DivergenceMeter meter(teacher, documents_of(options, base_folder),
                                      options.max_tokens);
  if (!is_trained) {
    fmt::print(stderr, "hylo: the candidates are conversions of the base that nobody trained\n");
  }
  const auto found = models::search_placement(
      method, {teacher, weaker->model, stronger ? &stronger->model : nullptr}, meter,
      options.select,
      [](const models::LayerScore& score) { fmt::print(stderr, "{}\n", row_text(score)); });
  auto student =
      models::mixed_student(weaker->model, stronger ? stronger->model : teacher, found.chosen);
  OrderedJson document{
      {"kind", document_kind},
      {"method", models::name_of(method)},
      {"base",
       {{"name", fs::absolute(base_folder).lexically_normal().filename().string()},
        {"sha256", models::hash_weights(base)}}},
      {"candidates",
       {{"weaker", candidate_json(*weaker)},
        {"stronger", stronger ? candidate_json(*stronger) : OrderedJson("the base's attention")}}},
      {"documents",
       {{"file", fs::absolute(options.documents).lexically_normal().string()},
        {"num_documents", meter.num_documents()},
        {"num_tokens", meter.num_rows()},
        {"max_tokens", options.max_tokens},
        {"sha256", meter.sha256()}}},
      {"seed", upcycling.seed},
      {"select", options.select},
      {"chosen", found.chosen},
      {"start_divergence", found.start},
      {"scores", scores_json(found)},
      {"placement", placement_of(base.config, student.config())}};
  keep(document, options, store);
  return {std::move(document), std::move(student),
          is_trained ? "layers of aligned students" : "upcycled, not trained"};
}

FactSection search_facts(const OrderedJson& document) {
  const auto& documents = document["documents"];
  const auto whose = [&](const char* kind) {
    const auto& json = document["candidates"][kind];
    return json.is_string() ? json.get<std::string>() : json["folder"].get<std::string>();
  };
  return {
      "placement",
      {fact("method", document["method"]),
       {"chosen", document["chosen"],
        fmt::format("layers {}", fmt::join(document["chosen"].get<std::vector<int64_t>>(), ", "))},
       fact("weaker", whose("weaker")),
       fact("stronger", whose("stronger")),
       {"documents", documents,
        fmt::format("{} of {}, {} tokens",
                    with_thousands(documents["num_documents"].get<int64_t>()),
                    documents["file"].get<std::string>(),
                    with_thousands(documents["num_tokens"].get<int64_t>()))},
       {"scores", document["scores"],
        fmt::format("{}, the largest {:.5f} nats a token", document["scores"].size(),
                    largest_score(document))}}};
}

Json placement_in(const Json& file) {
  const bool is_search = file.is_object() && file.value("kind", "") == document_kind;
  return is_search ? file.at("placement") : file;
}

}  // namespace hylo::cli
