#include "tasks/signals/teacher_agreement.h"

#include <string>
#include <utility>

#include "harness/base/error.h"

namespace hylo::tasks {
namespace {

MetricInfo mean_over_tokens(std::string name, bool higher_is_better) {
  return {.name = std::move(name),
          .higher_is_better = higher_is_better,
          .aggregation = Aggregation::WeightedMean};
}

std::vector<MetricInfo> metrics(int64_t num_layers) {
  std::vector<MetricInfo> all{mean_over_tokens("kl", false), mean_over_tokens("same_top", true),
                              mean_over_tokens("student_loss", false),
                              mean_over_tokens("teacher_loss", false)};
  for (int64_t i = 0; i < num_layers; ++i) {
    all.push_back(mean_over_tokens(fmt::format("cosine_layer_{}", i), true));
  }
  return all;
}

/// In the order of the metrics.
std::vector<double> sums_of(const TextAgreement& answer) {
  std::vector<double> sums{answer.kl_nats, static_cast<double>(answer.num_same_top),
                           -answer.student_log_likelihood, -answer.teacher_log_likelihood};
  sums.insert(sums.end(), answer.layer_cosines.begin(), answer.layer_cosines.end());
  return sums;
}

}  // namespace

TeacherAgreement::TeacherAgreement(const TaskSettings& settings)
    : info_{.name = "teacher_agreement",
            .version = "1.0",
            .description =
                "KL(teacher || student) in nats per token, share of tokens with the "
                "same first choice, both losses and a cosine per layer; needs "
                "--teacher, --text names other texts",
            .source = "hylo",
            .licence = "Apache-2.0",
            .dataset = "stories",
            .split = "test",
            .fewshot_split = {},
            .metrics = metrics(settings.num_compared_layers),
            .text_field = "story",
            .needs_teacher = true} {}

std::vector<Request> TeacherAgreement::requests(const Document& document,
                                                std::span<const Document* const> shots) const {
  require(shots.empty(), "{}: takes no worked examples, found {}", info_.name, shots.size());
  return {AgreeOnText{.text = document.fields.at(info_.text_field).get<std::string>()}};
}

Score TeacherAgreement::score(const Document&, std::span<const Response> responses) const {
  Score score = failed_score(info_);
  if (any_failed(responses)) return score;
  const auto& answer = std::get<TextAgreement>(responses.front());
  const auto sums = sums_of(answer);
  invariant(sums.size() == score.size(), "{} layers are compared, the task was made for {} metrics",
            answer.layer_cosines.size(), score.size());
  for (size_t i = 0; i < sums.size(); ++i) {
    score[i].value = sums[i];
    score[i].weight = static_cast<double>(answer.num_tokens);
  }
  return score;
}

}  // namespace hylo::tasks
