#include "tasks/ruler/ruler_spec.h"

#include <gmock/gmock.h>

#include "tests/support/test_data.h"

namespace hylo::tasks::ruler {
namespace {

using hylo::tests::error_of;
using testing::HasSubstr;

TEST(RulerSpecs, AreTheThirteenTasksOfThePaper) {
  EXPECT_EQ(ruler_specs().size(), 13U);
  EXPECT_EQ(ruler_specs().front().name, "niah_single_1");
  EXPECT_EQ(ruler_specs().back().name, "qa_2");
}

TEST(RulerSpecs, AllowTheNewTokensOfTheirFamily) {
  for (const auto& [name, tokens] :
       {std::pair{"niah_multiquery", 128}, {"vt", 30}, {"cwe", 120}, {"fwe", 50}, {"qa_2", 32}}) {
    EXPECT_EQ(find_ruler_spec(name).max_new_tokens, tokens) << name;
  }
}

TEST(RulerSpecs, OnlyQuestionsCountAnyReference) {
  for (const auto& spec : ruler_specs()) {
    EXPECT_EQ(spec.metric == Metric::Part, std::holds_alternative<QaSpec>(spec.family))
        << spec.name;
  }
}

TEST(RulerSpecs, MultiqueryHasAsManyKeysAsItAsksFor) {
  const auto& niah = std::get<NiahSpec>(find_ruler_spec("niah_multiquery").family);
  EXPECT_EQ(niah.num_keys, 4);
  EXPECT_EQ(niah.num_queries, 4);
}

TEST(RulerSpecs, AnUnknownNameIsToldTheNearest) {
  EXPECT_THAT(error_of([] { (void)find_ruler_spec("niah_singel_1"); }),
              HasSubstr("did you mean niah_single_1?"));
}

}  // namespace
}  // namespace hylo::tasks::ruler
