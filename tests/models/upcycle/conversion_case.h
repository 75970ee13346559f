// A student of the goldens, made again from its teacher by our conversions.
#pragma once

#include <ATen/TensorOperators.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/sign.h>

#include <filesystem>
#include <string>
#include <utility>

#include "models/upcycle/initial_mixer.h"
#include "models/upcycle/upcycle.h"
#include "models/weights/hf_names.h"
#include "tests/models/decoder/golden_case.h"

namespace hylo::models::tests {

/// Calls call(slot, tensor, name in the files) for every tensor of a layer's mixer.
template <class Weights, class Call>
void visit_stored(const ModelConfig& config, size_t layer, Weights& mixer, Call call) {
  auto visit = [&](const WeightSlot& slot, auto& tensor) {
    call(slot, tensor, stored_tensor(config, slot).name);
  };
  with_weights(config.layers[layer].mixer, mixer, [&](const auto& spec, auto& weights) {
    visit_mixer(spec, fmt::format("layers.{}.mixer", layer), config.width, weights, visit);
  });
}

class ConversionCase {
 public:
  explicit ConversionCase(const std::filesystem::path& folder,
                          NumberType type = NumberType::Float32)
      : measured(read_json_file(folder / "reference.json")),
        teacher(open_checkpoint(folder.parent_path() / measured.at("teacher").get<std::string>(),
                                {.type = type})),
        stored(folder / "student.safetensors"),
        reference(folder / "reference.safetensors"),
        config(read_hf_config(folder)) {
    // Which the tensors decide in a whole checkpoint: these folders hold mixers alone.
    config.tied_head = false;
    for (size_t i = 0; i < config.layers.size(); ++i) {
      if (auto* mla = std::get_if<MlaSpec>(&config.layers[i].mixer)) {
        mla->head_norms =
            stored.entries().contains(fmt::format("model.layers.{}.{}", i, mla_query_norm));
      }
    }
    rope_rows = measured.at("fill_rope_rows").get<bool>() ? RopeRows::Filled : RopeRows::Kept;
    weights = upcycle(teacher.config, teacher.weights, config, {.rope_rows = rope_rows});
    if (std::filesystem::exists(folder / "init.safetensors")) {
      convert_from(SafetensorsFile(folder / "init.safetensors"));
    }
    align_signs();
  }

  /// Every tensor that the reference's student stores, in the place of ours: float32 values.
  void take_stored() {
    for (size_t i = 0; i < config.layers.size(); ++i) {
      visit_stored(config, i, weights.layers[i].mixer,
                   [&](const WeightSlot& slot, at::Tensor& tensor, const std::string& name) {
                     if (!stored.entries().contains(name)) return;
                     tensor = stored.tensor(name).view(slot.shape).to(tensor.scalar_type());
                   });
    }
  }

  const AttentionSpec& attention(size_t i) const {
    return std::get<AttentionSpec>(teacher.config.layers[i].mixer);
  }
  AttentionTeacher attention_teacher(size_t i) const {
    return {attention(i), std::get<AttentionWeights>(teacher.weights.layers[i].mixer)};
  }
  const MlaSpec* mla(size_t i) const { return std::get_if<MlaSpec>(&config.layers[i].mixer); }
  const MlaWeights& mla_weights(size_t i) const {
    return std::get<MlaWeights>(weights.layers[i].mixer);
  }

  Json measured;
  Checkpoint teacher;
  SafetensorsFile stored, reference;
  ModelConfig config;
  ModelWeights weights;
  RopeRows rope_rows = RopeRows::Filled;

 private:
  /// The conversion once more, from the tensors that the reference began with.
  void convert_from(const SafetensorsFile& initial_file) {
    for (size_t i = 0; i < config.layers.size(); ++i) {
      const auto& spec = config.layers[i].mixer;
      const auto type = weights.embedding_WD.scalar_type();
      auto initial = initial_mixer(spec, "none", config.width, type, 0);
      visit_stored(config, i, initial,
                   [&](const WeightSlot& slot, at::Tensor& tensor, const std::string& name) {
                     if (!initial_file.entries().contains(name)) return;
                     tensor = initial_file.tensor(name).view(slot.shape).to(type);
                   });
      weights.layers[i].mixer =
          convert_mixer(teacher.config.layers[i].mixer, teacher.weights.layers[i].mixer, spec,
                        std::move(initial), rope_rows);
    }
  }

  static at::Tensor signs(const at::Tensor& ours_RI, const at::Tensor& theirs_RI) {
    return at::sign((ours_RI * theirs_RI).sum(1, /*keepdim=*/true));
  }

  /// Singular vectors have free signs: takes those of the stored student.
  void align_signs() {
    for (size_t i = 0; i < config.layers.size(); ++i) {
      if (!mla(i)) continue;
      auto& w = std::get<MlaWeights>(weights.layers[i].mixer);
      const auto down = [&](const char* name) {
        return stored.tensor(fmt::format("model.layers.{}.mla.{}.weight", i, name));
      };
      if (mla(i)->query_rank > 0) align_queries(*mla(i), w, down("q_a_proj"));
      const int64_t rank = mla(i)->latent_rank;
      auto latent = w.latent_down.weight_OI.narrow(0, 0, rank);
      const auto sign = signs(latent, down("kv_a_proj_with_mqa").narrow(0, 0, rank));
      latent.mul_(sign);
      w.latent_up.weight_OI = w.latent_up.weight_OI * sign.t();
    }
  }
  void align_queries(const MlaSpec& spec, MlaWeights& w, const at::Tensor& theirs) const {
    const auto sign = signs(w.query_down.weight_OI, theirs);
    w.query_down.weight_OI = w.query_down.weight_OI * sign;
    const auto up_HOR = w.query_up.weight_OI.unflatten(0, {spec.num_heads, -1});
    auto nope = up_HOR.narrow(1, 0, spec.nope_width) * sign.t();
    auto rope = up_HOR.narrow(1, spec.nope_width, spec.rope_width);
    if (rope_rows == RopeRows::Filled) rope = rope * sign.t();
    w.query_up.weight_OI = at::cat({nope, rope}, 1).flatten(0, 1);
  }
};

}  // namespace hylo::models::tests
