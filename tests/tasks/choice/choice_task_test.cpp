#include "tasks/choice/choice_task.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tasks/catalog.h"
#include "tasks/commonsense/hellaswag.h"
#include "tests/support/test_data.h"

namespace hylo::tasks {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using tests::error_of;

Document arc_document(const char* answer) {
  return {3,
          {{"question",
            {{"stem", "What falls?"},
             {"choices",
              {{{"text", "rain"}, {"label", "1"}}, {{"text", "the moon"}, {"label", "2"}}}}}},
           {"answerKey", answer}}};
}

const Document piqa_document{
    0, {{"goal", "open it"}, {"sol1", "pull "}, {"sol2", "push"}, {"label", 1}}};

std::vector<ScoreText> asked(const Task& task, const Document& document,
                             std::vector<const Document*> shots = {}) {
  std::vector<ScoreText> requests;
  for (const auto& request : task.requests(document, shots)) {
    requests.push_back(std::get<ScoreText>(request));
  }
  return requests;
}

Response likelihood(double value) {
  TextScore score;
  score.log_likelihood = value;
  return score;
}

TEST(ChoiceSuites, ArcAsksEachChoiceAfterTheQuestion) {
  const auto requests = asked(*make_task("arc_easy"), arc_document("2"));
  ASSERT_EQ(requests.size(), 2U);
  EXPECT_EQ(requests[0].context, "Question: What falls?\nAnswer:");
  EXPECT_EQ(requests[0].continuation, " rain");
  EXPECT_EQ(requests[1].continuation, " the moon");
}

TEST(ChoiceSuites, ExamplesShowTheirAnswerAndABlankLineFollows) {
  const auto example = arc_document("1");
  const auto requests = asked(*make_task("arc_challenge"), arc_document("2"), {&example});
  EXPECT_EQ(requests[0].context,
            "Question: What falls?\nAnswer: rain\n\nQuestion: What falls?\nAnswer:");
}

TEST(ChoiceSuites, PiqaKeepsTrailingBlanks) {
  const auto requests = asked(*make_task("piqa"), piqa_document);
  EXPECT_EQ(requests[0].context, "Question: open it\nAnswer:");
  EXPECT_EQ(requests[0].continuation, " pull ");
}

TEST(ChoiceSuites, HellaswagCleansQuestionAndEndingsAndCapitalisesTheSecondContext) {
  const Document document{0,
                          {{"activity_label", "Baking"},
                           {"ctx_a", "Mix [substeps] it.  Stir."},
                           {"ctx_b", "she ADDS"},
                           {"endings", {"salt [title] Bake", " sugar ", "x", "y"}},
                           {"label", "1"}}};
  const auto requests = asked(*make_task("hellaswag"), document);
  EXPECT_EQ(requests[0].context, "Baking: Mix it. Stir. She adds");
  EXPECT_EQ(requests[0].continuation, " salt. Bake");
  EXPECT_EQ(requests[1].continuation, " sugar");
}

TEST(ChoiceSuites, AnAnswerOutsideTheChoicesIsAnErrorThatNamesTheDocument) {
  const auto arc = make_task("arc_easy");
  EXPECT_THAT(
      error_of([&] { (void)asked(*arc, arc_document("C")); }),
      AllOf(HasSubstr("arc_easy: document 3"), HasSubstr("'C' is not among the labels 1, 2")));
  auto document = piqa_document;
  document.fields["label"] = 2;
  EXPECT_THAT(error_of([&] { (void)asked(*make_task("piqa"), document); }),
              HasSubstr("from 0 to 1, found '2'"));
  document.fields["label"] = -1;
  EXPECT_THAT(error_of([&] { (void)asked(*make_task("piqa"), document); }),
              HasSubstr("found '-1'"));
}

TEST(ChoiceSuites, AMissingFieldAndAnEmptyChoiceAreErrors) {
  auto document = piqa_document;
  document.fields["sol2"] = "";
  EXPECT_THAT(error_of([&] { (void)asked(*make_task("piqa"), document); }), HasSubstr("is empty"));
  document.fields.erase("sol2");
  EXPECT_THAT(error_of([&] { (void)asked(*make_task("piqa"), document); }),
              AllOf(HasSubstr("document 0"), HasSubstr("sol2")));
}

TEST(ChoiceSuites, ARequestThatFailedIsNotAWrongAnswer) {
  const auto task = make_task("piqa");
  const std::vector<Response> responses{likelihood(-1), Failed{"too long"}};
  for (const auto& value : task->score(piqa_document, responses))
    EXPECT_EQ(value.value, std::nullopt);
}

TEST(ChoiceSuites, TheGoldChoiceScores) {
  const auto task = make_task("piqa");
  const std::vector<Response> responses{likelihood(-9), likelihood(-1)};
  const auto score = task->score(piqa_document, responses);
  ASSERT_EQ(score.size(), task->info().metrics.size());
  for (const auto& value : score) EXPECT_EQ(value.value, 1.0) << value.metric;
}

TEST(CleanHellaswag, DoesWhatItsDocstringSays) {
  EXPECT_EQ(clean_hellaswag(" a [title] b "), "a. b");
  EXPECT_EQ(clean_hellaswag("a [step] b"), "a b");
  EXPECT_EQ(clean_hellaswag("a   b"), "a  b");             // once: three blanks become two
  EXPECT_EQ(clean_hellaswag("see [header]"), "see ");      // not stripped again
  EXPECT_EQ(clean_hellaswag("a [x\ny] b"), "a [x\ny] b");  // not across lines
  EXPECT_EQ(clean_hellaswag("[a] b [c] d"), " b d");       // the shortest span
}

TEST(Catalog, AMisspeltTaskSuggestsTheNearest) {
  EXPECT_THAT(error_of([] { make_task("hellaswg"); }),
              HasSubstr("unknown; did you mean hellaswag? `hylo list tasks` shows all"));
  EXPECT_FALSE(is_task("hellaswg"));
}

TEST(Catalog, EveryTaskBearsItsNameAndSaysWhatItIs) {
  for (const auto& name : task_names()) {
    const auto task = make_task(name);
    const TaskInfo& info = task->info();
    EXPECT_EQ(info.name, name);
    EXPECT_FALSE(info.version.empty() || info.source.empty() || info.licence.empty() ||
                 info.description.empty() || info.metrics.empty())
        << name;
    if (info.built_by.empty()) {
      EXPECT_EQ(info.dataset.empty(), !task->generate_documents().empty()) << name;
    }
    EXPECT_EQ(failed_score(info).size(), info.metrics.size());
  }
}

}  // namespace
}  // namespace hylo::tasks
