// What the tensors of an upcycled checkpoint decide, and layers whose tensors are of another kind.
#include "models/weights/readings.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/ones_like.h>
#include <ATen/ops/softplus.h>
#include <ATen/ops/zeros.h>
#include <ATen/ops/zeros_like.h>
#include <gmock/gmock.h>

#include <cmath>
#include <functional>

#include "harness/base/json.h"
#include "models/config/placement.h"
#include "models/weights/checkpoint.h"
#include "models/weights/safetensors.h"
#include "tests/support/test_data.h"

namespace hylo::models {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using tests::error_of;

const GatedDeltaSpec delta{.num_key_heads = 2, .num_heads = 2, .key_width = 4, .value_width = 8};

ModelConfig hylo(Family backbone = Family::Llama) {
  const MlaSpec mla{.num_heads = 4,
                    .num_kv_heads = 2,
                    .latent_rank = 5,
                    .query_rank = 6,
                    .nope_width = 6,
                    .rope_width = 2,
                    .value_width = 4,
                    .scale = std::pow(8.0, -0.5),
                    .rope = {.width = 2}};
  return {.family = Family::Hylo,
          .backbone = backbone,
          .vocabulary_size = 11,
          .width = 8,
          .layers = {{delta, SwiGluSpec{.width = 5}}, {mla, SwiGluSpec{.width = 5}}},
          .max_positions = 64,
          .stored = NumberType::Float32,
          .bos = {},
          .eos = {},
          .pad = {}};
}

using Tensors = std::vector<std::pair<std::string, at::Tensor>>;

/// A written checkpoint whose tensors are changed.
class Folder {
 public:
  explicit Folder(const ModelConfig& config = hylo()) {
    write_checkpoint(path(), config, random_weights(config, NumberType::Float32, 1));
  }
  [[nodiscard]] const std::filesystem::path& path() const { return folder_.path(); }

  Folder& rewrite(const std::function<void(Tensors&)>& change) {
    Tensors tensors;
    {
      const SafetensorsFile file(path() / "model.safetensors");
      for (const auto& [name, entry] : file.entries()) {
        tensors.emplace_back(name, file.tensor(name).clone());
      }
    }
    change(tensors);
    write_safetensors(path() / "model.safetensors", tensors);
    return *this;
  }
  /// Puts `to` for `from` in every name.
  Folder& rename(const std::string& from, const std::string& to) {
    return rewrite([&](Tensors& tensors) {
      for (auto& [name, tensor] : tensors) {
        if (const auto at = name.find(from); at != std::string::npos) {
          name.replace(at, from.size(), to);
        }
      }
    });
  }
  Folder& add(const std::string& name, const at::Tensor& tensor) {
    return rewrite([&](Tensors& tensors) { tensors.emplace_back(name, tensor); });
  }
  Folder& replace_in(const char* file, const std::string& key, const Json& value) {
    auto json = read_json_file(path() / file);
    json[key] = value;
    write_json_file(path() / file, json);
    return *this;
  }
  [[nodiscard]] Checkpoint open() const { return open_checkpoint(path()); }
  [[nodiscard]] std::string refusal() const {
    return error_of([&] { (void)open(); });
  }

