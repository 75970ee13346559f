#include "models/engine/agreement.h"

#include <ATen/ops/argmax.h>
#include <ATen/ops/clamp_min.h>
#include <ATen/ops/eq.h>
#include <ATen/ops/log_softmax.h>
#include <ATen/ops/mul.h>
#include <ATen/ops/sqrt.h>
#include <ATen/ops/sum.h>
#include <c10/core/InferenceMode.h>

#include <algorithm>
#include <limits>

#include "harness/base/error.h"
#include "kernels/ops/log_likelihood.h"

namespace hylo::models {
namespace {

/// Rows of one call of each model; hidden states of all layers are held for so many.
constexpr int64_t max_rows = 512;
/// Elements of one piece of logits: 64 MiB of float32.
constexpr int64_t max_logits = int64_t{1} << 24;

int64_t rows_of_a_piece(int64_t vocabulary_size) {
  constexpr int64_t group = kernels::rows_of_a_group;
  return std::max(group, max_logits / vocabulary_size / group * group);
}

Cache cache_of(const Decoder& decoder) {
  // Only address space until it is used.
  const int64_t max_tokens = std::max<int64_t>(decoder.config().max_positions, 4096);
  return {decoder.config(),
          {.type = decoder.type(), .page_tokens = 64, .max_tokens = 2 * max_tokens}};
}

at::Tensor log_probs(const at::Tensor& logits_MW) {
  const auto type = logits_MW.scalar_type() == at::kDouble ? at::kDouble : at::kFloat;
  return at::log_softmax(logits_MW, -1, type);
}

double sum_of_kl(const at::Tensor& teacher_MW, const at::Tensor& student_MW) {
  auto log_p_MW = log_probs(teacher_MW);
  auto log_ratio_MW = log_probs(student_MW).neg_().add_(log_p_MW);
  return at::sum(log_p_MW.exp_().mul_(log_ratio_MW), at::kDouble).item<double>();
}

int64_t count_same_top(const at::Tensor& teacher_MW, const at::Tensor& student_MW) {
  return at::sum(at::eq(at::argmax(teacher_MW, -1), at::argmax(student_MW, -1))).item<int64_t>();
}

double log_likelihood(const at::Tensor& logits_MW, std::span<const int32_t> next) {
  std::vector<kernels::Target> targets;
  for (const int32_t token : next) targets.push_back({std::ssize(targets), token});
  double sum = 0;
  for (const auto& [log_prob, is_greedy] : kernels::log_likelihoods(logits_MW, targets)) {
    sum += log_prob;
  }
  return sum;
}

double sum_of_cosines(const at::Tensor& a_ND, const at::Tensor& b_ND) {
  const auto a = a_ND.to(at::kDouble);
  const auto b = b_ND.to(at::kDouble);
  const auto squares_N = at::mul(at::sum(at::mul(a, a), -1), at::sum(at::mul(b, b), -1));
  const auto lengths_N =
      at::clamp_min(at::sqrt(squares_N), std::numeric_limits<double>::min());  // 0 / 0 is 0
  return at::sum(at::sum(at::mul(a, b), -1).div_(lengths_N)).item<double>();
}

}  // namespace

/// What both models give for the same rows.
struct AgreementMeter::Rows {
  ForwardOut teacher, student;

