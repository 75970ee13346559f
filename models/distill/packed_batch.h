// Rows of tokens of one step, sequence by sequence.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "models/distill/token_documents.h"

namespace hylo::models {

/// A pair of a source: a document of two texts.
struct PairPlace {
  std::string source;
  int64_t document = 0;
  bool operator==(const PairPlace&) const = default;
};

/// Where the first row of a sequence stands among all tokens of a source.
struct SequencePlace {
  std::string source;
  int64_t token = 0;
  bool operator==(const SequencePlace&) const = default;
};

/// N rows of tokens, one sequence after another. A sequence is a piece of one document.
struct PackedBatch {
  std::vector<int32_t> tokens_N;
  std::vector<int64_t> labels_N;  ///< the document's next token, or kernels::no_label
  std::vector<int64_t> sequence_rows;
  std::vector<SequencePlace> places;  ///< of sequences, from streams that know them
  std::vector<int64_t> documents;     ///< of which sequences are pieces, from a TokenWalk
  int64_t num_documents = 0;          ///< that begin in it
  int64_t num_labels = 0;             ///< rows that count
  /// Where documents are pairs: sequences 2i and 2i + 1 are the chosen and the rejected of pair i.
  std::vector<PairPlace> pairs;
  int64_t num_cut_pairs = 0;  ///< of them, too long and cut
};

/// Rows [begin, begin + num_rows) of a text as a sequence of their own.
void append_sequence(PackedBatch& batch, std::span<const TrainingToken> text, int64_t begin,
                     int64_t num_rows);

}  // namespace hylo::models
