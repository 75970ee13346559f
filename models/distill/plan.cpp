#include "models/distill/plan.h"

#include <fmt/core.h>

#include <algorithm>
#include <numeric>
#include <optional>

#include "harness/base/error.h"
#include "kernels/torch/token_losses.h"
#include "models/distill/trained_model.h"
#include "models/mixers/mixing_rows.h"
#include "models/weights/weights.h"

namespace hylo::models {
namespace {

bool is_half(NumberType type) { return bytes_of(type) == 2; }

int64_t numel(const WeightSlot& slot) {
  return std::accumulate(slot.shape.begin(), slot.shape.end(), int64_t{1}, std::multiplies<>());
}

/// Elements of the student's tensors that are trained, by the place where their gradients arise.
struct Trained {
  int64_t all = 0, largest = 0;
  int64_t embedding = 0;  ///< with a tied head that too
  int64_t head = 0, final_norm = 0;
  std::vector<int64_t> mixers, feed_forwards;

  Trained(const ModelConfig& config, const std::vector<std::string>& frozen)
      : mixers(config.layers.size()), feed_forwards(config.layers.size()) {
    auto weights = empty_weights(config);
    visit_weights(config, weights, [&](const WeightSlot& slot, at::Tensor&) {
      const auto is_frozen = [&](const auto& pattern) { return fits_pattern(slot.name, pattern); };
      if (std::ranges::any_of(frozen, is_frozen)) return;
      const int64_t count = numel(slot);
      all += count;
      largest = std::max(largest, count);
      place_of(slot.name) += count;
    });
  }

 private:
  int64_t& place_of(const std::string& name) {
    if (name == "embedding.weight") return embedding;
    if (name == "head.weight") return head;
    if (name == "final_norm.weight") return final_norm;
    constexpr std::string_view prefix = "layers.";
    const auto layer = std::stoul(name.substr(prefix.size()));
    return name.find(".mixer") != std::string::npos ? mixers[layer] : feed_forwards[layer];
  }
};

class Planner {
 public:
  Planner(const Stage& stage, const StageModels& models, NumberType type)
      : stage_(stage),
        models_(models),
        teacher_(models.teacher_of(stage.objective)),
        trained_(models.student, stage.frozen),
        pass_{.num_rows = std::min(stage.tokens_per_step, stage.tokens_per_pass),
              .sequence_rows = std::min(stage.context_length, stage.tokens_per_pass),
              .type = type},
        element_(bytes_of(type)),
        master_(is_half(type) ? 4 : element_) {
    for (const auto& layer : models.student.layers) {
      mixers_.push_back(mixer_memory(layer.mixer, width(), pass_));
      feed_forwards_.push_back(feed_forward_memory(layer.feed_forward, width(), pass_));
      tables_ = std::max(tables_, rotary_bytes(layer.mixer, pass_));
    }
  }

  [[nodiscard]] std::vector<MomentMemory> moments() const {
    std::vector<MomentMemory> all;
    if (aligns_with_base(stage_.objective)) {
      add_alignment(all);
    } else {
      add_logits(all);
    }
    all.push_back(optimizer_step());
    return all;
  }

 private:
  [[nodiscard]] int64_t width() const { return models_.student.width; }
  [[nodiscard]] int64_t num_layers() const { return std::ssize(models_.student.layers); }
  [[nodiscard]] int64_t rows(int64_t width, int64_t bytes) const {
    return pass_.num_rows * width * bytes;
  }
  [[nodiscard]] int64_t stream() const { return rows(width(), element_); }
  [[nodiscard]] int64_t layer_kept(int64_t i) const {
    return mixers_[i].kept_bytes + (runs_mixers_alone() ? 0 : feed_forwards_[i].kept_bytes);
  }
  /// Matrices are formed without feed-forwards.
  [[nodiscard]] bool runs_mixers_alone() const {
    return std::holds_alternative<AlignMixing>(stage_.objective);
  }
  [[nodiscard]] int64_t feed_forward_elements(int64_t i) const {
    return runs_mixers_alone() ? 0 : trained_.feed_forwards[i];
  }
  [[nodiscard]] bool is_copied(int64_t i) const { return models_.is_copied(stage_.objective, i); }

