#include "models/upcycle/upcycle.h"

#include <ATen/core/grad_mode.h>
#include <fmt/ranges.h>

#include "harness/base/error.h"
#include "models/config/check_spec.h"
#include "models/upcycle/initial_mixer.h"
#include "models/upcycle/weight_slots.h"

namespace hylo::models {
namespace {

std::string layer_name(size_t layer) { return fmt::format("layers.{}", layer); }

template <class T>
void check_equal(const char* key, const T& teacher, const T& student) {
  require(teacher == student, "{}: expected the teacher's {}, found {}", key, teacher, student);
}

void check_network(const ModelConfig& teacher, const ModelConfig& student) {
  check_equal("vocabulary_size", teacher.vocabulary_size, student.vocabulary_size);
  check_equal("width", teacher.width, student.width);
  check_equal("layers", teacher.layers.size(), student.layers.size());
  check_equal("norm.epsilon", teacher.norm.epsilon, student.norm.epsilon);
  check_equal("norm.zero_centred", teacher.norm.zero_centred, student.norm.zero_centred);
  check_equal("norm.rounded_once", teacher.norm.rounded_once, student.norm.rounded_once);
  check_equal("final_norm_epsilon", teacher.final_norm_epsilon.value_or(teacher.norm.epsilon),
              student.final_norm_epsilon.value_or(student.norm.epsilon));
  check_equal("embedding_scale", teacher.embedding_scale, student.embedding_scale);
  check_equal("residual_scale", teacher.residual_scale, student.residual_scale);
  check_equal("logits_scale", teacher.logits_scale, student.logits_scale);
  require(teacher.tied_head || !student.tied_head,
          "tied_head: the teacher's head has weights of its own, the student's is its embedding; "
          "untie the student's");
}

bool becomes_mixture(const LayerSpec& teacher, const LayerSpec& student) {
  return std::holds_alternative<SwiGluSpec>(teacher.feed_forward) &&
         std::holds_alternative<MoeSpec>(student.feed_forward);
}

void check_feed_forwards(const LayerSpec& teacher, const LayerSpec& student, int64_t model_width,
                         const std::string& where) {
  check_feed_forward(student.feed_forward, where);
  if (becomes_mixture(teacher, student)) {
    check_dense_to_moe(std::get<SwiGluSpec>(teacher.feed_forward),
                       std::get<MoeSpec>(student.feed_forward), where);
    return;
  }
  check_same_slots(feed_forward_slots(teacher.feed_forward, where, model_width),
                   feed_forward_slots(student.feed_forward, where, model_width));
  require(teacher.feed_forward == student.feed_forward,
          "{}: tensors are those of the teacher, but the routing is not; expected the same", where);
}

at::Tensor head_of(const ModelConfig& teacher, const ModelWeights& weights,
                   const ModelConfig& student) {
  if (student.tied_head) return {};
  return teacher.tied_head ? weights.embedding_WD.clone() : weights.head_WD;
}

MixerWeights mixer_of_student(const ModelConfig& teacher, const ModelWeights& weights,
                              const ModelConfig& student, size_t layer,
                              const UpcycleOptions& options) {
  const auto& from = teacher.layers[layer].mixer;
  const auto& to = student.layers[layer].mixer;
  if (keeps_tensors(from, to)) return weights.layers[layer].mixer;
  auto initial = initial_mixer(to, layer_name(layer) + ".mixer", teacher.width,
                               weights.embedding_WD.scalar_type(), options.seed);
  if (options.random_mixers) return initial;
  return convert_mixer(from, weights.layers[layer].mixer, to, std::move(initial),
                       options.rope_rows);
}

FeedForwardWeights feed_forward_of_student(const ModelConfig& teacher, const ModelWeights& weights,
                                           const ModelConfig& student, size_t layer,
                                           const UpcycleOptions& options) {
  const auto& own = weights.layers[layer].feed_forward;
  if (!becomes_mixture(teacher.layers[layer], student.layers[layer])) return own;
  return dense_to_moe(std::get<SwiGluWeights>(own),
                      std::get<MoeSpec>(student.layers[layer].feed_forward),
                      layer_name(layer) + ".feed_forward", options.seed, options.experts);
}

}  // namespace

void check_student(const ModelConfig& teacher, const ModelConfig& student) {
  check_network(teacher, student);
  for (size_t i = 0; i < student.layers.size(); ++i) {
    const auto& from = teacher.layers[i];
    const auto& to = student.layers[i];
    const auto mixer = layer_name(i) + ".mixer";
    check_feed_forwards(from, to, teacher.width, layer_name(i) + ".feed_forward");
    require(from.connectivity == to.connectivity,
            "{}.connectivity: the norms stand elsewhere than the teacher's", layer_name(i));
    check_mixer(to.mixer, mixer);
    check_conversion(from.mixer, to.mixer, teacher.width, mixer);
  }
}

std::vector<std::string> dropped_by_upcycling(const ModelConfig& teacher,
                                              const ModelConfig& student) {
  std::vector<std::string> lines;
  for (size_t i = 0; i < student.layers.size(); ++i) {
    const auto dropped = dropped_by_conversion(teacher.layers[i].mixer, student.layers[i].mixer);
    if (dropped.empty()) continue;
    lines.push_back(fmt::format("{}.mixer: {} has no place for {} of the teacher", layer_name(i),
                                kind_name(student.layers[i].mixer), fmt::join(dropped, ", ")));
  }
  return lines;
}

ModelWeights upcycle(const ModelConfig& teacher, const ModelWeights& weights,
                     const ModelConfig& student, const UpcycleOptions& options) {
  check_student(teacher, student);
  const at::NoGradGuard no_grad;
  auto result = weights;
  result.head_WD = head_of(teacher, weights, student);
  for (size_t i = 0; i < student.layers.size(); ++i) {
    result.layers[i].mixer = mixer_of_student(teacher, weights, student, i, options);
    result.layers[i].feed_forward = feed_forward_of_student(teacher, weights, student, i, options);
  }
  return result;
}

}  // namespace hylo::models
