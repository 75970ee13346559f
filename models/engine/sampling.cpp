#include "models/engine/sampling.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "harness/base/error.h"

namespace hylo::models {
namespace {

struct Candidate {
  int32_t token;
  double logit;
  double probability = 0;
};

/// Source: Keskar et al. 2019 (arXiv 1909.05858), as transformers'
/// RepetitionPenaltyLogitsProcessor.
std::vector<float> penalised(std::span<const float> logits, std::span<const int32_t> seen,
                             double penalty) {
  std::vector<float> out(logits.begin(), logits.end());
  if (penalty == 1) return out;
  for (const int32_t token : seen) {
    const float logit = logits[token];
    out[token] = static_cast<float>(logit < 0 ? logit * penalty : logit / penalty);
  }
  return out;
}

int32_t arg_max(std::span<const float> logits) {
  size_t best = 0;
  for (size_t i = 0; i < logits.size(); ++i) {
    require(logits[i] < std::numeric_limits<float>::infinity(),
            "the logit of token {} is {}; `hylo inspect` tells whether the weights are finite", i,
            std::isnan(logits[i]) ? "NaN" : "infinite");
    if (logits[i] > logits[best]) best = i;
  }
  return static_cast<int32_t>(best);
}

/// Most likely first, ties by index; `top_k` of them, 0: all.
void keep_likeliest(std::vector<Candidate>& candidates, int64_t top_k) {
  const auto more_likely = [](const Candidate& a, const Candidate& b) {
    return a.logit != b.logit ? a.logit > b.logit : a.token < b.token;
  };
  const auto kept = top_k > 0 ? std::min<size_t>(top_k, candidates.size()) : candidates.size();
  std::partial_sort(candidates.begin(), candidates.begin() + static_cast<int64_t>(kept),
                    candidates.end(), more_likely);
  candidates.resize(kept);
}

/// Whether which tokens can be chosen depends on their order. Sorting a vocabulary costs more than
/// the forward pass of a small model.
bool needs_order(const SamplingOptions& options) {
  return options.top_k > 0 || options.top_p < 1 || options.min_p > 0;
}

/// Probabilities that sum to 1; where order is needed most likely first, ties by index.
std::vector<Candidate> candidates_of(std::span<const float> logits,
                                     const SamplingOptions& options) {
  const double best = *std::ranges::max_element(logits);
  std::vector<Candidate> candidates;
  candidates.reserve(logits.size());
  for (size_t i = 0; i < logits.size(); ++i) {
    // From the best, so that a tiny temperature gives 0 and -inf, never inf - inf.
    candidates.push_back({static_cast<int32_t>(i), (logits[i] - best) / options.temperature});
  }
  if (needs_order(options)) keep_likeliest(candidates, options.top_k);
  double total = 0;
  for (auto& c : candidates) total += c.probability = std::exp(c.logit);
  for (auto& c : candidates) c.probability /= total;
  return candidates;
}

/// How many of the ranked candidates stay; at least one.
size_t num_kept(const std::vector<Candidate>& candidates, const SamplingOptions& options) {
  size_t kept = 0;
  double mass = 0;
  while (kept < candidates.size()) {
    if (kept > 0 && candidates[kept].probability < options.min_p * candidates.front().probability)
      break;
    mass += candidates[kept++].probability;
    if (mass >= options.top_p) break;
  }
  return kept;
}

}  // namespace

void check(const SamplingOptions& o) {
  require(o.temperature >= 0 && std::isfinite(o.temperature),
          "temperature: expected 0 or more, found {}", o.temperature);
  require(o.top_k >= 0, "top_k: expected 0 (all) or more, found {}", o.top_k);
  require(o.top_p > 0 && o.top_p <= 1, "top_p: expected above 0 and at most 1, found {}", o.top_p);
  require(o.min_p >= 0 && o.min_p < 1, "min_p: expected from 0 to below 1, found {}", o.min_p);
  require(o.repetition_penalty > 0 && std::isfinite(o.repetition_penalty),
          "repetition_penalty: expected above 0, found {}", o.repetition_penalty);
}

int32_t choose_token(std::span<const float> logits_W, std::span<const int32_t> seen,
                     const SamplingOptions& options, CounterRandom& random) {
  const auto logits = penalised(logits_W, seen, options.repetition_penalty);
  const int32_t best = arg_max(logits);
  if (options.temperature == 0) return best;
  auto candidates = candidates_of(logits, options);
  if (needs_order(options)) candidates.resize(num_kept(candidates, options));
  double total = 0;
  for (const auto& c : candidates) total += c.probability;
  double left = random.uniform() * total;
  for (const auto& c : candidates) {
    left -= c.probability;
    if (left < 0) return c.token;
  }
  return candidates.back().token;
}

}  // namespace hylo::models
