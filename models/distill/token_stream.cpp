#include "models/distill/token_stream.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <set>
#include <utility>

#include "harness/base/error.h"
#include "harness/base/random.h"

namespace hylo::models {
namespace {

constexpr int64_t position_format = 1;
constexpr int64_t max_epochs = 1 << 20;  // rows of all epochs must be a number that fits

PackedBatch empty_batch(int64_t max_rows) {
  PackedBatch batch;
  batch.tokens_N.reserve(static_cast<size_t>(max_rows));
  batch.labels_N.reserve(static_cast<size_t>(max_rows));
  return batch;
}

int64_t rows_in(const PackedBatch& batch) { return static_cast<int64_t>(batch.tokens_N.size()); }

std::vector<uint32_t> order_of_epoch(int64_t num_documents, uint64_t seed, size_t source,
                                     int64_t epoch) {
  std::vector<uint32_t> order(static_cast<size_t>(num_documents));
  std::iota(order.begin(), order.end(), 0U);
  const auto source_key = CounterRandom(seed, source).next();
  CounterRandom random(CounterRandom(source_key, static_cast<uint64_t>(epoch)).next());
  for (size_t i = order.size(); i-- > 1;) std::swap(order[i], order[random.below(i + 1)]);
  return order;
}

/// Names the first thing in which two descriptions of a stream differ.
void require_same(const Json& ours, const Json& theirs, const std::string& what) {
  for (const auto& [key, value] : ours.items()) {
    const auto found = theirs.value(key, Json());
    if (value == found) continue;
    const auto name = fmt::format("{}{}", what, key);
    if (value.is_object() && found.is_object()) {
      require_same(value, found, name + ".");
    } else {
      fail(
          "position in the training data: {}: expected {} as in these data, found {} in the "
          "position; "
          "go on with the data and options of that run, or begin anew",
          name, value.dump(), found.dump());
    }
  }
}

int64_t in_range(JsonReader& reader, std::string_view key, int64_t low, int64_t high) {
  const auto value = reader.get<int64_t>(key);
  require(value >= low && value <= high, "{}: expected a number from {} to {}, found {}",
          reader.path_of(key), low, high, value);
  return value;
}

}  // namespace

TokenStream::TokenStream(std::vector<TokenSource> sources, const TokenStreamOptions& options)
    : sources_(std::move(sources)), options_(options) {
  check();
  description_ = describe();
  for (size_t i = 0; i < sources_.size(); ++i) {
    readings_.push_back(
        {.order = order_of_epoch(sources_[i].documents->size(), options.seed, i, 0)});
  }
}

void TokenStream::check() const {
  require(options_.context_length > 0 && options_.tokens_per_batch > 0,
          "training data: expected a context and a batch of at least one token, found {} and {}",
          options_.context_length, options_.tokens_per_batch);
  require(!holds_pairs() || (options_.max_prompt_tokens < options_.context_length &&
                             2 * options_.context_length <= options_.tokens_per_batch),
          "training data: expected prompts below {} tokens and batches of two such texts, found {} "
          "and batches of {}",
          options_.context_length, options_.max_prompt_tokens, options_.tokens_per_batch);
  const auto num_epochs = options_.num_epochs;
  require(num_epochs.value_or(1) > 0 && num_epochs.value_or(1) <= max_epochs,
          "training data: expected 1 to {} epochs, found {}", max_epochs, num_epochs.value_or(1));
  require(!sources_.empty(), "training data: expected sources, found none");
  std::set<std::string> names;
  int64_t num_tokens = 0;
  for (const auto& [name, documents, weight] : sources_) {
    invariant(documents != nullptr, "source {} has no documents", name);
    require(names.insert(name).second, "training data: two sources are called '{}'", name);
    require(std::isfinite(weight) && weight > 0,
            "training data: source '{}': expected a weight above 0, found {}", name, weight);
    require(documents->size() > 0 && documents->size() <= std::numeric_limits<uint32_t>::max(),
            "training data: source '{}': expected 1 to 2^32 - 1 documents with something to learn, "
            "found {} and {} without",
            name, documents->size(), documents->num_without_labels());
    const auto& first = *sources_.front().documents;
    require(documents->tokenizer_sha256() == first.tokenizer_sha256(),
            "training data: source '{}': expected ids of the tokenizer {}, as '{}' has them, found "
            "those of {}",
            name, first.tokenizer_sha256(), sources_.front().name, documents->tokenizer_sha256());
    require(documents->holds_pairs() == holds_pairs(),
            "training data: source '{}': expected {}, found {}", name,
            holds_pairs() ? "pairs of preferences" : "documents",
            documents->holds_pairs() ? "pairs of preferences" : "documents");
    num_tokens += documents->num_tokens();
  }
  require(!num_epochs || num_tokens >= (options_.tokens_per_batch + *num_epochs - 1) / *num_epochs,
          "training data: expected at least one batch of {} tokens, found {} tokens in {} epochs; "
          "take smaller batches or more epochs",
          options_.tokens_per_batch, num_tokens, num_epochs.value_or(0));
}

Json TokenStream::describe() const {
  Json sources = Json::object();
  Json names = Json::array();
  for (const auto& [name, documents, weight] : sources_) {
    names.push_back(name);
    sources[name] = {{"weight", weight},
                     {"documents", documents->size()},
                     {"tokens", documents->num_tokens()},
                     {"sha256", documents->sha256()}};
  }
  Json description{{"tokenizer_sha256", sources_.front().documents->tokenizer_sha256()},
                   {"context_length", options_.context_length},
                   {"tokens_per_batch", options_.tokens_per_batch},
                   {"seed", options_.seed},
                   {"num_epochs", options_.num_epochs ? Json(*options_.num_epochs) : Json()},
                   {"source_names", names},
                   {"sources", sources}};
  if (options_.keeps_pieces) description["keeps_pieces"] = true;
  if (holds_pairs()) description["max_prompt_tokens"] = options_.max_prompt_tokens;
  return description;
}

bool TokenStream::is_read_out(size_t source) const {
  const auto& reading = readings_[source];
  return reading.epoch + 1 == options_.num_epochs &&
         reading.num_read == sources_[source].documents->size();
}

std::optional<size_t> TokenStream::source_of_next_document() const {
  std::optional<size_t> next;
  const auto rows_per_weight = [&](size_t i) {
    return static_cast<double>(readings_[i].num_rows) / sources_[i].weight;
  };
  for (size_t i = 0; i < sources_.size(); ++i) {
    if (!is_read_out(i) && (!next || rows_per_weight(i) < rows_per_weight(*next))) next = i;
  }
  return next;
}

std::span<const TrainingToken> TokenStream::latest_document(size_t source,
                                                            const Reading& reading) const {
  return sources_[source].documents->at(reading.order[static_cast<size_t>(reading.num_read - 1)]);
}

bool TokenStream::open_next_document() {
  const auto source = source_of_next_document();
  if (!source) return false;
  auto& reading = readings_[*source];
  const auto num_documents = sources_[*source].documents->size();
  if (reading.num_read == num_documents) {
    ++reading.epoch;
    reading.num_read = 0;
    reading.order = order_of_epoch(num_documents, options_.seed, *source, reading.epoch);
  }
  ++reading.num_read;
  reading.num_rows += static_cast<int64_t>(latest_document(*source, reading).size());
  open_ = OpenDocument{.source = *source};
  return true;
}

/// A piece of the open document: as much as there is room for; false: there is none for it.
bool TokenStream::append_piece(PackedBatch& batch) {
  const auto room = options_.tokens_per_batch - rows_in(batch);
  const auto document = latest_document(open_->source, readings_[open_->source]);
  const auto num_left = std::ssize(document) - open_->num_given;
  const auto num_wanted = std::min(num_left, options_.context_length);
  if (options_.keeps_pieces && num_wanted > room) return false;
  const auto num_rows = std::min(num_wanted, room);
  const auto& reading = readings_[open_->source];
  const auto number = reading.order[static_cast<size_t>(reading.num_read - 1)];
  const auto& source = sources_[open_->source];
  batch.places.push_back({source.name, source.documents->first_token(number) + open_->num_given});
  append_sequence(batch, document, open_->num_given, num_rows);
  batch.num_documents += open_->num_given == 0 ? 1 : 0;
  open_->num_given += num_rows;
  if (num_rows == num_left) open_.reset();
  return true;
}

/// The open pair; false: there is no room for it.
bool TokenStream::append_open_pair(PackedBatch& batch) {
  const auto& reading = readings_[open_->source];
  const auto pair = pair_of(latest_document(open_->source, reading),
                            {options_.context_length, options_.max_prompt_tokens});
  if (rows_in(batch) + pair.num_rows() > options_.tokens_per_batch) return false;
  append_pair(
      batch, pair,
      {sources_[open_->source].name, reading.order[static_cast<size_t>(reading.num_read - 1)]});
  open_.reset();
  return true;
}

std::optional<PackedBatch> TokenStream::next() {
  auto batch = empty_batch(options_.tokens_per_batch);
  while (rows_in(batch) < options_.tokens_per_batch) {
    if (!open_ && !open_next_document()) return std::nullopt;
    if (!(holds_pairs() ? append_open_pair(batch) : append_piece(batch))) break;
  }
  ++num_batches_;
  return batch;
}

Json TokenStream::position() const {
  Json places = Json::array();
  for (const auto& reading : readings_) {
    places.push_back({{"epoch", reading.epoch}, {"documents", reading.num_read}});
  }
  Json open;
  if (open_) open = {{"source", open_->source}, {"tokens", open_->num_given}};
  return {{"format", position_format},
          {"data", description_},
          {"batches", num_batches_},
          {"sources", places},
          {"open", open}};
}

TokenStream::Reading TokenStream::reading_at(size_t source, const Json& place) const {
  const auto& documents = *sources_[source].documents;
  JsonReader reader(place, fmt::format("position in the training data: sources[{}]", source));
  Reading reading;
  reading.epoch = in_range(reader, "epoch", 0, options_.num_epochs.value_or(max_epochs) - 1);
  reading.num_read = in_range(reader, "documents", 0, documents.size());
  reader.done();
  reading.order = order_of_epoch(documents.size(), options_.seed, source, reading.epoch);
  reading.num_rows = reading.epoch * documents.num_tokens();
  for (int64_t i = 0; i < reading.num_read; ++i) {
    reading.num_rows += std::ssize(documents.at(reading.order[static_cast<size_t>(i)]));
  }
  return reading;
}

TokenStream::OpenDocument TokenStream::open_at(const std::vector<Reading>& readings,
                                               const Json& place) const {
  JsonReader reader(place, "position in the training data: open");
  const auto source = static_cast<size_t>(in_range(reader, "source", 0, std::ssize(sources_) - 1));
  require(readings[source].num_read > 0, "{}: expected a source that was begun, found {}",
          reader.path_of("source"), source);
  const auto document = latest_document(source, readings[source]);
  const auto num_given = in_range(reader, "tokens", 0, std::ssize(document) - 1);
  reader.done();
  return {.source = source, .num_given = num_given};
}

void TokenStream::seek(const Json& position) {
  JsonReader reader(position, "position in the training data");
  in_range(reader, "format", position_format, position_format);
  const Json& data = reader.at("data");
  require(data.is_object(), "{}: expected an object, found {}", reader.path_of("data"),
          data.type_name());
  // All ids differ with the tokenizer, so it is named first.
  require_same({{"tokenizer_sha256", description_.at("tokenizer_sha256")}}, data, "");
  require_same(description_, data, "");
  const Json& places = reader.at("sources");
  require(places.is_array() && places.size() == sources_.size(),
          "{}: expected a list of {}, found {}", reader.path_of("sources"), sources_.size(),
          found_value(places));
  std::vector<Reading> readings;
  for (const auto& place : places) readings.push_back(reading_at(readings.size(), place));
  const auto num_batches = in_range(reader, "batches", 0, std::numeric_limits<int64_t>::max());
  std::optional<OpenDocument> open;
  if (reader.has("open")) open = open_at(readings, reader.at("open"));
  reader.ignore("open");
  reader.done();
  readings_ = std::move(readings);
  open_ = open;
  num_batches_ = num_batches;
}

TokenWalk::TokenWalk(std::shared_ptr<const TokenDocuments> documents, int64_t context_length,
                     int64_t max_rows)
    : documents_(std::move(documents)), context_length_(context_length), max_rows_(max_rows) {
  require(context_length > 0 && context_length <= max_rows,
          "validation data: expected a context of 1 to {} tokens, the rows of a batch, found {}",
          max_rows, context_length);
}

std::optional<PackedBatch> TokenWalk::next() {
  auto batch = empty_batch(max_rows_);
  while (document_ < documents_->size()) {
    const auto document = documents_->at(document_);
    const auto num_rows = std::min(std::ssize(document) - num_given_, context_length_);
    if (rows_in(batch) + num_rows > max_rows_) break;
    append_sequence(batch, document, num_given_, num_rows);
    batch.documents.push_back(document_);
    batch.num_documents += num_given_ == 0 ? 1 : 0;
    num_given_ += num_rows;
    if (num_given_ < std::ssize(document)) continue;
    ++document_;
    num_given_ = 0;
  }
  if (batch.tokens_N.empty()) return std::nullopt;
  return batch;
}

void TokenWalk::rewind() { document_ = num_given_ = 0; }

}  // namespace hylo::models
