#include "models/upcycle/placement_search.h"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/equal.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <functional>
#include <numeric>
#include <utility>

#include "harness/base/error.h"
#include "harness/base/hash.h"
#include "kernels/ops/kl_divergence.h"
#include "models/distill/packed_rows.h"
#include "models/upcycle/layer_selection.h"

namespace hylo::models {
namespace {

/// Rows of a call: enough for the products, few enough for the logits.
constexpr int64_t rows_of_a_call = 4096;

constexpr std::array<std::string_view, 3> method_names{"smart", "kl-greedy", "leave-one-out"};

void check_alike(const ModelConfig& a, const ModelConfig& b, const char* whose) {
  require(
      a.layers.size() == b.layers.size() && a.width == b.width &&
          a.vocabulary_size == b.vocabulary_size && a.tied_head == b.tied_head && a.norm == b.norm,
      "candidates: expected {} layers of width {} and {} tokens as the weaker student has, with "
      "its head and norms; {} has {} layers of width {} and {} tokens",
      a.layers.size(), a.width, a.vocabulary_size, whose, b.layers.size(), b.width,
      b.vocabulary_size);
}

/// Layers of several models can only be mixed where all of them read and write the same rows.
void check_same_tokens(const Decoder& teacher, const Decoder& candidate, const char* whose) {
  const auto scales = [](const ModelConfig& c) {
    return std::array{c.embedding_scale, c.residual_scale, c.logits_scale};
  };
  require(scales(teacher.config()) == scales(candidate.config()) &&
              at::equal(teacher.weights().embedding_WD, candidate.weights().embedding_WD) &&
              at::equal(teacher.head(), candidate.head()),
          "candidates: {} has another embedding or head than the teacher; it is of another base, "
          "or was trained beyond its layers: take one as the last stage of align_layers left it",
          whose);
}

class Search {
 public:
  Search(SearchMethod method, const SearchCandidates& candidates, const DivergenceMeter& meter,
         const std::function<void(const LayerScore&)>& on_score)
      : candidates_(candidates), meter_(meter), on_score_(on_score) {
    found_.method = method;
  }

  PlacementSearch smart(int64_t count) {
    const auto start = meter_.of(candidates_.weaker);
    found_.start = start.mean();
    found_.chosen = select_smart(round(0, {}, start).worth, count).layers;
    return std::move(found_);
  }

  PlacementSearch greedy(int64_t count) {
    auto best = meter_.of(candidates_.weaker);
    found_.start = best.mean();
    std::vector<int64_t> chosen;
    for (int64_t i = 0; i < count; ++i) {
      auto gained = round(i, chosen, best);
      chosen.push_back(gained.best_layer);
      best = std::move(gained.best);
    }
    found_.chosen = listed_layers(chosen, num_layers());
    return std::move(found_);
  }

  /// Layers that the teacher misses most.
  PlacementSearch leave_one_out(int64_t count) {
    const Divergence none{std::vector<double>(meter_.num_documents(), 0.0),
                          meter_.of(candidates_.teacher).rows};
    std::vector<int64_t> order;
    for (int64_t layer = 0; layer < num_layers(); ++layer) {
      const int64_t layers[] = {layer};
      const auto without =
          meter_.of(mixed_student(candidates_.teacher, candidates_.weaker, layers));
      note({.layer = layer, .divergence = without.mean()}, difference(without, none));
      order.push_back(layer);
    }
    std::ranges::stable_sort(order, std::greater(),
                             [&](int64_t layer) { return found_.scores[layer].score; });
    order.resize(count);
    found_.chosen = listed_layers(order, num_layers());
    return std::move(found_);
  }

 private:
  struct Round {
    std::vector<double> worth;  ///< by layer; of chosen ones minus infinity
    int64_t best_layer = 0;
    Divergence best;
  };

  [[nodiscard]] int64_t num_layers() const {
    return std::ssize(candidates_.weaker.config().layers);
  }

  void note(LayerScore score, const MeanWithError& worth) {
    score.score = worth.mean;
    score.standard_error = worth.standard_error;
    require(std::isfinite(score.score), "layer {}: its candidate has a divergence of {}",
            score.layer, score.divergence);
    found_.scores.push_back(score);
    if (on_score_) on_score_(score);
  }

  /// One more layer beside those chosen.
  Round round(int64_t number, const std::vector<int64_t>& chosen, const Divergence& before) {
    Round round{.worth = std::vector<double>(num_layers(), -INFINITY), .best = {}};
    for (int64_t layer = 0; layer < num_layers(); ++layer) {
      if (std::ranges::find(chosen, layer) != chosen.end()) continue;
      auto layers = chosen;
      layers.push_back(layer);
      auto with = meter_.of(mixed_student(candidates_.weaker, *candidates_.stronger, layers));
      const auto worth = difference(before, with);
      note({.layer = layer, .divergence = with.mean(), .round = number}, worth);
      round.worth[layer] = worth.mean;
      if (round.best.nats.empty() || worth.mean > round.worth[round.best_layer]) {
        round.best_layer = layer;
        round.best = std::move(with);
      }
    }
    return round;
  }

