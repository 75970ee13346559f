// Recipes: what is read, and what is refused with its path.
#include "models/distill/recipe.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "harness/base/files.h"
#include "models/config/catalog.h"
#include "models/distill/trained_model.h"
#include "models/upcycle/upcycle.h"
#include "models/weights/weights.h"
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

TEST(Recipe, SaysWhatTheStudentIsAskedMeanwhile) {
  EXPECT_FALSE(read(small_recipe()).evaluation);
  auto json = small_recipe();
  json["evaluation"] = {
      {"tasks", {"a", "b@256"}}, {"every", 500}, {"limit", 100}, {"sets", "ruler"}};
  const auto evaluation = read(json).evaluation;
  ASSERT_TRUE(evaluation);
  EXPECT_EQ(evaluation->tasks, (std::vector<std::string>{"a", "b@256"}));
  EXPECT_EQ(evaluation->every, 500);
  EXPECT_EQ(evaluation->limit, 100);
  EXPECT_EQ(evaluation->sets, "/data/ruler");
  json["evaluation"] = {{"tasks", {"a"}}, {"limit", nullptr}};
  EXPECT_EQ(read(json).evaluation->every, 0);
  EXPECT_EQ(read(json).evaluation->limit, std::nullopt);
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
  EXPECT_THAT(refused("/data/0", {{"name", "c"},
                                  {"kind", "copies"},
                                  {"documents", 5},
                                  {"digits", 12},
                                  {"copied", {6, 9}}}),
              AllOf(HasSubstr("r.json.data[0].copied"), HasSubstr("from 1 to 8")));
  EXPECT_THAT(refused("/held_out/share", 1), HasSubstr("r.json.held_out.share"));
  EXPECT_THAT(refused("/evaluation", {{"task", {"a"}}}), HasSubstr("r.json.evaluation.tasks"));
  EXPECT_THAT(refused("/evaluation", {{"tasks", {"a"}}, {"evrey", 5}}),
              AllOf(HasSubstr("r.json.evaluation.evrey"), HasSubstr("every")));
  EXPECT_THAT(refused("/evaluation", {{"tasks", Json::array()}}), HasSubstr("names no task"));
  EXPECT_THAT(refused("/evaluation", {{"tasks", {"a"}}, {"every", -1}}),
              HasSubstr("r.json.evaluation.every"));
  EXPECT_THAT(refused("/evaluation", {{"tasks", {"a"}}, {"limit", 0}}),
              HasSubstr("r.json.evaluation.limit"));
  EXPECT_THAT(refused("/evaluation", Json::array({"a"})), HasSubstr("r.json.evaluation"));
  EXPECT_THAT(refused("/number_type", "int8"), HasSubstr("r.json.number_type"));
  EXPECT_THAT(refused("/number_type", "float16"), HasSubstr("expected float32 or bfloat16"));
  EXPECT_THAT(refused("/stages/0/name", "a/b"), HasSubstr("r.json.stages[0].name"));
  EXPECT_THAT(refused("/stages/0/schedule/warmup_steps", 5),
              HasSubstr("do not fit in the stage's 5"));
  EXPECT_THAT(refused("/student/like", "hylo-llama-4mla12gdn"),
              HasSubstr("either \"placement\" or \"like\""));
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

Recipe shipped(const std::filesystem::path& file) {
  return read_recipe(read_json_file(file), file.string(), "/data");
}
Recipe shipped_recipe(const std::string& name) {
  return shipped(hylo::shipped_file("models/recipes/" + name + ".json"));
}
std::vector<Recipe> all_shipped() {
  std::vector<Recipe> recipes;
  for (const auto& entry :
       std::filesystem::directory_iterator(hylo::shipped_file("models/recipes"))) {
    if (entry.path().extension() != ".json") continue;
    recipes.push_back(shipped(entry.path()));
    EXPECT_EQ(recipes.back().name, entry.path().stem());
  }
  return recipes;
}

/// Those whose student is a row of the catalogue.
std::vector<std::pair<Recipe, CatalogEntry>> of_the_catalogue() {
  std::vector<std::pair<Recipe, CatalogEntry>> rows;
  for (auto& recipe : all_shipped()) {
    const auto* upcycled = std::get_if<UpcycledStudent>(&recipe.student);
    if (upcycled && !upcycled->like.empty()) rows.emplace_back(recipe, find_model(upcycled->like));
  }
  return rows;
}

bool any_tensor_fits(const ModelConfig& config, const std::string& pattern) {
  bool fits = false;
  const auto weights = empty_weights(config);
  visit_weights(config, weights, [&](const WeightSlot& slot, const at::Tensor&) {
    fits = fits || fits_pattern(slot.name, pattern);
  });
  return fits;
}

TEST(Recipe, AScalingOfAnotherKindTakesThePlaceOfTheTeachers) {
  auto teacher = small_teacher();
  for (auto& layer : teacher.layers) {
    std::get<AttentionSpec>(layer.mixer).rope.scaling = Llama3Scaling{.original_length = 64};
  }
  const auto scaling_of = [&](const char* rope) {
    auto mixer = Json::parse(R"({"kind": "mla", "latent_rank": 6})");
    mixer.update(Json::parse(rope));
    const UpcycledStudent student{.placement = {{{"layers", {0}}, {"mixer", mixer}}}};
    return std::get<MlaSpec>(student_config(student, teacher).layers[0].mixer).rope.scaling;
  };
  EXPECT_TRUE(std::holds_alternative<Llama3Scaling>(scaling_of("{}")));
  EXPECT_EQ(scaling_of(R"({"rope": {"scaling": {"kind": "linear", "factor": 4}}})"),
            RopeScaling(LinearScaling{4}));
}

TEST(Recipe, ANarrowerStudentHasTheSizesThatItSaysAndTheRestOfTheTeachers) {
  auto json = small_recipe();
  json["student"] = {
      {"narrow", {{"width", 20}, {"num_kv_heads", 1}, {"sequences", 4}, {"tokens", 9}}}};
  const auto config =
      student_config(std::get<UpcycledStudent>(read(json).student), small_teacher());
  EXPECT_EQ(config.width, 20);
  EXPECT_EQ(config.layers.size(), 3U);
  EXPECT_EQ(std::get<AttentionSpec>(config.layers[2].mixer).num_heads, 2);
  EXPECT_EQ(std::get<SwiGluSpec>(config.layers[2].feed_forward).width, 8);
  json["student"]["like"] = "llamba-1b";
  EXPECT_THAT(error_of([&] { read(json); }), HasSubstr("r.json.student.like: unknown key"));
}

TEST(Recipe, AShippedNarrowStudentFollowsFromItsBase) {
  const auto recipe = shipped_recipe("minitron-llama-8b-4b");
  const auto config =
      student_config(std::get<UpcycledStudent>(recipe.student), find_model("llama-3.1-8b").config);
  EXPECT_EQ(config.width, 3072);
  EXPECT_EQ(std::get<SwiGluSpec>(config.layers[31].feed_forward).width, 9216);
}

TEST(Recipe, ExpertsTakeThePlaceOfDenseFeedForwards) {
  auto json = small_recipe();
  json["student"] = {{"experts",
                      {{"num_experts", 4},
                       {"experts_per_token", 2},
                       {"layers", {1}},
                       {"shared", true},
                       {"drop_share", 0.5}}}};
  const auto student = std::get<UpcycledStudent>(read(json).student);
  EXPECT_EQ(student.options.experts.drop_share, 0.5);
  const auto config = student_config(student, small_teacher());
  EXPECT_NO_THROW(check_student(small_teacher(), config));
  const auto& experts = std::get<MoeSpec>(config.layers[1].feed_forward);
  EXPECT_EQ(experts.num_experts, 4);
  EXPECT_EQ(experts.width, 8);
  EXPECT_EQ(experts.shared_width, 8);
  EXPECT_EQ(config.layers[0], small_teacher().layers[0]);
  EXPECT_EQ(config.layers[1].mixer, small_teacher().layers[1].mixer);
  auto& keys = json["student"]["experts"];
  keys["layers"] = Json::array({3});
  EXPECT_THAT(error_of([&] {
                (void)student_config(std::get<UpcycledStudent>(read(json).student),
                                     small_teacher());
              }),
              HasSubstr("student.experts.layers: layer 3 is outside of the model, whose 3 layers"));
  keys["experts_per_token"] = 5;
  EXPECT_THAT(
      error_of([&] { read(json); }),
      HasSubstr("r.json.student.experts.experts_per_token: expected at most the 4 experts"));
}

TEST(Recipe, ANetworkThatCannotBeIsRefused) {
  auto json = small_recipe();
  json.erase("student");
  json["model"] = {{"width", 16},       {"num_layers", 1},         {"num_heads", 3},
                   {"num_kv_heads", 2}, {"feed_forward_width", 8}, {"max_positions", 32}};
  EXPECT_THAT(error_of([&] { read(json); }), HasSubstr("num_kv_heads"));
}

TEST(Recipe, EveryShippedOneReads) { EXPECT_GE(all_shipped().size(), 17U); }

TEST(Recipe, AShippedStudentOfTheCatalogueFollowsFromItsTeacher) {
  const auto rows = of_the_catalogue();
  EXPECT_GE(rows.size(), 12U);
  for (const auto& [recipe, entry] : rows) {
    SCOPED_TRACE(recipe.name);
    ASSERT_NE(entry.teacher, "");
    const auto& teacher = find_model(entry.teacher).config;
    const auto student = student_config(std::get<UpcycledStudent>(recipe.student), teacher);
    EXPECT_NO_THROW(check_student(teacher, student));
    EXPECT_EQ(count_parameters(student), count_parameters(entry.config));
    for (const auto& stage : recipe.stages) {
      for (const auto& pattern : stage.frozen) {
        EXPECT_TRUE(any_tensor_fits(student, pattern)) << stage.name << ": " << pattern;
      }
    }
  }
}

TEST(Recipe, AShippedStageOfTheCatalogueIsWholeSequencesWithinWhatItsPositionsReach) {
  for (const auto& [recipe, entry] : of_the_catalogue()) {
    for (const auto& stage : recipe.stages) {
      SCOPED_TRACE(recipe.name + ", " + stage.name);
      EXPECT_EQ(stage.tokens_per_step % stage.tokens_per_pass, 0);
      EXPECT_EQ(stage.tokens_per_pass % stage.context_length, 0);
      const auto& teacher = find_model(entry.teacher).config;
      const double reach =
          stage.yarn ? stage.yarn->factor * static_cast<double>(stage.yarn->original_length)
                     : static_cast<double>(teacher.max_positions);
      EXPECT_LE(static_cast<double>(stage.context_length), reach);
    }
  }
}

TEST(Recipe, AShippedLastStretchLeavesTheRotationsOfThePublishedFiles) {
  int num_stretched = 0;
  for (const auto& [recipe, entry] : of_the_catalogue()) {
    SCOPED_TRACE(recipe.name);
    const auto& yarn = recipe.stages.back().yarn;
    // Files stretched by 1 say so; ours have plain rotations then, which are the same.
    if (!yarn || yarn->factor == 1) continue;
    const auto student =
        student_config(std::get<UpcycledStudent>(recipe.student), find_model(entry.teacher).config);
    const auto trained = stretched(student, *yarn);
    for (size_t i = 0; i < trained.layers.size(); ++i) {
      EXPECT_EQ(trained.layers[i].mixer, entry.config.layers[i].mixer);
    }
    ++num_stretched;
  }
  EXPECT_EQ(num_stretched, 5);
}

// Batches of 32 x 8192 and 8 x 65536 tokens, YaRN from 2048 to the length, a peak of 6e-5.
TEST(Recipe, HyLosStagesHaveThePublishedFigures) {
  const auto at_8k = shipped_recipe("hylo-llama-1b-4mla12gdn-8k").stages.at(1);
  EXPECT_EQ(at_8k.tokens_per_step, 262144);
  EXPECT_EQ(at_8k.yarn, (Stretch{4, 2048}));
  EXPECT_EQ(at_8k.peak_learning_rate, 6e-5);
  EXPECT_EQ(at_8k.objective, Objective(DistilLogits{.kl_weight = 1, .ce_weight = 0}));
  const auto recipe = shipped_recipe("hylo-llama-1b-4mla12gdn-64k");
  const auto& align = recipe.stages.at(0);
  EXPECT_EQ(align.context_length, 2048);
  EXPECT_EQ(align.peak_learning_rate, 2e-4);
  const auto& at_64k = recipe.stages.at(1);
  EXPECT_EQ(at_64k.context_length, 65536);
  EXPECT_EQ(at_64k.tokens_per_step, 524288);
  EXPECT_EQ(at_64k.yarn, (Stretch{32, 2048}));
  EXPECT_EQ(shipped_recipe("hylo-llama-3b-6mla22gdn-8k").stages.at(1).tokens_per_step, 131072);
  const auto qwen = shipped_recipe("hylo-qwen-1.7b-7mla21gdn-64k").stages.at(1);
  EXPECT_EQ(qwen.yarn, (Stretch{2, 32768}));
}

TEST(Recipe, JetNemotronsFeedForwardsRestFor50e9TokensAndLearnFor350e9) {
  const auto stages = shipped_recipe("jet-nemotron-2b").stages;
  const auto tokens = [](const Stage& stage) {
    return static_cast<double>(stage.steps * stage.tokens_per_step);
  };
  EXPECT_NEAR(tokens(stages.at(0)), 50e9, 2e6);
  EXPECT_EQ(stages[0].frozen, std::vector<std::string>{"layers.*.feed_forward.*"});
  EXPECT_NEAR(tokens(stages.at(1)), 350e9, 2e6);
  EXPECT_TRUE(stages[1].frozen.empty());
}

// Per device, accumulation and devices: 12 x 2 x 8, 6 x 2 x 8 and 4 x 2 x 8 sequences of 2048.
TEST(Recipe, ZebraLlamasStagesHaveThePublishedFigures) {
  const auto distill = [](const char* name) { return shipped_recipe(name).stages.at(1); };
  EXPECT_EQ(distill("zebra-llama-1b-4mla12m2").tokens_per_step, 393216);
  EXPECT_EQ(distill("zebra-llama-1b-4mla12m2").peak_learning_rate, 8e-5);
  EXPECT_EQ(distill("zebra-llama-3b-6mla22m2").tokens_per_step, 196608);
  EXPECT_EQ(distill("zebra-llama-3b-6mla22m2").steps, 37842);
  EXPECT_EQ(distill("zebra-llama-8b-8mla24m2").tokens_per_step, 131072);
  EXPECT_EQ(distill("zebra-llama-8b-8mla24m2").steps, 72021);
  const auto align = shipped_recipe("zebra-llama-8b-8mla24m2").stages.at(0);
  EXPECT_EQ(align.tokens_per_step, 6 * 8 * 2048);
  EXPECT_EQ(align.peak_learning_rate, 1e-4);
  for (const auto* name : {"zebra-llama-1b-4mla12m2", "zebra-llama-8b-8mla24m2"}) {
    const auto prefer = shipped_recipe(name).stages.at(2);
    EXPECT_EQ(prefer.objective, Objective(Prefer{.beta = 0.01, .max_prompt_tokens = 512}));
    EXPECT_EQ(prefer.peak_learning_rate, 5e-7);
    EXPECT_EQ(prefer.context_length, 1024);
  }
}

}  // namespace
}  // namespace hylo::models
