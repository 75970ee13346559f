// Plans of upcycled networks: what goes where, and what is refused.
#include "models/config/placement.h"

#include <gmock/gmock.h>

#include "models/config/catalog.h"
#include "tests/support/test_data.h"

namespace hylo::models {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using tests::error_of;

const ModelConfig& teacher() { return find_model("llama-3.2-1b").config; }
const AttentionSpec& attention() { return std::get<AttentionSpec>(teacher().layers[0].mixer); }

std::string refusal(const Placement& placement) {
  return error_of([&] { (void)place(teacher(), placement); });
}

TEST(Placement, NamedLayersGetTheirMixerAndTheRestTheOther) {
  const auto delta = gated_delta_for_width(2048);
  const auto mamba = mamba2_in_place_of(attention());
  const auto student = place(teacher(), {.entries = {{{1, 5}, delta}}, .rest = mamba});
  EXPECT_EQ(student.layers[1].mixer, MixerSpec(delta));
  EXPECT_EQ(student.layers[5].mixer, MixerSpec(delta));
  EXPECT_EQ(student.layers[0].mixer, MixerSpec(mamba));
  EXPECT_EQ(student.layers[0].feed_forward, teacher().layers[0].feed_forward);
  EXPECT_EQ(student.family, Family::Hylo);
  EXPECT_EQ(student.backbone, Family::Llama);
}

TEST(Placement, WithoutARestTheTeachersLayersStay) {
  const auto student =
      place(teacher(), {.entries = {{{3}, gated_delta_for_width(2048)}}, .rest = {}});
  EXPECT_EQ(student.layers[2], teacher().layers[2]);
  EXPECT_NE(student.layers[3], teacher().layers[3]);
}

TEST(Placement, LayersOutsideOfTheModelOrNamedTwiceAreRefused) {
  const auto delta = gated_delta_for_width(2048);
  EXPECT_THAT(
      refusal({.entries = {{{16}, delta}}, .rest = {}}),
      HasSubstr("placement[0].layers: layer 16 is outside of the model, whose 16 layers are "
                "0 to 15"));
  EXPECT_THAT(refusal({.entries = {{{-1}, delta}}, .rest = {}}), HasSubstr("layer -1 is outside"));
  EXPECT_THAT(refusal({.entries = {{{2}, delta}, {{4, 2}, delta}}, .rest = {}}),
              HasSubstr("placement[1].layers: layer 2 is named twice"));
}

TEST(Placement, WidthsThatDoNotDivideAreRefused) {
  auto delta = gated_delta_for_width(2048);
  delta.num_heads = 7;
  EXPECT_THAT(refusal({.entries = {}, .rest = delta}),
              HasSubstr("placement.rest: num_heads 7 is not a multiple of num_key_heads 6"));
  auto mamba = mamba2_in_place_of(attention());
  mamba.num_value_heads = 5;
  EXPECT_THAT(refusal({.entries = {{{0}, mamba}}, .rest = {}}),
              HasSubstr("placement[0].mixer: num_heads 32 is not a multiple of num_value_heads 5"));
  EXPECT_THAT(error_of([] { (void)gated_delta_for_width(2000); }), HasSubstr("width of 2000"));
}

TEST(Placement, EvenLayersAreEverySecondFromTheFirst) {
  EXPECT_THAT(even_layers(5), ElementsAre(0, 2, 4));
  EXPECT_TRUE(even_layers(0).empty());
}

}  // namespace
}  // namespace hylo::models