  /// Elements whose gradients add up over the passes of a step.
  [[nodiscard]] int64_t num_with_gradient() const {
    if (!aligns_with_base(stage_.objective)) return trained_.all;
    int64_t count = is_copied(num_layers() - 1) || runs_mixers_alone() ? 0 : trained_.final_norm;
    for (int64_t i = 0; i < num_layers(); ++i) {
      if (!is_copied(i)) count += trained_.mixers[i] + feed_forward_elements(i);
    }
    return count;
  }

  /// What is there all the time.
  [[nodiscard]] MomentMemory standing(std::string moment) const {
    MomentMemory memory{.moment = std::move(moment)};
    memory.weights = count_parameters(models_.student) * element_;
    if (is_half(pass_.type)) memory.masters = trained_.all * master_;
    for (const auto* model : {models_.base, models_.teacher}) {
      if (model) memory.teachers += count_parameters(*model) * element_;
    }
    memory.optimizer = 2 * trained_.all * master_;
    return memory;
  }
  /// As in the last pass of a step: the sums of those before it are there.
  [[nodiscard]] MomentMemory in_pass(std::string moment) const {
    auto memory = standing(std::move(moment));
    if (stage_.tokens_per_step > stage_.tokens_per_pass) {
      memory.gradients = num_with_gradient() * master_;
    }
    return memory;
  }

  /// Both moments of a layer's backward pass; `memory` holds what stands around it, the gradients
  /// of later layers among it.
  void add_layer(std::vector<MomentMemory>& all, MomentMemory memory, int64_t i) const {
    auto mixing = memory;
    mixing.moment += ", mixer";
    mixing.activations += mixers_[i].kept_bytes + mixers_[i].backward_bytes;
    mixing.gradients += feed_forward_elements(i) * element_;
    if (runs_mixers_alone()) {
      all.push_back(mixing);
      return;
    }
    memory.activations += layer_kept(i) + feed_forwards_[i].backward_bytes;
    memory.gradients += trained_.feed_forwards[i] / 3 * element_;  // the down-projection's
    all.push_back(memory);
    all.push_back(mixing);
  }

  [[nodiscard]] int64_t layer_gradients(int64_t i) const {
    return (trained_.mixers[i] + feed_forward_elements(i)) * element_;
  }

  /// The loss and the backward pass from the last layer to the embedding.
  void add_logits(std::vector<MomentMemory>& all) const {
    const auto* distils = std::get_if<DistilLogits>(&stage_.objective);
    const bool has_both = distils && distils->ce_weight > 0;
    const int64_t head = models_.student.tied_head ? trained_.embedding : trained_.head;
    const int64_t wide = std::max<int64_t>(4, element_);
    const int64_t pieces =
        std::min(pass_.num_rows,
                 kernels::torch_form::tokens_of_a_chunk(models_.student.vocabulary_size)) *
        models_.student.vocabulary_size * element_;
    int64_t kept = tables_;
    for (int64_t i = 0; i < num_layers(); ++i) {
      kept += stage_.recompute_layers ? stream() : layer_kept(i);
    }
    auto loss = in_pass("loss");
    loss.activations = kept + 2 * stream();  // and around the final norm
    loss.teacher_rows = teacher_ ? rows(teacher_->width, element_) : 0;
    loss.head_gradient = head * wide * (has_both ? 2 : 1);
    loss.loss = pieces * (distils && distils->top_k == 0 ? 2 : 1) + stream() * (has_both ? 2 : 1) +
                rows_taken_out();
    if (is_half(pass_.type)) loss.scratch = head * element_;
    all.push_back(loss);

    auto memory = in_pass("");
    memory.teacher_rows = loss.teacher_rows;
    memory.gradients += (head + trained_.final_norm) * element_;
    for (int64_t i = num_layers() - 1; i >= 0; --i) {
      kept -= stage_.recompute_layers ? stream() : layer_kept(i);
      memory.moment = fmt::format("backward pass of layer {}", i);
      memory.activations = kept + stream();  // what the last projection was given
      add_layer(all, memory, i);
      memory.gradients += layer_gradients(i);
    }
    memory.moment = "gradient of the embedding";
    memory.activations = 2 * stream() + tables_;
    if (models_.student.tied_head) {
      memory.scratch = trained_.embedding * element_;
    } else {
      memory.gradients += trained_.embedding * element_;
    }
    all.push_back(memory);
    add_sums(all, memory);
  }

