// Checkpoint folders: written, read back, damaged, and where their tensors lie in memory.
#include "models/weights/checkpoint.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/ones.h>
#include <gmock/gmock.h>

#include <limits>
#include <sstream>

#include "harness/base/files.h"
#include "harness/base/json.h"
#include "models/config/hf_config.h"
#include "models/weights/safetensors.h"
#include "tests/support/test_data.h"

namespace hylo::models {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using tests::error_of;
using tests::TemporaryFolder;

ModelConfig small(Family family = Family::Qwen2, bool tied = false) {
  const AttentionSpec attention{
      .num_heads = 3,
      .num_kv_heads = 1,
      .head_width = 6,
      .input_bias = family == Family::Qwen2,
      .head_norms = family == Family::Qwen3 ? HeadNorms::PerHead : HeadNorms::None,
      .rope = {.width = 6}};
  return {.family = family,
          .vocabulary_size = 11,
          .width = 7,
          .layers = {2, LayerSpec{attention, SwiGluSpec{.width = 5}}},
          .tied_head = tied,
          .max_positions = 64,
          .stored = NumberType::Float32,
          .bos = {},
          .eos = {},
          .pad = {}};
}

using Tensors = std::vector<std::pair<std::string, at::Tensor>>;

/// A written checkpoint in a folder of its own, and its tensors to be tampered with.
class Folder {
 public:
  explicit Folder(const ModelConfig& config = small(), const WriteOptions& options = {})
      : config(config), weights(random_weights(config, NumberType::Float32, 1)) {
    write_checkpoint(path(), config, weights, options);
  }
  [[nodiscard]] const std::filesystem::path& path() const { return folder_.path(); }

  void rewrite(const std::function<void(Tensors&)>& change) const {
    Tensors tensors;
    {
      const SafetensorsFile file(path() / "model.safetensors");
      for (const auto& [name, entry] : file.entries()) {
        tensors.emplace_back(name, file.tensor(name).clone());
      }
    }
    change(tensors);
    write_safetensors(path() / "model.safetensors", tensors);
  }
  void rewrite_index(const std::function<void(Json&)>& change) const {
    auto json = read_json_file(path() / "model.safetensors.index.json");
    change(json);
    write_json_file(path() / "model.safetensors.index.json", json);
  }
  [[nodiscard]] std::string refusal(const OpenOptions& options = {}) const {
    return error_of([&] { (void)open_checkpoint(path(), options); });
  }

  ModelConfig config;
  ModelWeights weights;