  /// Without the first `num` rows.
  void drop(int64_t num) {
    for (auto* out : {&teacher, &student}) {
      const auto cut = [&](at::Tensor& x_ND) {
        if (x_ND.defined()) x_ND = x_ND.narrow(0, num, x_ND.size(0) - num);
      };
      cut(out->normed_ND);
      cut(out->last_hidden_ND);
      std::ranges::for_each(out->hidden_ND, cut);
    }
  }
};

Agreement& Agreement::operator+=(const Agreement& more) {
  num_tokens += more.num_tokens;
  kl_nats += more.kl_nats;
  num_same_top += more.num_same_top;
  teacher_log_likelihood += more.teacher_log_likelihood;
  student_log_likelihood += more.student_log_likelihood;
  layer_cosines.resize(std::max(layer_cosines.size(), more.layer_cosines.size()));
  for (size_t i = 0; i < more.layer_cosines.size(); ++i) layer_cosines[i] += more.layer_cosines[i];
  return *this;
}

bool has_comparable_layers(const ModelConfig& teacher, const ModelConfig& student) {
  return teacher.layers.size() == student.layers.size() && teacher.width == student.width;
}

AgreementMeter::AgreementMeter(const Decoder& teacher, const Decoder& student,
                               const EngineOptions& options)
    : teacher_(teacher),
      student_(student),
      options_(options),
      compares_layers_(has_comparable_layers(teacher.config(), student.config())),
      teacher_cache_(cache_of(teacher)),
      student_cache_(cache_of(student)) {
  require(teacher.config().vocabulary_size == student.config().vocabulary_size,
          "teacher and student predict {} and {} tokens; distributions can only be compared over "
          "the same vocabulary",
          teacher.config().vocabulary_size, student.config().vocabulary_size);
}

kernels::RowGroups AgreementMeter::row_groups() const {
  return options_.mode == NumericMode::Exact ? kernels::RowGroups::Fixed : kernels::RowGroups::Free;
}

Agreement AgreementMeter::measure(std::span<const int32_t> tokens, int64_t num_scored) {
  const auto num_rows = std::ssize(tokens) - 1;
  require(num_scored >= 1 && num_scored <= num_rows,
          "agreement: {} of {} tokens are to be scored; at least one must be, and one must come "
          "before",
          num_scored, tokens.size());
  const c10::InferenceMode no_gradients;
  const bool whole =
      depends_on_call_length(teacher_.config()) || depends_on_call_length(student_.config());
  const int64_t rows_of_a_call = whole ? num_rows : std::min(max_rows, options_.max_rows);
  auto teacher_cache = teacher_cache_.new_sequence();
  auto student_cache = student_cache_.new_sequence();
  Agreement sum{.num_tokens = num_scored, .layer_cosines = {}};
  if (compares_layers_) sum.layer_cosines.resize(teacher_.config().layers.size());
  for (int64_t begin = 0; begin < num_rows; begin += rows_of_a_call) {
    const int64_t end = std::min(begin + rows_of_a_call, num_rows);
    auto rows = read(tokens.subspan(begin, end - begin), teacher_cache, student_cache);
    const int64_t first = std::max(begin, num_rows - num_scored);
    if (first >= end) continue;
    rows.drop(first - begin);
    add_cosines(rows, sum);
    add_logits(rows, tokens.subspan(first + 1, end - first), sum);
  }
  return sum;
}

AgreementMeter::Rows AgreementMeter::read(std::span<const int32_t> tokens, SequenceCache& teacher,
                                          SequenceCache& student) const {
  const ForwardOptions how{
      .groups = row_groups(), .rotary = options_.rotary, .keep_hidden = compares_layers_};
  const auto num_rows = std::ssize(tokens);
  return {.teacher = teacher_.forward(tokens, {{{&teacher, num_rows}}}, how),
          .student = student_.forward(tokens, {{{&student, num_rows}}}, how)};
}

/// Logits of a few rows at a time, so that a wide vocabulary does not fill the memory.
void AgreementMeter::add_logits(const Rows& rows, std::span<const int32_t> next,
                                Agreement& sum) const {
  const int64_t piece = rows_of_a_piece(teacher_.config().vocabulary_size);
  for (int64_t begin = 0; begin < std::ssize(next); begin += piece) {
    const int64_t n = std::min(piece, std::ssize(next) - begin);
    const auto logits = [&](const Decoder& decoder, const ForwardOut& out) {
      return decoder.logits(out.normed_ND.narrow(0, begin, n), row_groups());
    };
    const auto teacher_MW = logits(teacher_, rows.teacher);
    const auto student_MW = logits(student_, rows.student);
    sum.kl_nats += sum_of_kl(teacher_MW, student_MW);
    sum.num_same_top += count_same_top(teacher_MW, student_MW);
    sum.teacher_log_likelihood += log_likelihood(teacher_MW, next.subspan(begin, n));
    sum.student_log_likelihood += log_likelihood(student_MW, next.subspan(begin, n));
  }
}

void AgreementMeter::add_cosines(const Rows& rows, Agreement& sum) const {
  if (!compares_layers_) return;
  const auto after_layer = [](const ForwardOut& out, size_t layer) {
    return layer + 1 < out.hidden_ND.size() ? out.hidden_ND[layer + 1] : out.last_hidden_ND;
  };
  for (size_t i = 0; i < sum.layer_cosines.size(); ++i) {
    sum.layer_cosines[i] +=
        sum_of_cosines(after_layer(rows.teacher, i), after_layer(rows.student, i));
  }
}

}  // namespace hylo::models