  /// Copies of the rows that logits are formed of, where some have no label; most where nearly all
  /// have one. Beside them what was kept of a teacher: ids and logarithms, and both unpacked.
  [[nodiscard]] int64_t rows_taken_out() const {
    const auto* distils = std::get_if<DistilLogits>(&stage_.objective);
    int64_t taken = labels_decide_logits(stage_.objective) ? stream() : 0;
    if (!distils) return taken;
    if (distils->only_labels && teacher_) taken += rows(teacher_->width, element_);
    const int64_t copies = distils->only_labels ? 2 : 1;
    return taken + rows(distils->top_k, copies * 8 + 8 + 4);
  }

  /// Half gradients beside their sums in the type of the masters.
  void add_sums(std::vector<MomentMemory>& all, MomentMemory memory) const {
    if (!is_half(pass_.type)) return;
    memory.moment = "sums of gradients";
    memory.activations = memory.teacher_rows = memory.scratch = 0;
    const bool has_sums = stage_.tokens_per_step > stage_.tokens_per_pass;
    if (!has_sums) memory.gradients = num_with_gradient() * master_;
    memory.scratch = trained_.largest * master_;
    all.push_back(memory);
  }

  void add_alignment(std::vector<MomentMemory>& all) const {
    invariant(teacher_, "layers are aligned with those of a base");
    auto memory = in_pass("");
    memory.teacher_rows = (2 * num_layers() + 2) * stream();
    const int64_t wide = std::max<int64_t>(4, element_);
    for (int64_t i = 0; i < num_layers(); ++i) {
      if (is_copied(i)) continue;
      memory.moment = fmt::format("layer {}", i);
      const bool is_last = i + 1 == num_layers();
      // Its input is the teacher's, and what it gives is compared.
      memory.activations = tables_ + stream() * (is_last ? 2 : 1);
      auto compared = memory;
      compared.moment += ", distances";
      compared.activations += layer_kept(i);
      compared.loss = matrices(i).value_or(2 * rows(width(), wide));
      all.push_back(compared);
      add_layer(all, memory, i);
      memory.gradients += layer_gradients(i);
    }
    memory.activations = 0;
    add_sums(all, memory);
  }

  /// The student's matrices of T x T a head, the teacher's, their difference and its gradient.
  [[nodiscard]] std::optional<int64_t> matrices(int64_t layer) const {
    if (!std::holds_alternative<AlignMixing>(stage_.objective)) return {};
    const auto heads = num_mixing_heads(models_.student.layers[static_cast<size_t>(layer)].mixer);
    return 4 * rows(heads.value_or(0) * pass_.sequence_rows, std::max<int64_t>(4, element_));
  }

  /// Norms are summed in float64, of a copy of each tensor.
  [[nodiscard]] MomentMemory optimizer_step() const {
    auto memory = standing("step of the optimiser");
    memory.gradients = num_with_gradient() * master_;
    if (master_ < 8) memory.scratch = trained_.largest * 8;
    return memory;
  }

  const Stage& stage_;
  const StageModels& models_;
  const ModelConfig* teacher_;
  Trained trained_;
  PassShape pass_;
  int64_t element_, master_;
  int64_t tables_ = 0;
  std::vector<BlockMemory> mixers_, feed_forwards_;
};

}  // namespace

int64_t MomentMemory::total() const {
  return weights + masters + teachers + optimizer + gradients + head_gradient + activations +
         teacher_rows + loss + scratch;
}

const MomentMemory& StagePlan::largest() const {
  return *std::ranges::max_element(moments, {}, &MomentMemory::total);
}

bool any_aligns_with_base(std::span<const Stage> stages) {
  return std::ranges::any_of(stages,
                             [](const Stage& stage) { return aligns_with_base(stage.objective); });
}

StagePlan plan_stage(const Stage& stage, const StageModels& models, NumberType type) {
  const int64_t tokens = stage.steps * stage.tokens_per_step;
  return {.tokens = tokens,
          .flop = flop_of_row(stage, models).of(tokens, tokens),
          .moments = Planner(stage, models, type).moments()};
}

}  // namespace hylo::models
