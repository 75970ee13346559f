// Two models that read the same tokens: how far apart are they, in what they predict and in what
// their layers hold.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "models/cache/cache.h"
#include "models/decoder/decoder.h"
#include "models/engine/engine.h"

namespace hylo::models {

/// Sums over the scored tokens, in float64.
struct Agreement {
  int64_t num_tokens = 0;
  double kl_nats = 0;        ///< KL(teacher || student); log-softmax in float32
  int64_t num_same_top = 0;  ///< both have the same arg max; the first index wins
  double teacher_log_likelihood = 0, student_log_likelihood = 0;
  /// Cosine of the residual streams after each layer, 0 where one of them is zero.
  std::vector<double> layer_cosines;

  Agreement& operator+=(const Agreement& more);
};

/// Whether the hidden states of two models can be held against each other: as many layers, of one
/// width.
bool has_comparable_layers(const ModelConfig& teacher, const ModelConfig& student);

class AgreementMeter {
 public:
  /// The decoders must outlive the meter. Throws Error when their vocabularies differ in size.
  AgreementMeter(const Decoder& teacher, const Decoder& student, const EngineOptions& options);

  /// Both models read `tokens`, and each of the last num_scored is predicted from what comes before
  /// it. Memory: the caches of the tokens, the hidden states of at most 512 rows, a few pieces of
  /// logits of 64 MiB each.
  [[nodiscard]] Agreement measure(std::span<const int32_t> tokens, int64_t num_scored);

 private:
  struct Rows;
  [[nodiscard]] Rows read(std::span<const int32_t> tokens, SequenceCache& teacher,
                          SequenceCache& student) const;
  void add_logits(const Rows& rows, std::span<const int32_t> next, Agreement& sum) const;
  void add_cosines(const Rows& rows, Agreement& sum) const;
  [[nodiscard]] kernels::RowGroups row_groups() const;

  const Decoder& teacher_;
  const Decoder& student_;
  EngineOptions options_;
  bool compares_layers_;
  Cache teacher_cache_, student_cache_;
};

}  // namespace hylo::models
