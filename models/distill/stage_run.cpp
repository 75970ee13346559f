#include "models/distill/stage_run.h"

#include <ATen/ops/cat.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "harness/base/error.h"
#include "harness/base/json.h"

namespace hylo::models {

std::string reference_name(const std::string& source) { return "data." + source; }

namespace {

const at::Tensor& tensor_of(const NamedTensors& tensors, const std::string& name) {
  const auto found = std::ranges::find(tensors, name, [](const auto& t) { return t.first; });
  invariant(found != tensors.end(), "nothing is kept of '{}'", name);
  return found->second;
}

}  // namespace

std::vector<TrainingRows> passes_of(const PackedBatch& batch, int64_t max_rows) {
  std::vector<TrainingRows> passes;
  size_t first_sequence = 0, first_row = 0, rows = 0;
  const auto close = [&](size_t end) {
    passes.push_back(
        {std::span(batch.tokens_N).subspan(first_row, rows),
         std::span(batch.labels_N).subspan(first_row, rows),
         std::span(batch.sequence_rows).subspan(first_sequence, end - first_sequence)});
    first_sequence = end;
    first_row += rows;
    rows = 0;
  };
  const size_t at_once = batch.pairs.empty() ? 1 : 2;
  for (size_t i = 0; i < batch.sequence_rows.size(); i += at_once) {
    const auto first = batch.sequence_rows.begin() + static_cast<ptrdiff_t>(i);
    const auto count = std::accumulate(first, first + static_cast<ptrdiff_t>(at_once), size_t{0});
    if (rows > 0 && rows + count > static_cast<size_t>(max_rows)) close(i);
    rows += count;
  }
  if (rows > 0) close(batch.sequence_rows.size());
  return passes;
}

StageRun::StageRun(const Stage& stage, const Decoder* teacher, TrainedModel& student,
                   std::filesystem::path record_folder, KeptOfOthers kept)
    : stage_(stage),
      teacher_(teacher),
      student_(student),
      optimizer_(student.tensors(), stage.optimizer),
      record_folder_(std::move(record_folder)),
      kept_(std::move(kept)) {}

void StageRun::add_likeliest(TrainingRows& rows, std::span<const SequencePlace> places) const {
  if (kept_.likeliest.empty()) return;
  std::vector<at::Tensor> parts;
  for (size_t i = 0; i < rows.sequence_rows.size(); ++i) {
    const auto& [source, token] = places[i];
    parts.push_back(tensor_of(kept_.likeliest, source).narrow(0, token, rows.sequence_rows[i]));
  }
  rows.likeliest_N2k = at::cat(parts);
}

std::vector<double> StageRun::reference_of(const PackedBatch& batch) const {
  std::vector<double> likelihoods;
  for (const auto& [source, document] : batch.pairs) {
    const auto* pair =
        tensor_of(kept_.reference, reference_name(source)).const_data_ptr<double>() + 2 * document;
    likelihoods.insert(likelihoods.end(), pair, pair + 2);
  }
  return likelihoods;
}

StepReport StageRun::step(const PackedBatch& batch) {
  StepReport report{.step = next_step_,
                    .num_rows = static_cast<int64_t>(batch.tokens_N.size()),
                    .num_labels = batch.num_labels,
                    .learning_rate = stage_.learning_rate(next_step_),
                    .num_pairs = std::ssize(batch.pairs),
                    .num_cut_pairs = batch.num_cut_pairs};
  const PassOptions options{{.num_rows = report.num_rows,
                             .num_labels = report.num_labels,
                             .num_sequences = std::ssize(batch.sequence_rows),
                             .num_pairs = report.num_pairs},
                            stage_.recompute_layers,
                            stage_.router};
  const auto reference = reference_of(batch);
  size_t first_sequence = 0;
  student_.clear_gradients();
  for (auto& rows : passes_of(batch, stage_.tokens_per_pass)) {
    if (!reference.empty()) {
      rows.reference = std::span(reference).subspan(first_sequence, rows.sequence_rows.size());
    }
    if (!batch.places.empty()) {
      add_likeliest(rows, std::span(batch.places).subspan(first_sequence));
    }
    first_sequence += rows.sequence_rows.size();
    report.loss += add_gradients(stage_.objective, teacher_, student_.decoder(), rows, options);
    student_.collect_gradients();
  }
  const auto gradients = student_.gradients();
  report.gradient_norm = norm_of(gradients);
  check_finite(report, batch);
  if (stage_.max_gradient_norm > 0) {
    clip_gradients(gradients, report.gradient_norm, stage_.max_gradient_norm);
  }
  optimizer_.step(gradients, report.learning_rate);
  student_.clear_gradients();
  student_.publish();
  ++next_step_;
  return report;
}

/// JSON has no word for what is not finite: numbers that are not stand as text.
void StageRun::add_pairs(OrderedJson& record, const PackedBatch& batch) const {
  auto pairs = OrderedJson::array();
  for (const auto& [source, document] : batch.pairs) {
    pairs.push_back({{"source", source}, {"document", document}});
  }
  auto reference = OrderedJson::array();
  for (const double nats : reference_of(batch)) {
    reference.push_back(std::isfinite(nats) ? OrderedJson(nats)
                                            : OrderedJson(fmt::format("{}", nats)));
  }
  record["pairs"] = pairs;
  record["reference"] = reference;  // Of each sequence, in their order.
}

void StageRun::check_finite(const StepReport& report, const PackedBatch& batch) const {
  if (std::isfinite(report.loss.total) && std::isfinite(report.gradient_norm)) return;
  const auto file = record_folder_ / fmt::format("not-finite-{}-{}.json", stage_.name, report.step);
  auto recorded = fmt::format("the batch is in {}", file.string());
  try {
    OrderedJson record{{"stage", stage_.name},
                       {"step", report.step},
                       {"loss", fmt::format("{}", report.loss.total)},
                       {"gradient_norm", fmt::format("{}", report.gradient_norm)},
                       {"sequence_rows", batch.sequence_rows},
                       {"tokens", batch.tokens_N},
                       {"labels", batch.labels_N}};
    if (!batch.pairs.empty()) add_pairs(record, batch);
    write_json_file(file, record);
  } catch (const Error& error) {
    recorded = fmt::format("the batch could not be recorded ({})", error.what());
  }
  fail(
      "stage '{}', step {}: the loss is {} and the norm of its gradients {}; {}. Train into "
      "another folder with a lower peak_learning_rate, a longer warm-up or a smaller "
      "max_gradient_norm",
      stage_.name, report.step, report.loss.total, report.gradient_norm, recorded);
}

}  // namespace hylo::models