 private:
  TemporaryFolder folder_;
};

at::Tensor& named(Tensors& tensors, const std::string& name) {
  return std::ranges::find(tensors, name, &Tensors::value_type::first)->second;
}

std::vector<at::Tensor> all_of(const ModelConfig& config, const ModelWeights& weights) {
  std::vector<at::Tensor> tensors;
  visit_weights(config, weights,
                [&](const WeightSlot&, const at::Tensor& tensor) { tensors.push_back(tensor); });
  return tensors;
}

void expect_equal(const ModelConfig& config, const ModelWeights& a, const ModelWeights& b) {
  const auto left = all_of(config, a), right = all_of(config, b);
  for (size_t i = 0; i < left.size(); ++i) EXPECT_TRUE(at::equal(left[i], right[i])) << i;
}

TEST(Checkpoint, EveryFamilyAndTypeIsWrittenAndReadBack) {
  for (const auto family : {Family::Llama, Family::Mistral, Family::Qwen2, Family::Qwen3}) {
    for (const auto type :
         {NumberType::Float32, NumberType::BFloat16, NumberType::Float16, NumberType::Float64}) {
      for (const bool tied : {false, true}) {
        const TemporaryFolder folder;
        auto config = small(family, tied);
        config.stored = type;
        const auto weights = random_weights(config, type, 3);
        write_checkpoint(folder.path(), config, weights);
        const auto found = open_checkpoint(folder.path());
        EXPECT_EQ(found.config, config);
        EXPECT_THAT(found.stored_types, ElementsAre(type));
        EXPECT_THAT(found.notes, IsEmpty());
        EXPECT_EQ(found.stored_bytes, count_parameters(config) * bytes_of(type));
        expect_equal(config, weights, found.weights);
      }
    }
  }
}

TEST(Checkpoint, SeveralFilesAreWrittenWithAnIndexAndReadBack) {
  const Folder folder(small(), {.max_file_bytes = 300});
  const auto found = open_checkpoint(folder.path());
  EXPECT_GT(found.weight_files.size(), 3U);
  EXPECT_FALSE(std::filesystem::exists(folder.path() / "model.safetensors"));
  expect_equal(folder.config, folder.weights, found.weights);
  const auto index = read_json_file(folder.path() / "model.safetensors.index.json");
  EXPECT_EQ(index.at("metadata").at("total_size"), found.stored_bytes);
  for (const auto& file : found.weight_files) {
    const SafetensorsFile part(file);
    // A tensor that is larger than a file may be has a file of its own.
    EXPECT_TRUE(part.data_bytes() <= 300 || part.entries().size() == 1) << file;
  }
}

TEST(Checkpoint, ACheckpointOfOneFileIsNotWrittenBesideTheIndexOfAnother) {
  const Folder folder(small(), {.max_file_bytes = 300});
  EXPECT_THAT(error_of([&] { write_checkpoint(folder.path(), folder.config, folder.weights); }),
              HasSubstr("model.safetensors.index.json: belongs to a checkpoint of several files"));
  expect_equal(folder.config, folder.weights, open_checkpoint(folder.path()).weights);
}

TEST(Checkpoint, ConversionIsToTheTypeThatIsNamed) {
  const Folder folder;
  const auto found = open_checkpoint(folder.path(), {.type = NumberType::Float64});
  for (const auto& tensor : all_of(found.config, found.weights)) {
    EXPECT_EQ(tensor.scalar_type(), at::kDouble);
  }
  EXPECT_TRUE(at::equal(found.weights.embedding_WD, folder.weights.embedding_WD.to(at::kDouble)));
}

/// Address ranges that `file` is mapped to.
std::vector<std::pair<uintptr_t, uintptr_t>> mappings_of(const std::filesystem::path& file) {
  std::vector<std::pair<uintptr_t, uintptr_t>> ranges;
  const auto maps = read_text_file("/proc/self/maps");
  for (const auto line : lines_of(maps)) {
    if (!line.ends_with(file.string())) continue;
    std::istringstream in{std::string(line)};
    uintptr_t begin = 0, end = 0;
    char dash = 0;
    in >> std::hex >> begin >> dash >> end;
    ranges.emplace_back(begin, end);
  }
  return ranges;
}

TEST(Checkpoint, TensorsLieInTheMappedFilesAndNowhereElse) {
  const Folder folder;
  const auto found = open_checkpoint(folder.path());
  const auto ranges = mappings_of(folder.path() / "model.safetensors");
  ASSERT_EQ(ranges.size(), 1U);
  for (const auto& tensor : all_of(found.config, found.weights)) {
    const auto begin = reinterpret_cast<uintptr_t>(tensor.const_data_ptr());
    EXPECT_GE(begin, ranges[0].first);
    EXPECT_LE(begin + tensor.nbytes(), ranges[0].second);
  }
}

TEST(Checkpoint, AMissingTensorIsNamedWithItsShape) {
  const Folder folder;
  folder.rewrite([](Tensors& t) {
    std::erase_if(t, [](const auto& e) { return e.first == "model.layers.1.mlp.up_proj.weight"; });
  });
  EXPECT_THAT(folder.refusal(),
              HasSubstr("tensor 'model.layers.1.mlp.up_proj.weight' [5, 7] is missing"));
}

TEST(Checkpoint, AWrongShapeIsToldWithBoth) {
  const Folder folder;
  folder.rewrite([](Tensors& t) { named(t, "model.norm.weight") = at::ones({8}); });
  EXPECT_THAT(folder.refusal(),
              HasSubstr("model.safetensors: tensor 'model.norm.weight' is [8], config.json makes "
                        "it [7]"));
}

TEST(Checkpoint, ATensorThatIsLeftOverIsRefused) {
  const Folder folder;
  folder.rewrite([](Tensors& t) {
    t.emplace_back("model.layers.2.mlp.up_proj.weight", at::ones({5, 7}));
  });
  EXPECT_THAT(folder.refusal(), HasSubstr("tensor 'model.layers.2.mlp.up_proj.weight' is left "
                                          "over: config.json (qwen2, 2 layers) has no place"));
}

TEST(Checkpoint, StoredFrequenciesAreNotLeftOver) {
  const Folder folder;
  folder.rewrite([](Tensors& t) {
    t.emplace_back("model.layers.0.self_attn.rotary_emb.inv_freq", at::ones({3}));
  });
  expect_equal(folder.config, folder.weights, open_checkpoint(folder.path()).weights);
}

TEST(Checkpoint, ATiedHeadThatIsStoredMustEqualTheEmbedding) {
  const Folder folder(small(Family::Llama, true));
  const auto store = [&](const at::Tensor& head) {
    folder.rewrite([&](Tensors& t) {
      std::erase_if(t, [](const auto& e) { return e.first == "lm_head.weight"; });
      t.emplace_back("lm_head.weight", head);
    });
  };
  store(folder.weights.embedding_WD);
  EXPECT_THAT(open_checkpoint(folder.path()).notes,
              ElementsAre(HasSubstr("the head is stored although it is tied")));
  store(folder.weights.embedding_WD + 1);
  EXPECT_THAT(folder.refusal(), HasSubstr("'lm_head.weight' is there and differs from it"));
  store(folder.weights.embedding_WD.narrow(0, 0, 3).clone());
  EXPECT_THAT(folder.refusal(), HasSubstr("'lm_head.weight' is there and differs from it"));
}

TEST(Checkpoint, TypesThatAreMixedOrNotFloatingAreRefused) {
  const Folder folder;
  folder.rewrite([](Tensors& t) {
    auto& norm = named(t, "model.norm.weight");
    norm = norm.to(at::kBFloat16);
  });
  EXPECT_THAT(folder.refusal(), HasSubstr("tensors are of several types; name one with --dtype"));
  EXPECT_THAT(open_checkpoint(folder.path(), {.allow_several_types = true}).notes,
              ElementsAre("tensors are stored in several types"));
  folder.rewrite([](Tensors& t) {
    auto& norm = named(t, "model.norm.weight");
    norm = norm.to(at::kInt);
  });
  EXPECT_THAT(folder.refusal(),
              HasSubstr("tensor 'model.norm.weight' is of type Int, expected a float"));
}

TEST(Checkpoint, AnIndexThatNamesWhatIsNotThereIsRefused) {
  const WriteOptions parts{.max_file_bytes = 300};
  {
    const Folder folder(small(), parts);
    folder.rewrite_index([](Json& json) { json["weight_map"]["extra"] = "absent.safetensors"; });
    EXPECT_THAT(folder.refusal(), HasSubstr("names absent.safetensors, which is not there"));
  }
  {
    const Folder folder(small(), parts);
    folder.rewrite_index(
        [](Json& json) { json["weight_map"]["extra"] = json["weight_map"]["model.norm.weight"]; });
    EXPECT_THAT(folder.refusal(), HasSubstr("says that 'extra' is in model-"));
  }
  {
    const Folder folder(small(), parts);
    folder.rewrite_index(
        [](Json& json) { json["weight_map"]["model.norm.weight"] = "../model.safetensors"; });
    EXPECT_THAT(folder.refusal(),
                HasSubstr("'../model.safetensors' is not the name of a neighbour"));
  }
  {
    const Folder folder(small(), parts);
    const auto last = open_checkpoint(folder.path()).weight_files.back();
    std::filesystem::resize_file(last, std::filesystem::file_size(last) - 1);
    EXPECT_THAT(folder.refusal(), HasSubstr("it was cut off"));
  }
}

TEST(Checkpoint, AFolderWithoutSafetensorsIsRefused) {
  const Folder folder;
  std::filesystem::remove(folder.path() / "model.safetensors");
  EXPECT_THAT(folder.refusal(), HasSubstr("holds neither model.safetensors nor "
                                          "model.safetensors.index.json"));
}

TEST(Checkpoint, NanAndInfiniteWeightsAreFoundByName) {
  const auto config = small();
  auto weights = random_weights(config, NumberType::BFloat16, 1);
  EXPECT_THAT(find_non_finite(config, weights), IsEmpty());
  std::get<SwiGluWeights>(weights.layers[1].feed_forward)
      .down.weight_OI[6][4]
      .fill_(std::numeric_limits<double>::quiet_NaN());
  weights.head_WD[10][6].fill_(-std::numeric_limits<double>::infinity());
  EXPECT_THAT(find_non_finite(config, weights),
              ElementsAre("model.layers.1.mlp.down_proj.weight", "lm_head.weight"));
}

TEST(Checkpoint, NanIsFoundUnderTheNamesOfItsFolder) {
  const auto found_in = [](const WriteOptions& options) {
    const Folder folder(small(), options);
    auto checkpoint = open_checkpoint(folder.path());
    auto& value = std::get<AttentionWeights>(checkpoint.weights.layers[1].mixer).value.weight_OI;
    value = value * std::numeric_limits<double>::quiet_NaN();
    return find_non_finite(checkpoint.config, checkpoint.weights, checkpoint.spelling);
  };
  EXPECT_THAT(found_in({}), ElementsAre("model.layers.1.self_attn.v_proj.weight"));
  EXPECT_THAT(found_in({.format = CheckpointFormat::Own}),
              ElementsAre("layers.1.mixer.value.weight"));
}

TEST(Checkpoint, TheHashIsThatOfTheWeightsAlone) {
  const Folder folder;
  const auto hash = hash_weights(open_checkpoint(folder.path()));
  EXPECT_EQ(hash.size(), 64U);
  auto config = folder.config;
  config.max_positions = 128;
  write_checkpoint(folder.path(), config, folder.weights);
  EXPECT_EQ(hash_weights(open_checkpoint(folder.path())), hash);
  write_checkpoint(folder.path(), config, random_weights(config, NumberType::Float32, 2));
  EXPECT_NE(hash_weights(open_checkpoint(folder.path())), hash);
}

TEST(Checkpoint, WeightsOfAnotherShapeAreNotWritten) {
  const TemporaryFolder folder;
  auto weights = random_weights(small(), NumberType::Float32, 1);
  weights.final_norm_D = at::ones({8});
  EXPECT_THAT(error_of([&] { write_checkpoint(folder.path(), small(), weights); }),
              HasSubstr("tensor 'final_norm.weight' is not [7]"));
  EXPECT_TRUE(std::filesystem::is_empty(folder.path()));
}

TEST(RandomWeights, ASeedRepeatsAndTheNextDiffers) {
  const auto config = small();
  const auto a = random_weights(config, NumberType::Float32, 7);
  expect_equal(config, a, random_weights(config, NumberType::Float32, 7));
  EXPECT_FALSE(
      at::equal(a.embedding_WD, random_weights(config, NumberType::Float32, 8).embedding_WD));
}

}  // namespace
}  // namespace hylo::models