 private:
  tests::TemporaryFolder folder_;
};

const MlaSpec& mla_of(const Checkpoint& checkpoint) {
  return std::get<MlaSpec>(checkpoint.config.layers.at(1).mixer);
}

TEST(Readings, AHyloCheckpointIsReadBackWithoutNotes) {
  const auto found = Folder().open();
  EXPECT_EQ(found.config, hylo());
  EXPECT_THAT(found.notes, IsEmpty());
}

TEST(Readings, AHeadThatIsStoredIsUsedWhateverConfigJsonSays) {
  const auto found = Folder().replace_in("config.json", "tie_word_embeddings", true).open();
  EXPECT_FALSE(found.config.tied_head);
  EXPECT_THAT(found.notes, ElementsAre(HasSubstr("head has weights of its own")));
}

TEST(Readings, TheModuleOfDeltaLayersIsFoundByTheirConvolutions) {
  const auto found = Folder().rename(".gdn.", ".linear_attn.").open();
  EXPECT_EQ(found.config, hylo());
  EXPECT_THAT(found.notes, ElementsAre("Gated DeltaNet layers are stored under 'linear_attn', not "
                                       "'gdn'"));
}

TEST(Readings, NormsOfLatentAttentionAreThoseThatAreStored) {
  const auto heads = Folder()
                         .add("model.layers.1.mla.q_norm.weight", at::ones({8}))
                         .add("model.layers.1.mla.k_norm.weight", at::ones({8}))
                         .open();
  EXPECT_TRUE(mla_of(heads).head_norms);
  EXPECT_THAT(heads.notes, ElementsAre(HasSubstr("reading A")));
  const auto latent =
      Folder().add("model.layers.1.mla.kv_a_layernorm.weight", at::ones({5})).open();
  EXPECT_TRUE(mla_of(latent).latent_norm);
  EXPECT_FALSE(mla_of(latent).head_norms);
  EXPECT_THAT(latent.notes, ElementsAre(HasSubstr("reading B")));
  EXPECT_THAT(Folder().add("model.layers.1.mla.q_norm.weight", at::ones({8})).refusal(),
              HasSubstr("'model.layers.1.mla.k_norm.weight' [8] is missing"));
  EXPECT_THAT(Folder(hylo(Family::Qwen3)).open().notes, ElementsAre(HasSubstr("neither norms")));
}

// Layers 1 and 3 norm heads, layer 4 its latent, layer 2 nothing.
TEST(Readings, LayersOfDifferentNormsAreEachReadAsTheirTensorsSay) {
  auto config = hylo(Family::Qwen3);
  config.layers.resize(5, config.layers[1]);
  const auto mla = [](ModelConfig& c, size_t i) -> MlaSpec& {
    return std::get<MlaSpec>(c.layers[i].mixer);
  };
  mla(config, 1).head_norms = mla(config, 3).head_norms = true;
  mla(config, 4).latent_norm = true;
  const auto found = Folder(config).open();
  EXPECT_EQ(found.config, config);
  EXPECT_THAT(found.notes, ElementsAre(HasSubstr("MLA of layers 1, 3: queries and keys are normed"),
                                       HasSubstr("MLA of layer 4: the latent is normed"),
                                       HasSubstr("MLA of layer 2: neither norms")));
}

TEST(Readings, ALayerListThatDoesNotMatchTheTensorsIsToldWithLayerKeyAndKinds) {
  EXPECT_THAT(
      Folder().replace_in("hybrid_config.json", "mla_layers", {0}).refusal(),
      HasSubstr("hybrid_config.json.mla_layers makes layer 0 MLA, but its tensors (the first "
                "is 'gdn.A_log') are of Gated DeltaNet"));
}

TEST(Readings, AMixerThatNobodyKnowsIsToldWithItsLayer) {
  EXPECT_THAT(
      Folder().rename("1.mla.kv_a_proj_with_mqa", "1.mla.kv_z_proj").refusal(),
      HasSubstr("layer 1 should be MLA (hybrid_config.json.mla_layers), but its tensors (the "
                "first is 'mla.kv_b_proj.weight') are of no kind that this hylo knows"));
}

TEST(Readings, DeltaLayersUnderTwoModulesAreRefused) {
  auto config = hylo();
  config.layers.push_back(config.layers[0]);
  EXPECT_THAT(Folder(config).rename("2.gdn.", "2.delta.").refusal(),
              HasSubstr("Gated DeltaNet layers lie under several modules: delta, gdn"));
}

TEST(Readings, KindsAreToldByTensorsThatNoOtherKindHas) {
  const auto kind = [](const std::vector<std::string>& names) {
    return mixer_kind_of(names).value_or("none");
  };
  EXPECT_EQ(kind({"self_attn.q_proj.weight", "mlp.gate_proj.weight"}), "attention");
  EXPECT_EQ(
      kind({"self_attn.q_proj.weight", "self_attn.dynamic_conv1d.kernel_generator.w1.weight"}),
      "JetBlock");
  EXPECT_EQ(kind({"self_attn.q_conv1d.weight", "self_attn.f_a_proj.weight"}),
            "Kimi Delta Attention");
  EXPECT_EQ(kind({"mixer.in_proj.weight", "mixer.z_bias"}), "Discrete Mamba2");
  EXPECT_EQ(kind({"mixer.in_proj.weight", "mixer.D"}), "Mamba2");
  EXPECT_EQ(kind({"mlp.q_proj.weight", "input_layernorm.weight"}), "none");
}

TEST(Readings, APlanOfAnotherCheckpointInTheFolderIsNotWrittenOver) {
  const Folder folder;
  auto llama = hylo();
  llama.family = Family::Llama;
  llama.backbone.reset();
  for (auto& layer : llama.layers) {
    layer.mixer = AttentionSpec{.num_heads = 2, .num_kv_heads = 1, .head_width = 4};
  }
  EXPECT_THAT(error_of([&] {
                write_checkpoint(folder.path(), llama,
                                 random_weights(llama, NumberType::Float32, 1));
              }),
              HasSubstr("hybrid_config.json: belongs to a checkpoint of another format"));
}

TEST(HfNames, EachFamilyHasItsOwnNamesAndShapes) {
  auto config = hylo();
  const auto place = [&](const char* ours, std::vector<int64_t> shape, Spelling spelling = {}) {
    return stored_tensor(config, {ours, std::move(shape)}, spelling);
  };
  const auto conv = place("layers.0.mixer.query_conv.weight", {8, 4});
  EXPECT_EQ(conv.name, "model.layers.0.gdn.q_conv1d.weight");
  EXPECT_THAT(conv.shape, ElementsAre(8, 1, 4));
  EXPECT_EQ(place("layers.1.mixer.output.weight", {8, 16}).name,
            "model.layers.1.mla.out_proj.weight");
  EXPECT_EQ(place("layers.1.mixer.output.weight", {8, 16}, {.own = true}).name,
            "layers.1.mixer.output.weight");
  config.family = Family::GraniteHybrid;
  config.layers[0].feed_forward = MoeSpec{.num_experts = 3, .experts_per_token = 1, .width = 5};
  const auto up = place("layers.0.feed_forward.experts.2.up.weight", {5, 8});
  EXPECT_EQ(up.name, "model.layers.0.block_sparse_moe.input_linear.weight");
  EXPECT_THAT(up.shape, ElementsAre(3, 10, 8));
  EXPECT_EQ(up.index, 2);
  EXPECT_EQ(up.rows->begin, 5);
  const auto whole = at::arange(3 * 10 * 8).view({3, 10, 8});
  EXPECT_TRUE(at::equal(part_of(whole, up, {"", {5, 8}}), whole[2].narrow(0, 5, 5)));
}

TEST(RandomWeights, DecaysStepsAndSkipsBeginAsThoseOfTrainedModels) {
  auto config = hylo();
  config.norm.zero_centred = true;
  const auto mamba = mamba2_in_place_of({.num_heads = 64, .num_kv_heads = 64, .head_width = 2});
  config.layers[1].mixer = mamba;
  const auto weights = random_weights(config, NumberType::Float32, 3);
  const auto& w = std::get<Mamba2Weights>(weights.layers[1].mixer);
  EXPECT_GE(w.a_log_H.min().item<double>(), 0);
  EXPECT_LE(w.a_log_H.max().item<double>(), std::log(16.0));
  EXPECT_GT(w.a_log_H.max().item<double>(), std::log(8.0));
  const auto step = at::softplus(w.dt_bias_H);
  EXPECT_GE(step.min().item<double>(), 0.999e-3);
  EXPECT_LE(step.max().item<double>(), 0.1001);
  EXPECT_LT(step.min().item<double>(), 0.01);
  EXPECT_TRUE(at::equal(w.skip_H, at::ones({64})));
  EXPECT_TRUE(at::equal(w.conv.bias_D, at::zeros_like(w.conv.bias_D)));
  EXPECT_TRUE(at::equal(w.norm, at::ones_like(w.norm)));  // A gated norm is never zero-centred.
  EXPECT_TRUE(at::equal(weights.final_norm_D, at::zeros({8})));
}

}  // namespace
}  // namespace hylo::models
