#include "models/distill/preference.h"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/empty.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <numeric>

#include "harness/base/error.h"
#include "kernels/ops/cross_entropy.h"
#include "models/distill/packed_rows.h"

namespace hylo::models {
namespace {

/// log(1 / (1 + exp(-x))), which overflows nowhere.
double log_sigmoid(double x) {
  return x < 0 ? x - std::log1p(std::exp(x)) : -std::log1p(std::exp(-x));
}

double sigmoid(double x) { return std::exp(log_sigmoid(x)); }

TrainingRows rows_of(const PackedBatch& batch) {
  return {
      .tokens_N = batch.tokens_N, .labels_N = batch.labels_N, .sequence_rows = batch.sequence_rows};
}

/// Told the number of the first pair, the pairs, and two likelihoods for each.
using OnPairs = std::function<void(int64_t, const PackedBatch&, std::span<const double>)>;

void for_each_call(const Decoder& model, const TokenDocuments& pairs, const PairLimits& limits,
                   int64_t max_rows, const OnPairs& on_pairs) {
  const at::NoGradGuard no_grad;
  PackedBatch batch;
  const auto run = [&](int64_t end) {
    if (batch.pairs.empty()) return;
    const auto rows = rows_of(batch);
    const auto out = model.forward(rows.tokens_N, packed_batch(rows.sequence_rows));
    on_pairs(end - std::ssize(batch.pairs), batch, log_likelihoods(model, out.normed_ND, rows));
    batch = {};
  };
  for (int64_t i = 0; i < pairs.size(); ++i) {
    const auto pair = pair_of(pairs.at(i), limits);
    if (std::ssize(batch.tokens_N) + pair.num_rows() > max_rows) run(i);
    append_pair(batch, pair, {});
  }
  run(pairs.size());
}

}  // namespace

PairLoss pair_loss(const Prefer& objective, double margin) {
  const double x = objective.beta * margin, e = objective.label_smoothing;
  return {.loss = -(1 - e) * log_sigmoid(x) - e * log_sigmoid(-x),
          .slope = objective.beta * (e * sigmoid(x) - (1 - e) * sigmoid(-x))};
}

double margin_of(std::span<const double, 2> model, std::span<const double, 2> reference) {
  return (model[0] - reference[0]) - (model[1] - reference[1]);
}

std::vector<double> log_likelihoods(const Decoder& model, const at::Tensor& normed_ND,
                                    const TrainingRows& rows) {
  const at::NoGradGuard no_grad;
  const auto losses =
      kernels::cross_entropy({last_projection(model, normed_ND.detach()), labels_of(rows)});
  const auto* loss = losses.of_each_N.const_data_ptr<double>();
  std::vector<double> sums;
  for (const auto count : rows.sequence_rows) {
    sums.push_back(-std::accumulate(loss, loss + count, 0.0));
    loss += count;
  }
  return sums;
}

at::Tensor reference_likelihoods(const Decoder& reference, const TokenDocuments& pairs,
                                 const PairLimits& limits, int64_t max_rows) {
  auto all_P2 = at::empty({pairs.size(), 2}, at::TensorOptions().dtype(at::kDouble));
  auto* values = all_P2.mutable_data_ptr<double>();
  for_each_call(reference, pairs, limits, max_rows,
                [&](int64_t first, const PackedBatch&, std::span<const double> likelihoods) {
                  std::ranges::copy(likelihoods, values + 2 * first);
                });
  return all_P2;
}

PreferenceScore score_preferences(const Decoder& model, const Prefer& objective,
                                  const TokenDocuments& pairs, const at::Tensor& reference_P2,
                                  int64_t context_length, int64_t max_rows) {
  PreferenceScore score;
  const auto* reference = reference_P2.const_data_ptr<double>();
  for_each_call(model, pairs, {context_length, objective.max_prompt_tokens}, max_rows,
                [&](int64_t first, const PackedBatch& batch, std::span<const double> likelihoods) {
                  score.num_labels += batch.num_labels;
                  for (size_t i = 0; i < likelihoods.size(); i += 2) {
                    const double margin =
                        margin_of(likelihoods.subspan(i).first<2>(),
                                  std::span<const double, 2>(reference + 2 * first + i, 2));
                    score.loss += pair_loss(objective, margin).loss;
                    score.margin += margin;
                    score.accuracy += margin > 0 ? 1 : 0;
                    ++score.num_pairs;
                  }
                });
  invariant(score.num_pairs > 0, "no pair is held out");
  for (auto* sum : {&score.loss, &score.margin, &score.accuracy}) {
    *sum /= static_cast<double>(score.num_pairs);
  }
  return score;
}

}  // namespace hylo::models
