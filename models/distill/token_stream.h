// Batches of tokens to train on: a mixture of sources, shuffled and packed, from an exact position.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "harness/base/json.h"
#include "models/distill/packed_batch.h"
#include "models/distill/preference_pair.h"
#include "models/distill/token_documents.h"

namespace hylo::models {

struct TokenSource {
  std::string name;
  std::shared_ptr<const TokenDocuments> documents;  ///< shared by the streams of several stages
  double weight = 1;  ///< its share of the rows is weight / sum of weights
};

struct TokenStreamOptions {
  int64_t context_length = 0;    ///< T: the most rows of a sequence
  int64_t tokens_per_batch = 0;  ///< N
  uint64_t seed = 0;
  std::optional<int64_t> num_epochs;  ///< each source is read so often; absent: without end
  /// Documents are cut every context_length tokens and nowhere else: a batch is full where the next
  /// piece has no room, and a token sees the same ones before it in every epoch.
  bool keeps_pieces = false;
  int64_t max_prompt_tokens = 0;  ///< of pairs, as PairLimits has it; 0: there are none
};

/// Every document of a source comes once an epoch, in an order drawn from (seed, source, epoch).
/// The next document comes from the source whose rows so far, divided by its weight, are fewest: at
/// any time a source's share of the rows is right to within the longest document.
///
/// Documents follow one another; one is cut into sequences of T rows and a rest, and where a batch
/// is full. No sequence holds rows of two documents.
///
/// Pairs are not divided: a batch holds as many as fit into its rows, each cut as pair_of says.
class TokenStream {
 public:
  /// Throws Error, naming the source, for a weight that is not positive, a source without documents
  /// or of another tokenizer, a name that occurs twice, pairs beside other documents or where no
  /// room is made for them, and for fewer rows than one batch.
  TokenStream(std::vector<TokenSource> sources, const TokenStreamOptions& options);

  /// Exactly tokens_per_batch rows; at most so many of pairs and of pieces that are kept. Nothing
  /// once every source was read num_epochs times; rows that do not fill a batch are not given.
  std::optional<PackedBatch> next();

  /// Where the stream stands and what it is made of. A stream of the same sources and options gives
  /// the same batches from there on, in any process.
  [[nodiscard]] Json position() const;
  /// Throws Error naming what differs (tokenizer, source, option) when the position is of another
  /// stream, and leaves this one where it was.
  void seek(const Json& position);

  [[nodiscard]] int64_t num_batches() const { return num_batches_; }  ///< given so far
  [[nodiscard]] int64_t rows_of(size_t source) const { return readings_[source].num_rows; }
  [[nodiscard]] int64_t epoch_of(size_t source) const { return readings_[source].epoch; }

 private:
  /// How far a source was read.
  struct Reading {
    int64_t epoch = 0;
    int64_t num_read = 0;         ///< documents of this epoch
    int64_t num_rows = 0;         ///< rows of all documents that were begun
    std::vector<uint32_t> order;  ///< of this epoch
  };
  /// The document that is being given: the latest of its source.
  struct OpenDocument {
    size_t source = 0;
    int64_t num_given = 0;
  };

  void check() const;
  [[nodiscard]] Json describe() const;
  [[nodiscard]] Reading reading_at(size_t source, const Json& place) const;
  [[nodiscard]] OpenDocument open_at(const std::vector<Reading>& readings, const Json& place) const;
  [[nodiscard]] bool is_read_out(size_t source) const;
  [[nodiscard]] std::optional<size_t> source_of_next_document() const;
  [[nodiscard]] std::span<const TrainingToken> latest_document(size_t source,
                                                               const Reading& reading) const;
  bool open_next_document();
  [[nodiscard]] bool holds_pairs() const { return options_.max_prompt_tokens > 0; }
  bool append_piece(PackedBatch& batch);
  bool append_open_pair(PackedBatch& batch);

  std::vector<TokenSource> sources_;
  TokenStreamOptions options_;
  Json description_;
  std::vector<Reading> readings_;
  std::optional<OpenDocument> open_;
  int64_t num_batches_ = 0;
};

/// Documents in their own order, cut into sequences of T rows and a rest: what a model is validated
/// on. Which rows share a batch changes no sequence.
class TokenWalk {
 public:
  /// Throws Error unless 0 < context_length <= max_rows.
  TokenWalk(std::shared_ptr<const TokenDocuments> documents, int64_t context_length,
            int64_t max_rows);

  /// At most max_rows rows, whole sequences only; nothing after the last.
  std::optional<PackedBatch> next();
  void rewind();

 private:
  std::shared_ptr<const TokenDocuments> documents_;
  int64_t context_length_, max_rows_;
  int64_t document_ = 0, num_given_ = 0;
};

}  // namespace hylo::models
