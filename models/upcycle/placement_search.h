// Which layers need the stronger mixer, measured: how far candidates are from the teacher.
// Sources: SMART: Zebra-Llama (arXiv 2505.17272), known from descriptions; KL-guided selection:
// arXiv 2512.20569, without the short training of every candidate.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "models/decoder/decoder.h"
#include "models/distill/token_stream.h"

namespace hylo::models {

/// Forward divergence of next tokens from a teacher's, document by document.
struct Divergence {
  std::vector<double> nats;  ///< of each document, summed over its rows
  std::vector<int64_t> rows;
  [[nodiscard]] double mean() const;  ///< nats a row
};

struct MeanWithError {
  double mean = 0;
  double standard_error = 0;  ///< over documents, of a ratio of sums; 0 with one document
};
/// Of a - b, on the same documents: paired.
MeanWithError difference(const Divergence& a, const Divergence& b);

/// Documents and what a teacher says of them.
class DivergenceMeter {
 public:
  /// Every document from its beginning, cut off behind `max_rows`. Keeps the teacher's last hidden
  /// states. `teacher` outlives the meter. Throws Error when there are no documents.
  DivergenceMeter(const Decoder& teacher, const TokenDocuments& documents, int64_t max_rows);

  [[nodiscard]] Divergence of(const Decoder& candidate) const;
  [[nodiscard]] int64_t num_documents() const;
  [[nodiscard]] int64_t num_rows() const;
  /// Over the ids that are read.
  [[nodiscard]] std::string sha256() const;

 private:
  struct Call {
    PackedBatch rows;
    at::Tensor normed_ND;
  };
  const Decoder& teacher_;
  std::vector<Call> calls_;
};

/// `below` with these layers of `above`, of which the final norm comes too where it has the last
/// layer. The two differ in their layers only; tensors are shared.
Decoder mixed_student(const Decoder& below, const Decoder& above, std::span<const int64_t> layers);

enum class SearchMethod {
  Smart,        ///< what each layer alone gains in the student without any; the rule of gaps
  KlGreedy,     ///< the layer that gains most, then the one that gains most beside it, ...
  LeaveOneOut,  ///< what each layer alone costs the teacher when it is the weaker one
};
std::optional<SearchMethod> search_method_named(std::string_view name);
std::string_view name_of(SearchMethod method);  ///< "smart", "kl-greedy", "leave-one-out"

struct SearchCandidates {
  const Decoder& teacher;
  const Decoder& weaker;    ///< every layer of the weaker kind
  const Decoder* stronger;  ///< every layer of the stronger kind; LeaveOneOut asks for none
};

struct LayerScore {
  int64_t layer = 0;
  double score = 0;  ///< nats a row that the stronger kind is worth here
  double standard_error = 0;
  double divergence = 0;  ///< of the candidate
  int64_t round = 0;      ///< KlGreedy: how many layers had been chosen before; else 0
};

struct PlacementSearch {
  SearchMethod method = SearchMethod::Smart;
  double start = 0;  ///< divergence of the student without any; LeaveOneOut: 0
  std::vector<LayerScore> scores;
  std::vector<int64_t> chosen;  ///< rising
};

/// Measures 1 candidate a layer, KlGreedy as many in each of `count` rounds. `on_score` is told
/// each. Throws Error for a count outside of the model and candidates that do not fit each other.
PlacementSearch search_placement(SearchMethod method, const SearchCandidates& candidates,
                                 const DivergenceMeter& meter, int64_t count,
                                 const std::function<void(const LayerScore&)>& on_score = {});

}  // namespace hylo::models
