// The prompts of the suites, written out by hand from their definitions.
#include "tasks/commonsense/suites.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "datasets/formats.h"
#include "harness/base/files.h"
#include "tasks/catalog.h"
#include "tests/support/test_data.h"

namespace hylo::tasks {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using tests::error_of;

/// Context, then continuation, of each choice.
std::vector<std::string> asked(std::string_view task, const Document& document,
                               const std::vector<const Document*>& shots = {}) {
  std::vector<std::string> texts;
  for (const auto& request : make_task(task)->requests(document, shots)) {
    const auto& scored = std::get<ScoreText>(request);
    texts.push_back(scored.context + "|" + scored.continuation);
  }
  return texts;
}

std::vector<std::string> metrics_of(std::string_view task) {
  const auto definition = make_task(task);
  std::vector<std::string> names;
  for (const auto& metric : definition->info().metrics) names.push_back(metric.name);
  return names;
}

/// The document of that number in a file of the published form.
Document published(const std::string& task, size_t number) {
  const auto file = tests::fixture("published-forms/" + task + ".jsonl");
  const auto text = read_text_file(file);
  return datasets::parse_documents(datasets::Format::JsonLines, text, file.string()).at(number);
}

/// The scores when choice `best` is the likeliest.
double score_of(std::string_view task, const Document& document, size_t best) {
  const auto definition = make_task(task);
  std::vector<Response> responses;
  for (size_t i = 0; i < definition->requests(document, {}).size(); ++i) {
    TextScore score;
    score.log_likelihood = i == best ? -1 : -9;
    responses.emplace_back(score);
  }
  return definition->score(document, responses).front().value.value();
}

const Document winogrande{0,
                          {{"sentence", "The cup did not fit the box as the _ was too big."},
                           {"option1", "cup"},
                           {"option2", "box"},
                           {"answer", "1"}}};

TEST(Winogrande, TheSameRestIsScoredAfterEachOption) {
  EXPECT_THAT(asked("winogrande", winogrande),
              ElementsAre("The cup did not fit the box as the cup| was too big.",
                          "The cup did not fit the box as the box| was too big."));
  EXPECT_THAT(metrics_of("winogrande"), ElementsAre("acc"));
  EXPECT_EQ(score_of("winogrande", winogrande, 0), 1.0);
  EXPECT_EQ(score_of("winogrande", winogrande, 1), 0.0);
}

TEST(Winogrande, AnExampleShowsTheRightOption) {
  EXPECT_THAT(asked("winogrande", winogrande, {&winogrande}).front(),
              "The cup did not fit the box as the cup was too big.\n\n"
              "The cup did not fit the box as the cup| was too big.");
}

TEST(Winogrande, ASentenceWithoutAGapOrAnAnswerOutsideIsAnError) {
  auto document = winogrande;
  document.fields["answer"] = "3";
  EXPECT_THAT(error_of([&] { asked("winogrande", document); }),
              AllOf(HasSubstr("document 0"), HasSubstr("from 1 to 2, found '3'")));
  document.fields["sentence"] = "No gap.";
  EXPECT_THAT(error_of([&] { asked("winogrande", document); }),
              HasSubstr("field sentence: expected '_'"));
  document.fields["sentence"] = "Nothing after the _";
  EXPECT_THAT(error_of([&] { asked("winogrande", document); }), HasSubstr("a choice is empty"));
}

TEST(Openbookqa, TheStemAloneIsTheContext) {
  const Document document{0,
                          {{"question_stem", "Ice is"}, {"choices", {"hot", "cold"}}, {"gold", 1}}};
  EXPECT_THAT(asked("openbookqa", document), ElementsAre("Ice is| hot", "Ice is| cold"));
  EXPECT_EQ(score_of("openbookqa", document, 1), 1.0);
}

TEST(Boolq, NoComesBeforeYes) {
  const Document document{
      0, {{"passage", "Ice -- Ice is cold."}, {"question", "is ice cold"}, {"label", "true"}}};
  const std::string context = "Ice -- Ice is cold.\nQuestion: is ice cold?\nAnswer:";
  EXPECT_THAT(asked("boolq", document), ElementsAre(context + "| no", context + "| yes"));
  EXPECT_EQ(score_of("boolq", document, 1), 1.0);
}

TEST(Boolq, QuestionsAboutOnePassageAreACluster) {
  const auto task = make_task("boolq");
  const Document one{0, {{"passage", "p"}, {"question", "a"}, {"label", "true"}}};
  const Document other{1, {{"passage", "p"}, {"question", "b"}, {"label", "false"}}};
  const Document third{2, {{"passage", "q"}, {"question", "b"}, {"label", "false"}}};
  EXPECT_EQ(task->cluster_of(one), task->cluster_of(other));
  EXPECT_NE(task->cluster_of(one), task->cluster_of(third));
  EXPECT_EQ(make_task("piqa")->cluster_of(one), "");
}

TEST(Race, EarlierProblemsAreShownAnswered) {
  const std::string context =
      "Article: Tom's cat sleeps.\nIt is \"lazy\".\n\n"
      "Question: Who sleeps?\nAnswer: The cat\n"
      "The cat is lazy\n"
      "Why does it sleep?";
  EXPECT_THAT(asked("race", published("race", 0)),
              ElementsAre(context + "| It's tired", context + "| It's \"late\"",
                          context + "| Nobody knows", context + "| It rains"));
  EXPECT_EQ(score_of("race", published("race", 0), 1), 1.0);
  EXPECT_THAT(metrics_of("race"), ElementsAre("acc"));
}

TEST(Race, OneProblemAloneIsAskedAfterTheArticle) {
  EXPECT_EQ(asked("race", published("race", 1)).front(), "Article: Rain.\n\nIt rains  _  .| a");
}

TEST(Race, ABrokenListOfProblemsIsAnErrorThatNamesTheDocument) {
  auto document = published("race", 1);
  document.fields["problems"] = "[{'question': 'a";
  EXPECT_THAT(error_of([&] { asked("race", document); }),
              AllOf(HasSubstr("race: document 1"), HasSubstr("Python literal")));
  document.fields["problems"] = "[]";
  EXPECT_THAT(error_of([&] { asked("race", document); }), HasSubstr("expected a list of problems"));
  document.fields["problems"] =
      "[{'question': 'a', 'answer': 'E', 'options': ['w', 'x', 'y', 'z']}]";
  EXPECT_THAT(error_of([&] { asked("race", document); }), HasSubstr("'E' is not among the labels"));
  document.fields["problems"] = "[{'question': 'a', 'answer': 'A', 'options': 'wxyz'}]";
  EXPECT_THAT(error_of([&] { asked("race", document); }),
              HasSubstr("a problem: 'options': expected a list, found a text"));
}

TEST(SocialIqa, AnswersCountFromOne) {
  const auto document = published("social_iqa", 0);
  const std::string context = "Q: Kim gave Lee a cup. What will Lee do?\nA:";
  EXPECT_THAT(asked("social_iqa", document),
              ElementsAre(context + "| thank Kim", context + "| sleep", context + "| run"));
  EXPECT_EQ(score_of("social_iqa", document, 0), 1.0);
}

TEST(Sciq, TheRightAnswerComesLastSoThatTiesGoToWrongOnes) {
  const auto document = published("sciq", 0);
  const std::string context = "Ice melts. \nQuestion: What melts?\nAnswer:";
  EXPECT_THAT(asked("sciq", document), ElementsAre(context + "| iron", context + "| gold",
                                                   context + "| stone", context + "| ice"));
  EXPECT_EQ(score_of("sciq", document, 3), 1.0);
  EXPECT_EQ(score_of("sciq", document, 99), 0.0);  // all equal
}

TEST(CommonsenseQa, LettersAreScored) {
  const auto document = published("commonsense_qa", 0);
  const std::string context =
      "Question: Where is milk cold?\nA. shop\nB. fridge\nC. cow\nD. sun\nE. sea\nAnswer:";
  EXPECT_THAT(asked("commonsense_qa", document),
              ElementsAre(context + "| A", context + "| B", context + "| C", context + "| D",
                          context + "| E"));
  EXPECT_EQ(score_of("commonsense_qa", document, 1), 1.0);
}

TEST(Hellaswag, ThePublishedFormHasTwoContextsAndATextAsLabel) {
  const std::string soup = "Cooking soup: A man cuts two onions. He then";
  EXPECT_THAT(asked("hellaswag", published("hellaswag", 0)),
              ElementsAre(soup + "| fries them.", soup + "|  reads a book.", soup + "| sings.",
                          soup + "| sleeps."));
  EXPECT_EQ(score_of("hellaswag", published("hellaswag", 0), 0), 1.0);
  EXPECT_THAT(asked("hellaswag", published("hellaswag", 1)).at(2),
              "Home: How to rest. Sit down.| Close your eyes.");
  EXPECT_EQ(score_of("hellaswag", published("hellaswag", 1), 2), 1.0);
}

// EleutherAI/lm-evaluation-harness: its training split where a task has one, else validation, else
// test; RACE names a test split only.
TEST(CommonsenseSuites, PoolsAreThoseOfLmEval) {
  for (const auto& suite : commonsense_suites()) {
    EXPECT_EQ(suite.row.fewshot_split, suite.row.name == "race" ? "test" : "train")
        << suite.row.name;
  }
}

TEST(CommonsenseSuites, ThoseOnAValidationSplitTakeTheDocumentOutOfItsExamples) {
  for (const auto& suite : commonsense_suites()) {
    EXPECT_EQ(suite.row.leaves_itself_out, suite.row.split == "validation") << suite.row.name;
  }
}

}  // namespace
}  // namespace hylo::tasks