  const SearchCandidates& candidates_;
  const DivergenceMeter& meter_;
  const std::function<void(const LayerScore&)>& on_score_;
  PlacementSearch found_;
};

}  // namespace

double Divergence::mean() const {
  const auto rows_in_all = std::accumulate(rows.begin(), rows.end(), int64_t{0});
  return std::accumulate(nats.begin(), nats.end(), 0.0) / static_cast<double>(rows_in_all);
}

MeanWithError difference(const Divergence& a, const Divergence& b) {
  invariant(a.rows == b.rows, "divergences of other documents");
  const auto n = a.nats.size();
  double sum = 0, rows = 0;
  for (size_t i = 0; i < n; ++i) {
    sum += a.nats[i] - b.nats[i];
    rows += static_cast<double>(a.rows[i]);
  }
  const double mean = sum / rows;
  if (n < 2) return {mean, 0};
  double squares = 0;
  for (size_t i = 0; i < n; ++i) {
    const double off = a.nats[i] - b.nats[i] - mean * static_cast<double>(a.rows[i]);
    squares += off * off;
  }
  const auto count = static_cast<double>(n);
  return {mean, std::sqrt(squares * count / (count - 1)) / rows};
}

DivergenceMeter::DivergenceMeter(const Decoder& teacher, const TokenDocuments& documents,
                                 int64_t max_rows)
    : teacher_(teacher) {
  require(documents.size() > 0, "placement search: no document to measure on");
  require(max_rows >= 1, "placement search: expected 1 or more tokens of a document, found {}",
          max_rows);
  const at::NoGradGuard no_grad;
  PackedBatch batch;
  const auto close = [&] {
    auto normed_ND = teacher.forward(batch.tokens_N, packed_batch(batch.sequence_rows)).normed_ND;
    calls_.push_back({std::exchange(batch, {}), std::move(normed_ND)});
  };
  for (int64_t i = 0; i < documents.size(); ++i) {
    const auto document = documents.at(i);
    const auto count = std::min<int64_t>(max_rows, std::ssize(document));
    if (!batch.tokens_N.empty() && std::ssize(batch.tokens_N) + count > rows_of_a_call) close();
    for (const auto& token : document.first(static_cast<size_t>(count))) {
      batch.tokens_N.push_back(token.id());
    }
    batch.sequence_rows.push_back(count);
  }
  close();
}

Divergence DivergenceMeter::of(const Decoder& candidate) const {
  const at::NoGradGuard no_grad;
  Divergence found;
  for (const auto& [batch, theirs_ND] : calls_) {
    const auto out = candidate.forward(batch.tokens_N, packed_batch(batch.sequence_rows));
    const auto losses =
        kernels::kl_divergence({.student = last_projection(candidate, out.normed_ND),
                                .teacher = last_projection(teacher_, theirs_ND),
                                .mask_N = {}});
    const auto* nats = losses.of_each_N.const_data_ptr<double>();
    for (const auto rows : batch.sequence_rows) {
      found.nats.push_back(std::accumulate(nats, nats + rows, 0.0));
      found.rows.push_back(rows);
      nats += rows;
    }
  }
  return found;
}

int64_t DivergenceMeter::num_documents() const {
  int64_t count = 0;
  for (const auto& call : calls_) count += std::ssize(call.rows.sequence_rows);
  return count;
}

int64_t DivergenceMeter::num_rows() const {
  int64_t count = 0;
  for (const auto& call : calls_) count += std::ssize(call.rows.tokens_N);
  return count;
}

std::string DivergenceMeter::sha256() const {
  Sha256 hash;
  const auto add = [&](const auto& numbers) {
    hash.update(std::string_view(reinterpret_cast<const char*>(numbers.data()),
                                 numbers.size() * sizeof(numbers.front())));
  };
  for (const auto& call : calls_) {
    add(call.rows.tokens_N);
    add(call.rows.sequence_rows);
  }
  return hash.hex();
}

Decoder mixed_student(const Decoder& below, const Decoder& above, std::span<const int64_t> layers) {
  auto config = below.config();
  auto weights = below.weights();
  check_alike(config, above.config(), "the other");
  for (const auto layer : layers) {
    const auto i = static_cast<size_t>(layer);
    config.layers.at(i) = above.config().layers[i];
    weights.layers[i] = above.weights().layers[i];
    // Alignment trains the final norm together with the layer before it.
    if (i + 1 == config.layers.size()) weights.final_norm_D = above.weights().final_norm_D;
  }
  return {std::move(config), std::move(weights)};
}

std::optional<SearchMethod> search_method_named(std::string_view name) {
  const auto found = std::ranges::find(method_names, name);
  if (found == method_names.end()) return std::nullopt;
  return static_cast<SearchMethod>(found - method_names.begin());
}

std::string_view name_of(SearchMethod method) { return method_names[static_cast<size_t>(method)]; }

PlacementSearch search_placement(SearchMethod method, const SearchCandidates& candidates,
                                 const DivergenceMeter& meter, int64_t count,
                                 const std::function<void(const LayerScore&)>& on_score) {
  const auto num_layers = std::ssize(candidates.weaker.config().layers);
  require(count >= 1 && count <= num_layers, "layers to select: expected 1 to {}, found {}",
          num_layers, count);
  check_alike(candidates.weaker.config(), candidates.teacher.config(), "the teacher");
  check_same_tokens(candidates.teacher, candidates.weaker, "the weaker student");
  if (candidates.stronger) {
    check_alike(candidates.weaker.config(), candidates.stronger->config(), "the stronger student");
    check_same_tokens(candidates.teacher, *candidates.stronger, "the stronger student");
  }
  require(candidates.stronger || method == SearchMethod::LeaveOneOut,
          "{}: expected a student of the stronger kind too", name_of(method));
  Search search(method, candidates, meter, on_score);
  if (method == SearchMethod::Smart) return search.smart(count);
  if (method == SearchMethod::KlGreedy) return search.greedy(count);
  return search.leave_one_out(count);
}

}  // namespace hylo::models
