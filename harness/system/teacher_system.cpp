#include "harness/system/teacher_system.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "harness/base/error.h"
#include "harness/system/encoding.h"

namespace hylo::harness {
namespace {

/// Equal files, or the same text for every id where one vocabulary is stored in two ways.
bool have_one_vocabulary(const models::Tokenizer& a, const models::Tokenizer& b) {
  if (a.info().sha256 == b.info().sha256) return true;
  if (a.info().vocabulary_size != b.info().vocabulary_size) return false;
  const auto text_of = [](const models::Tokenizer& tokenizer, int32_t id) {
    try {
      return std::optional<std::string>(tokenizer.text_of(id).bytes);
    } catch (const Error&) {
      return std::optional<std::string>();  // a gap in the ids
    }
  };
  for (int32_t id = 0; id < a.info().vocabulary_size; ++id) {
    if (text_of(a, id) != text_of(b, id)) return false;
  }
  return true;
}

void check_pair(const DecoderSystem& student, const DecoderSystem& teacher) {
  const auto& s = student.tokenizer().info();
  const auto& t = teacher.tokenizer().info();
  require(have_one_vocabulary(student.tokenizer(), teacher.tokenizer()),
          "the student {} and the teacher {} have different tokenizers ({} with {} tokens, sha256 "
          "{:.12}; {} with {} tokens, sha256 {:.12}); they can only be compared token by token, or "
          "with one --tokenizer for both",
          student.info().name, teacher.info().name, s.kind, s.vocabulary_size, s.sha256, t.kind,
          t.vocabulary_size, t.sha256);
  require(
      student.checkpoint().config.vocabulary_size == teacher.checkpoint().config.vocabulary_size,
      "the student {} predicts {} tokens, the teacher {} {}; distributions can only be "
      "compared over one vocabulary",
      student.info().name, student.checkpoint().config.vocabulary_size, teacher.info().name,
      teacher.checkpoint().config.vocabulary_size);
}

/// One vocabulary may be put together by other merges.
void require_same_tokens(const std::vector<int32_t>& student, const std::vector<int32_t>& teacher) {
  const auto place = std::ranges::mismatch(student, teacher);
  require(place.in1 == student.end() && place.in2 == teacher.end(),
          "the tokenizers of student and teacher read this text as different tokens, from token {} "
          "on ({} tokens and {}); name one --tokenizer for both",
          place.in1 - student.begin(), student.size(), teacher.size());
}

std::string shape_text(const models::ModelConfig& config) {
  return fmt::format("{} layers of width {}", config.layers.size(), config.width);
}

}  // namespace

/// A text as both models read it.
struct TeacherSystem::Text {
  std::vector<int32_t> ids;
  std::vector<Window> windows;

  [[nodiscard]] int64_t num_rows() const {
    int64_t rows = 0;
    for (const auto& window : windows) rows += std::ssize(window.tokens) - 1;
    return rows;
  }
};

TeacherSystem::TeacherSystem(std::unique_ptr<DecoderSystem> student,
                             std::unique_ptr<DecoderSystem> teacher)
    : student_((check_pair(*student, *teacher), std::move(student))),
      teacher_(std::move(teacher)),
      meter_(teacher_->decoder(), student_->decoder(), student_->engine().options()),
      info_(student_->info()) {
  const auto& ours = student_->checkpoint().config;
  const auto& theirs = teacher_->checkpoint().config;
  info_.identity["teacher"] = teacher_->info().identity;
  info_.description["teacher"] = {{"name", teacher_->info().name}};
  info_.description["teacher"].update(teacher_->info().description);
  if (!models::has_comparable_layers(theirs, ours)) {
    notes_.push_back(fmt::format(
        "no cosines of hidden states: the student has {}, the teacher {}; they can be compared "
        "only where both are equal",
        shape_text(ours), shape_text(theirs)));
    info_.description["teacher"]["not_compared"] = notes_.back();
  }
}

TeacherSystem::Text TeacherSystem::encode(const tasks::AgreeOnText& request) const {
  require(request.window_tokens > 0, "windows of {} tokens: expected 1 or more",
          request.window_tokens);
  const auto& tokenizer = student_->tokenizer();
  const auto length =
      std::min({request.window_tokens, student_->info().max_length, teacher_->info().max_length});
  auto ids = encode_text(tokenizer, request.text, length).ids;
  if (tokenizer.info().sha256 != teacher_->tokenizer().info().sha256) {
    require_same_tokens(ids, encode_text(teacher_->tokenizer(), request.text, length).ids);
    require(prefix_token(tokenizer) == prefix_token(teacher_->tokenizer()),
            "the tokenizers of student and teacher put different tokens in front of a text ({} and "
            "{}); name one --tokenizer for both",
            prefix_token(tokenizer), prefix_token(teacher_->tokenizer()));
  }
  auto windows = rolling_windows(ids, prefix_token(tokenizer), length);
  return {std::move(ids), std::move(windows)};
}

std::vector<RequestCost> TeacherSystem::plan(std::span<const tasks::Request> requests) const {
  auto costs = student_->plan(requests);
  for (size_t i = 0; i < requests.size(); ++i) {
    const auto* request = std::get_if<tasks::AgreeOnText>(&requests[i]);
    if (!request) continue;
    try {
      const int64_t rows = 2 * encode(*request).num_rows();
      costs[i] = {.rows = rows, .rows_unshared = rows};
    } catch (const Error&) {
      // What cannot be encoded costs nothing; answer() says why it failed.
    }
  }
  return costs;
}

std::optional<double> TeacherSystem::expected_seconds(const RequestCost& total) {
  const auto student = student_->expected_seconds(total);
  const auto teacher = teacher_->expected_seconds(total);
  if (!student || !teacher) return std::nullopt;
  return (*student + *teacher) / 2;
}

void TeacherSystem::answer(std::span<const tasks::Request> requests,
                           const std::function<void(size_t, tasks::Response)>& on_response) {
  std::vector<tasks::Request> others;
  std::vector<size_t> places;
  for (size_t i = 0; i < requests.size(); ++i) {
    if (const auto* request = std::get_if<tasks::AgreeOnText>(&requests[i])) {
      on_response(i, compare(*request));
    } else {
      others.push_back(requests[i]);
      places.push_back(i);
    }
  }
  student_->answer(others, [&](size_t i, tasks::Response response) {
    on_response(places[i], std::move(response));
  });
}

tasks::Response TeacherSystem::compare(const tasks::AgreeOnText& request) {
  try {
    auto text = encode(request);
    models::Agreement sum;
    for (const auto& [tokens, num_scored] : text.windows) sum += meter_.measure(tokens, num_scored);
    if (std::isnan(sum.student_log_likelihood)) {
      return tasks::Failed{"student: " + student_->why_not_a_number()};
    }
    if (std::isnan(sum.teacher_log_likelihood)) {
      return tasks::Failed{"teacher: " + teacher_->why_not_a_number()};
    }
    if (std::isnan(sum.kl_nats)) return tasks::Failed{"KL is not a number: infinite logits"};
    return tasks::TextAgreement{.num_tokens = sum.num_tokens,
                                .kl_nats = sum.kl_nats,
                                .num_same_top = sum.num_same_top,
                                .teacher_log_likelihood = sum.teacher_log_likelihood,
                                .student_log_likelihood = sum.student_log_likelihood,
                                .layer_cosines = std::move(sum.layer_cosines),
                                .token_ids = std::move(text.ids)};
  } catch (const Error& error) {
    return tasks::Failed{error.what()};
  }
}

}  // namespace hylo::harness
