// Documents as token ids, in memory.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "datasets/training_text.h"
#include "harness/base/error.h"
#include "models/tokenizer/tokenizer.h"

namespace hylo::models {

/// An id, whether a model learns to predict it, and whether the second text of a pair begins with
/// it, in 4 bytes.
class TrainingToken {
 public:
  static constexpr int32_t max_id = (1 << 24) - 1;

  /// Throws Error for an id below 0 or above max_id.
  TrainingToken(int32_t id, bool is_trained)
      : bits_(static_cast<uint32_t>(id) | (is_trained ? trained_bit : 0)) {
    require(id >= 0 && id <= max_id, "a token to train on: expected an id from 0 to {}, found {}",
            max_id, id);
  }
  static TrainingToken of_bits(uint32_t bits) {
    TrainingToken token(static_cast<int32_t>(bits & ~marks), (bits & trained_bit) != 0);
    token.bits_ = bits;
    return token;
  }
  [[nodiscard]] int32_t id() const { return static_cast<int32_t>(bits_ & ~marks); }
  [[nodiscard]] bool is_trained() const { return (bits_ & trained_bit) != 0; }
  [[nodiscard]] bool begins_rejected() const { return (bits_ & rejected_bit) != 0; }
  [[nodiscard]] TrainingToken beginning_rejected() const { return of_bits(bits_ | rejected_bit); }
  [[nodiscard]] uint32_t bits() const { return bits_; }
  bool operator==(const TrainingToken&) const = default;

 private:
  static constexpr uint32_t trained_bit = uint32_t{1} << 31, rejected_bit = uint32_t{1} << 30;
  static constexpr uint32_t marks = trained_bit | rejected_bit;
  uint32_t bits_;
};

/// 4 bytes a token and 8 a document. A source of any origin: texts (tokenized below), or ids that a
/// teacher sampled.
class TokenDocuments {
 public:
  /// `tokenizer_sha256` says whose ids they are (TokenizerInfo::sha256).
  explicit TokenDocuments(std::string tokenizer_sha256);

  /// A document in which no token after the first is trained teaches nothing: it is left out and
  /// counted.
  void add(std::span<const TrainingToken> tokens);
  /// Every token is trained.
  void add(std::span<const int32_t> ids);
  /// A document of two texts, the better one first: for preferences. Both must teach something.
  /// Throws std::logic_error where other documents are no pairs.
  void add_pair(std::span<const TrainingToken> chosen, std::span<const TrainingToken> rejected);
  [[nodiscard]] bool holds_pairs() const { return holds_pairs_; }

  [[nodiscard]] int64_t size() const { return static_cast<int64_t>(ends_.size()); }
  [[nodiscard]] int64_t num_tokens() const { return static_cast<int64_t>(tokens_.size()); }
  [[nodiscard]] int64_t num_without_labels() const { return num_without_labels_; }
  [[nodiscard]] std::span<const TrainingToken> at(int64_t document) const;
  /// Tokens of the documents before it.
  [[nodiscard]] int64_t first_token(int64_t document) const {
    return document == 0 ? 0 : ends_[static_cast<size_t>(document) - 1];
  }
  [[nodiscard]] const std::string& tokenizer_sha256() const { return tokenizer_sha256_; }
  /// Over ids, marks and lengths; walks over all of them.
  [[nodiscard]] std::string sha256() const;

 private:
  std::string tokenizer_sha256_;
  std::vector<TrainingToken> tokens_;
  std::vector<int64_t> ends_;
  int64_t num_without_labels_ = 0;
  bool holds_pairs_ = false;
};

/// Whether a special token stands at an end of every document.
enum class EndToken { AsTokenizer, Always, Never };

struct TokenizeOptions {
  EndToken bos = EndToken::AsTokenizer;
  EndToken eos = EndToken::Always;
};

/// The ids of a document are those of its whole text. Where its spans change from untrained to
/// trained or back, tokens belong to the earlier one as far as its text alone gives the same; a
/// token across the border thus belongs to the later span. BOS and EOS are not put where the text
/// has them itself; BOS is not trained, EOS is if the last span is. Pairs of preferences become
/// pairs. Runs on all threads; each change costs encoding the text before it once more. Throws
/// Error when the tokenizer lacks a token that is asked for, and for pairs among other texts.
TokenDocuments tokenized(std::span<const datasets::TrainingDocument> documents,
                         const Tokenizer& tokenizer, const TokenizeOptions& options = {});

}  // namespace hylo::models
