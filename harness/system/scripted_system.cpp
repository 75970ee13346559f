#include "harness/system/scripted_system.h"

#include <utility>

#include "harness/base/hash.h"
#include "harness/base/overloaded.h"
#include "harness/system/token_scores.h"

namespace hylo::harness {
namespace {

tasks::TokenScores score_bytes(const tasks::ScoreTokens& request) {
  std::vector<int32_t> ids;
  std::vector<double> log_likelihoods;
  for (const char c : request.text) {
    const auto byte = static_cast<unsigned char>(c);
    ids.push_back(byte);
    const bool is_read = request.max_tokens == 0 || std::ssize(ids) <= request.max_tokens;
    if (is_read) log_likelihoods.push_back(-(byte % 16 + 1) / 4.0);
  }
  return token_scores(std::move(ids), log_likelihoods, request.span_tokens);
}

tasks::Response answer_one(const tasks::Request& request) {
  return std::visit(overloaded{
                        [](const tasks::ScoreText& r) -> tasks::Response {
                          const uint32_t c = crc32(r.context + "\x1f" + r.continuation);
                          tasks::TextScore score;
                          score.log_likelihood = -static_cast<double>(c % 64 + 1) / 4;
                          score.is_greedy = (c >> 16 & 1U) != 0;
                          score.num_tokens = 1;
                          return score;
                        },
                        [](const tasks::ScoreRolling& r) -> tasks::Response {
                          tasks::TextScore score;
                          score.log_likelihood = -static_cast<double>(crc32(r.text) % 1000003) / 8;
                          score.num_tokens = 1;
                          score.window_log_likelihoods = {score.log_likelihood};
                          return score;
                        },
                        [](const tasks::ScoreTokens& r) -> tasks::Response {
                          check(r);
                          return score_bytes(r);
                        },
                        [](const tasks::AgreeOnText&) -> tasks::Response {
                          return tasks::Failed{"scripted:crc has no teacher to agree with"};
                        },
                        [](const tasks::GenerateText& r) -> tasks::Response {
                          tasks::GeneratedText text;
                          text.text = fmt::format("#### {}", crc32(r.prompt) % 1000);
                          text.finish_reason = tasks::FinishReason::Stop;
                          return text;
                        },
                    },
                    request);
}

}  // namespace

CrcSystem::CrcSystem()
    : info_{.name = "scripted:crc",
            .identity = {{"system", "scripted:crc"}},
            .description = {{"kind", "scripted"}},
            .numeric_mode = "exact",
            .dtype = "none"} {}

std::vector<RequestCost> CrcSystem::plan(std::span<const tasks::Request> requests) const {
  return std::vector<RequestCost>(requests.size(), {.rows = 1, .rows_unshared = 1});
}

std::optional<double> CrcSystem::expected_seconds(const RequestCost&) { return std::nullopt; }

void CrcSystem::answer(std::span<const tasks::Request> requests,
                       const std::function<void(size_t, tasks::Response)>& on_response) {
  for (size_t i = 0; i < requests.size(); ++i) on_response(i, answer_one(requests[i]));
}

}  // namespace hylo::harness
