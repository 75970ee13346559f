// Recipes: what is read, and what is refused with its path.
#include "models/distill/recipe.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "harness/base/files.h"
#include "tests/support/test_data.h"

namespace hylo::models {
namespace {

using hylo::tests::error_of;
using ::testing::AllOf;
using ::testing::HasSubstr;

Json small_recipe() {
  return Json::parse(R"({
    "name": "small",
    "student": {"placement": [{"layers": [0], "mixer": {"kind": "mla", "latent_rank": 6}},
                              {"layers": "rest", "mixer": {"kind": "mamba2"}}]},
    "data": [{"name": "own", "kind": "teacher", "documents": 10, "max_tokens": 32},
             {"name": "notes", "kind": "text", "files": ["a.txt"], "weight": 2, "eos": "never"}],
    "held_out": {"share": 0.1},
    "stages": [{"name": "distil", "kind": "distill_logits", "steps": 5, "context_length": 16,
                "tokens_per_step": 64, "peak_learning_rate": 1e-3,
                "schedule": {"kind": "cosine", "warmup_steps": 1}}]
  })");
}

Recipe read(const Json& json) { return read_recipe(json, "r.json", "/data"); }

ModelConfig small_teacher() {
  const AttentionSpec attention{
      .num_heads = 4, .num_kv_heads = 2, .head_width = 6, .rope = {.theta = 500, .width = 6}};
  return {.vocabulary_size = 30,
          .width = 24,
          .layers = {{attention, SwiGluSpec{.width = 8}},
                     {attention, SwiGluSpec{.width = 8}},
                     {attention, SwiGluSpec{.width = 8}}}};
}

TEST(Recipe, SaysTeacherStudentDataAndStages) {
  const auto recipe = read(small_recipe());
  EXPECT_EQ(recipe.name, "small");
  EXPECT_EQ(recipe.type, NumberType::Float32);
  ASSERT_EQ(recipe.data.size(), 2U);
  EXPECT_EQ(std::get<TeacherData>(recipe.data[0].data).max_tokens, 32);
  const auto& text = std::get<TextData>(recipe.data[1].data);
  EXPECT_EQ(std::get<datasets::PlainText>(text.text).files.front(), "/data/a.txt");
  EXPECT_EQ(text.tokens.eos, EndToken::Never);
  ASSERT_EQ(recipe.stages.size(), 1U);
  const auto& stage = recipe.stages.front();
  EXPECT_EQ(stage.tokens_per_pass, 64);
  EXPECT_EQ(stage.objective, Objective(DistilLogits{}));
  EXPECT_EQ(stage.learning_rate(0), 0);
  EXPECT_EQ(stage.learning_rate(1), 1e-3);
}

TEST(Recipe, WhatAStageIsDescribedAsReadsAsThatStage) {
  auto json = small_recipe()["stages"][0];
  json.update({{"frozen", {"embedding.weight"}},
               {"yarn", {{"factor", 4}, {"original_length", 16}}},
               {"optimizer", {{"betas", {0.8, 0.99}}, {"weight_decay", 0.1}}},
               {"data", {{"own", 3}}},
               {"schedule",
                {{"kind", "wsd"},
                 {"warmup_steps", 1},
                 {"decay_steps", 2},
                 {"decay", "sqrt"},
                 {"min_ratio", 0.1}}}});
  const auto stage = read_stage(json, "s");
  EXPECT_EQ(read_stage(Json::parse(describe(stage).dump()), "s"), stage);
}

TEST(Recipe, ThatIsWronglyWrittenIsRefusedWithItsPath) {
  const auto refused = [](const std::string& pointer, const Json& value) {
    auto json = small_recipe();
    json[Json::json_pointer(pointer)] = value;
    return error_of([&] { read(json); });
  };
  EXPECT_THAT(refused("/stages/0/kl_wieght", 0.5),
              AllOf(HasSubstr("r.json.stages[0].kl_wieght"), HasSubstr("kl_weight")));
  EXPECT_THAT(refused("/stages/0/kind", "distil"), HasSubstr("r.json.stages[0].kind"));
  EXPECT_THAT(refused("/stages/0/steps", 0), HasSubstr("r.json.stages[0].steps"));
  EXPECT_THAT(refused("/stages/0/context_length", 100),
              HasSubstr("64 rows cannot hold one sequence of context_length 100"));
  EXPECT_THAT(refused("/stages/0/schedule/kind", "step"), HasSubstr("stages[0].schedule.kind"));
  EXPECT_THAT(refused("/stages/0/optimizer", {{"betas", {0.9, 1.0}}}),
              HasSubstr("stages[0].optimizer.betas"));
  EXPECT_THAT(refused("/stages/0/data", {{"own", -1}}), HasSubstr("stages[0].data.own"));
  EXPECT_THAT(refused("/data/0/documents", 0), HasSubstr("r.json.data[0].documents"));
  EXPECT_THAT(refused("/data/1/name", "own"), HasSubstr("'own' is another source's already"));
  EXPECT_THAT(refused("/data/1/kind", "txt"), HasSubstr("r.json.data[1].kind"));
  EXPECT_THAT(refused("/held_out/share", 1), HasSubstr("r.json.held_out.share"));
  EXPECT_THAT(refused("/number_type", "int8"), HasSubstr("r.json.number_type"));
  EXPECT_THAT(refused("/model", Json::object()), HasSubstr("either \"student\""));
}

TEST(Recipe, APlacementTakesFromTheTeacherWhatItDoesNotName) {
  const auto recipe = read(small_recipe());
  const auto config = student_config(std::get<UpcycledStudent>(recipe.student), small_teacher());
  const auto& mla = std::get<MlaSpec>(config.layers[0].mixer);
  EXPECT_EQ(mla.num_heads, 4);
  EXPECT_EQ(mla.num_kv_heads, 2);
  EXPECT_EQ(mla.latent_rank, 6);
  EXPECT_EQ(mla.nope_width + mla.rope_width, 6);
  EXPECT_EQ(mla.rope.theta, 500);
  EXPECT_EQ(mla.rope.width, mla.rope_width);
  EXPECT_EQ(std::get<Mamba2Spec>(config.layers[2].mixer).num_value_heads, 2);
}

TEST(Recipe, APlacementThatDoesNotFitIsRefusedWithItsPath) {
  const auto refused = [](const char* placement) {
    const UpcycledStudent student{.placement = Json::parse(placement)};
    return error_of([&] { (void)student_config(student, small_teacher()); });
  };
  EXPECT_THAT(refused(R"([{"layers": [3], "mixer": {"kind": "mamba2"}}])"),
              HasSubstr("student.placement[0].layers: layer 3 is outside"));
  EXPECT_THAT(refused(R"([{"layers": [0], "mixer": {"kind": "mamba"}}])"),
              HasSubstr("student.placement[0].mixer.kind: unknown kind 'mamba'"));
  EXPECT_THAT(refused(R"([{"layers": [0], "mixer": {"kind": "mla"}}])"), HasSubstr("latent_rank"));
  EXPECT_THAT(refused(R"([{"layers": [0], "mixer": {"kind": "mla", "rank": 6}}])"),
              HasSubstr("student.placement[0].mixer.rank: unknown key"));
  EXPECT_THAT(refused(R"([{"layers": {"every": 2}, "mixer": {"kind": "mamba2"}},
                          {"layers": [2], "mixer": {"kind": "mamba2"}}])"),
              HasSubstr("layer 2 is named twice"));
}

TEST(Recipe, EveryShippedOneReads) {
  int num_read = 0;
  for (const auto& entry :
       std::filesystem::directory_iterator(hylo::shipped_file("models/recipes"))) {
    if (entry.path().extension() != ".json") continue;
    SCOPED_TRACE(entry.path().filename());
    const auto recipe = read_recipe(read_json_file(entry.path()), entry.path().string(), "/data");
    EXPECT_EQ(recipe.name, entry.path().stem());
    ++num_read;
  }
  EXPECT_GE(num_read, 1);
}

}  // namespace
}  // namespace hylo::models
