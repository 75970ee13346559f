// Whole students: what is taken over, what is drawn, and what is refused.
#include "models/upcycle/upcycle.h"

#include <ATen/Parallel.h>
#include <gmock/gmock.h>

#include "models/decoder/decoder.h"
#include "models/upcycle/initial_mixer.h"
#include "tests/models/upcycle/tiny_attention.h"
#include "tests/support/test_data.h"

namespace hylo::models {
namespace {

using hylo::tests::error_of;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using namespace tests;  // NOLINT: the whole header is for tests like these

const GatedDeltaSpec narrow_delta{
    .num_key_heads = 2, .num_heads = 2, .key_width = 5, .value_width = 10};
const Mamba2Spec same_heads{.num_heads = 4,
                            .num_value_heads = 2,
                            .num_key_heads = 2,
                            .num_query_heads = 4,
                            .key_width = 6,
                            .value_width = 6,
                            .norm_groups = 4};

/// Six layers of attention and a student that has every kind, and one layer as it was.
ModelConfig six_layers() { return dense_teacher(grouped, 6); }
ModelConfig every_kind() {
  auto student = six_layers();
  student.layers[0].mixer = mla_of_grouped(12, 8);
  student.layers[1].mixer = narrow_delta;
  student.layers[2].mixer = same_heads;
  student.layers[4].mixer =
      JetBlockSpec{.num_heads = 2, .key_width = 5, .value_width = 9, .generator_width = 3};
  student.layers[5].mixer =
      DiscreteMamba2Spec{.num_heads = 4, .num_key_heads = 2, .key_width = 6, .value_width = 6};
  return student;
}
ModelWeights teacher_weights() { return random_weights(six_layers(), NumberType::Float32, 21); }

std::string refusal(const ModelConfig& teacher, const ModelConfig& student) {
  return error_of([&] { check_student(teacher, student); });
}

bool share_memory(const at::Tensor& a, const at::Tensor& b) {
  return a.const_data_ptr() == b.const_data_ptr();
}

TEST(Upcycle, AStudentOfEveryKindHasAllTensorsAndRuns) {
  const auto student = every_kind();
  const auto weights = upcycle(six_layers(), teacher_weights(), student);
  visit_weights(student, weights, [](const WeightSlot& slot, const at::Tensor& tensor) {
    ASSERT_TRUE(tensor.defined()) << slot.name;
    EXPECT_EQ(tensor.sizes().vec(), slot.shape) << slot.name;
    EXPECT_EQ(tensor.scalar_type(), at::kFloat) << slot.name;
  });
  const auto tokens = random_tokens(30, 1);
  const auto out = Decoder(student, weights).forward(tokens, {{{nullptr, 30}}});
  EXPECT_TRUE(out.normed_ND.isfinite().all().item<bool>());
}

TEST(Upcycle, LayersThatStayAndAllThatIsNoMixerAreTheTeachersTensors) {
  const auto teacher = teacher_weights();
  const auto student = upcycle(six_layers(), teacher, every_kind());
  EXPECT_TRUE(share_memory(student.embedding_WD, teacher.embedding_WD));
  EXPECT_TRUE(share_memory(student.final_norm_D, teacher.final_norm_D));
  EXPECT_TRUE(share_memory(student.head_WD, teacher.head_WD));
  for (size_t i = 0; i < 6; ++i) {
    EXPECT_TRUE(share_memory(student.layers[i].mixer_norm_D, teacher.layers[i].mixer_norm_D));
    EXPECT_TRUE(share_memory(std::get<SwiGluWeights>(student.layers[i].feed_forward).up.weight_OI,
                             std::get<SwiGluWeights>(teacher.layers[i].feed_forward).up.weight_OI));
  }
  EXPECT_TRUE(share_memory(mixer_of<AttentionWeights>(student, 3).query.weight_OI,
                           mixer_of<AttentionWeights>(teacher, 3).query.weight_OI));
}

TEST(Upcycle, WindowsAndFrequenciesMayChangeInLayersThatStay) {
  auto windowed = grouped;
  windowed.window = 16;
  windowed.rope.scaling = YarnScaling{.factor = 4, .original_length = 64};
  const auto teacher = teacher_weights();
  const auto student = upcycle(six_layers(), teacher, with_mixer(six_layers(), 2, windowed));
  EXPECT_TRUE(share_memory(mixer_of<AttentionWeights>(student, 2).key.weight_OI,
                           mixer_of<AttentionWeights>(teacher, 2).key.weight_OI));
}

TEST(Upcycle, AHeadThatTheStudentUntiesIsACopyOfTheEmbedding) {
  auto tied = six_layers();
  tied.tied_head = true;
  const auto teacher = random_weights(tied, NumberType::Float32, 21);
  EXPECT_FALSE(upcycle(tied, teacher, tied).head_WD.defined());
  const auto student = upcycle(tied, teacher, six_layers());
  EXPECT_TRUE(at::equal(student.head_WD, teacher.embedding_WD));
  EXPECT_FALSE(share_memory(student.head_WD, teacher.embedding_WD));
}

TEST(Upcycle, TheSameSeedGivesTheSameBitsForEveryNumberOfThreads) {
  const auto teacher = teacher_weights();
  const auto gate = [&](uint64_t seed) {
    const auto student = upcycle(six_layers(), teacher, every_kind(), {.seed = seed});
    return mixer_of<GatedDeltaWeights>(student, 1).gate.weight_OI;
  };
  const auto first = gate(3);
  const int threads = at::get_num_threads();
  at::set_num_threads(threads == 1 ? 2 : 1);
  EXPECT_TRUE(at::equal(first, gate(3)));
  at::set_num_threads(threads);
  EXPECT_FALSE(at::equal(first, gate(4)));
}

TEST(Upcycle, WithRandomMixersOnlyWhatStaysIsTheTeachers) {
  const auto teacher = teacher_weights();
  const auto student =
      upcycle(six_layers(), teacher, every_kind(), {.seed = 3, .random_mixers = true});
  const auto drawn =
      std::get<GatedDeltaWeights>(initial_mixer(narrow_delta, "layers.1.mixer", 15, at::kFloat, 3));
  EXPECT_TRUE(
      at::equal(mixer_of<GatedDeltaWeights>(student, 1).query.weight_OI, drawn.query.weight_OI));
  EXPECT_TRUE(share_memory(mixer_of<AttentionWeights>(student, 3).query.weight_OI,
                           mixer_of<AttentionWeights>(teacher, 3).query.weight_OI));
}

TEST(Upcycle, StudentsOfAnotherNetworkAreRefusedByKey) {
  const auto teacher = six_layers();
  const auto changed = [&](auto change) {
    auto student = every_kind();
    change(student);
    return refusal(teacher, student);
  };
  EXPECT_EQ(changed([](ModelConfig& s) { s.vocabulary_size = 38; }),
            "vocabulary_size: expected the teacher's 37, found 38");
  EXPECT_EQ(changed([](ModelConfig& s) { s.width = 16; }),
            "width: expected the teacher's 15, found 16");
  EXPECT_EQ(changed([](ModelConfig& s) { s.layers.pop_back(); }),
            "layers: expected the teacher's 6, found 5");
  EXPECT_EQ(changed([](ModelConfig& s) { s.layers[2].feed_forward = SwiGluSpec{.width = 12}; }),
            "layers.2.feed_forward.gate.weight: expected the teacher's [11, 15], found [12, 15]");
  EXPECT_EQ(changed([](ModelConfig& s) { s.layers[2].feed_forward = NoFeedForward{}; }),
            "layers.2.feed_forward.gate.weight: expected the teacher's [11, 15], the student has "
            "no such tensor");
  EXPECT_THAT(changed([](ModelConfig& s) { s.layers[4].connectivity = Connectivity::PostNorm; }),
              HasSubstr("layers.4.connectivity"));
  EXPECT_THAT(changed([](ModelConfig& s) { s.norm.epsilon = 1e-3; }), HasSubstr("norm.epsilon"));
  EXPECT_THAT(changed([](ModelConfig& s) { s.tied_head = true; }),
              HasSubstr("tied_head: the teacher's head has weights of its own"));
  EXPECT_THAT(changed([](ModelConfig& s) { s.layers[0].mixer = mla_of_grouped(16, 8); }),
              HasSubstr("layers.0.mixer.query_rank"));
}

TEST(Upcycle, APairWithoutARuleNamesTheRulesThatThereAre) {
  const auto teacher = six_layers();
  EXPECT_EQ(refusal(teacher, with_mixer(teacher, 1, kimi)),
            "layers.1.mixer: there is no rule that makes Kimi Delta Attention of attention; there "
            "are attention to MLA, attention to Mamba2, attention to Gated DeltaNet, attention to "
            "JetBlock, attention to Discrete Mamba2, and any mixer may stay as it is");
  EXPECT_THAT(refusal(every_kind(), with_mixer(every_kind(), 2, narrow_delta)),
              HasSubstr("no rule that makes Gated DeltaNet of Mamba2"));
}

TEST(Upcycle, OfOneKindOnlyTheSameMixerStays) {
  auto wider = grouped;
  wider.num_kv_heads = 4;
  EXPECT_THAT(refusal(six_layers(), with_mixer(six_layers(), 1, wider)),
              HasSubstr("layers.1.mixer.key.weight: expected the teacher's [12, 15], found "));
  // Of the same shapes, but other heads.
  const AttentionSpec other{
      .num_heads = 8, .num_kv_heads = 4, .head_width = 3, .rope = {.width = 2}};
  EXPECT_THAT(refusal(six_layers(), with_mixer(six_layers(), 1, other)),
              HasSubstr("attention is not the teacher's in its heads, norms or other settings"));
}

TEST(Upcycle, AnOutputGateHasNoPlace) {
  auto gated = grouped;
  gated.output_gate = true;
  const auto teacher = dense_teacher(gated);
  EXPECT_THAT(refusal(teacher, with_mixer(teacher, 0, narrow_delta)), HasSubstr("output gate"));
}

TEST(Upcycle, WhatHasNoPlaceIsNamed) {
  auto spec = grouped;
  spec.input_bias = true;
  spec.window = 8;
  const auto teacher = dense_teacher(spec);
  EXPECT_THAT(dropped_by_upcycling(teacher, teacher), IsEmpty());
  EXPECT_THAT(
      dropped_by_upcycling(teacher, with_mixer(teacher, 1, mla_of_grouped(4, 4))),
      ElementsAre("layers.1.mixer: MLA has no place for the biases of queries, keys and values, "
                  "the window of the teacher"));
  EXPECT_THAT(dropped_by_upcycling(six_layers(), with_mixer(six_layers(), 0, narrow_delta)),
              ElementsAre(HasSubstr("the rotation by positions")));
}

}  // namespace
}  // namespace hylo::models
