#include "tasks/signals/loss_by_position.h"

#include <algorithm>
#include <bit>
#include <utility>

#include "harness/base/error.h"

namespace hylo::tasks {
namespace {

/// The width of the first bucket. All bounds are multiples of it, so sums over spans of so many
/// tokens are enough to fill every bucket.
constexpr int64_t span_tokens = 128;
constexpr int64_t last_bound = int64_t{2} << 20;

/// A power of two in short: 128, 1K, 2M.
std::string in_short(int64_t bound) {
  if (bound >= int64_t{1} << 20) return fmt::format("{}M", bound >> 20);
  if (bound >= int64_t{1} << 10) return fmt::format("{}K", bound >> 10);
  return fmt::format("{}", bound);
}

std::vector<PositionBucket> all_buckets() {
  std::vector<PositionBucket> buckets;
  int64_t begin = 0;
  for (int64_t end = span_tokens; end <= last_bound; end *= 2) {
    buckets.push_back({fmt::format("loss_{}-{}", in_short(begin), in_short(end)), begin, end});
    begin = end;
  }
  buckets.push_back({fmt::format("loss_{}+", in_short(begin)), begin, 0});
  return buckets;
}

MetricInfo loss_metric(std::string name) {
  return {
      .name = std::move(name), .higher_is_better = false, .aggregation = Aggregation::WeightedMean};
}

std::vector<MetricInfo> metrics() {
  std::vector<MetricInfo> all{loss_metric("loss")};
  for (const auto& bucket : position_buckets()) all.push_back(loss_metric(bucket.metric));
  return all;
}

/// Index of the bucket of a position: 0 below 128, 1 below 256, and one more each time it doubles.
size_t bucket_of(int64_t position) {
  const auto doublings = std::bit_width(static_cast<uint64_t>(position / span_tokens));
  return std::min(static_cast<size_t>(doublings), position_buckets().size() - 1);
}

void add(MetricValue& metric, double nats, int64_t num_tokens) {
  metric.value = metric.value.value_or(0) + nats;
  metric.weight += static_cast<double>(num_tokens);
}

}  // namespace

std::span<const PositionBucket> position_buckets() {
  static const auto buckets = all_buckets();
  return buckets;
}

LossByPosition::LossByPosition()
    : info_{.name = "loss_by_position",
            .version = "1.0",
            .description =
                "nats per token of long texts, in buckets of the token's position; "
                "--text names other texts",
            .source = "hylo",
            .licence = "Apache-2.0",
            .dataset = "long_books",
            .split = "test",
            .fewshot_split = {},
            .metrics = metrics(),
            .text_field = "text"} {}

std::vector<Request> LossByPosition::requests(const Document& document,
                                              std::span<const Document* const> shots) const {
  require(shots.empty(), "{}: takes no worked examples, found {}", info_.name, shots.size());
  return {ScoreTokens{.text = document.fields.at(info_.text_field).get<std::string>(),
                      .span_tokens = span_tokens}};
}

Score LossByPosition::score(const Document&, std::span<const Response> responses) const {
  Score score = failed_score(info_);
  if (any_failed(responses)) return score;
  for (auto& metric : score) {
    metric.value = 0;
    metric.weight = 0;
  }
  const auto& answer = std::get<TokenScores>(responses.front());
  int64_t position = 0;
  for (const double log_likelihood : answer.span_log_likelihoods) {
    const int64_t num_tokens = std::min(span_tokens, answer.num_tokens - position);
    add(score.front(), -log_likelihood, num_tokens);
    add(score[1 + bucket_of(position)], -log_likelihood, num_tokens);
    position += num_tokens;
  }
  invariant(position == answer.num_tokens, "{} tokens in {} spans of {}", answer.num_tokens,
            answer.span_log_likelihoods.size(), span_tokens);
  return score;
}

}  // namespace hylo::tasks
