#include "tasks/ruler/qa_files.h"

#include <gmock/gmock.h>

#include "harness/base/files.h"
#include "tests/support/test_data.h"

namespace hylo::tasks::ruler {
namespace {

using hylo::tests::error_of;
using hylo::tests::TemporaryFolder;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class RulerQuestionFiles : public testing::Test {
 protected:
  std::filesystem::path written(const std::string& text) {
    write_text_file(folder_ / "questions.json", text);
    return folder_ / "questions.json";
  }
  TemporaryFolder folder_;
};

TEST_F(RulerQuestionFiles, SquadLeavesOutWhatHasNoAnswer) {
  const auto set = read_squad(written(R"({"data": [{"title": "T", "paragraphs": [
      {"context": "zebra", "qas": [{"question": "Q0?", "answers": [], "is_impossible": true},
                                   {"question": "Q1?", "answers": [{"text": "a"}, {"text": "b"}],
                                    "is_impossible": false}]},
      {"context": "ant", "qas": []}, {"context": "bee", "qas": []}]}]})"));
  EXPECT_THAT(set.documents, ElementsAre("ant", "bee", "zebra"));
  ASSERT_EQ(set.questions.size(), 1U);
  EXPECT_EQ(set.questions[0].text, "Q1?");
  EXPECT_THAT(set.questions[0].answers, ElementsAre("a", "b"));
  EXPECT_THAT(set.questions[0].golden, ElementsAre(2U));
  EXPECT_THAT(set.questions[0].related, ElementsAre(0U, 1U));
  EXPECT_EQ(set.questions[0].article, "T");
}

TEST_F(RulerQuestionFiles, TheFirstVersionOfSquadMarksNothingImpossible) {
  const auto set = read_squad(written(R"({"data": [{"paragraphs": [
      {"context": "c", "qas": [{"question": "Q?", "answers": [{"text": "a"}]}]}]}]})"));
  EXPECT_EQ(set.questions.size(), 1U);
  EXPECT_EQ(set.questions[0].article, "article 0");
}

TEST_F(RulerQuestionFiles, BothLayoutsOfHotpotqaAreTheSameQuestions) {
  const auto list = read_hotpotqa(written(R"([{"question": "Q?", "answer": "a",
      "context": [["Title", ["One.", " Two."]], ["Another", ["X."]]]}])"));
  const auto lines = read_hotpotqa(written(
      R"({"question": "Q?", "answer": "a", "context": {"title": ["Title", "Another"], "sentences": [["One.", " Two."], ["X."]]}})"
      "\n"));
  EXPECT_THAT(list.documents, ElementsAre("Another\nX.", "Title\nOne. Two."));
  EXPECT_EQ(lines.documents, list.documents);
  EXPECT_THAT(list.questions.at(0).golden, ElementsAre(1U, 0U));
  EXPECT_EQ(lines.questions.at(0).golden, list.questions.at(0).golden);
  EXPECT_THAT(list.questions.at(0).related, IsEmpty());
}

TEST_F(RulerQuestionFiles, TheSupportingParagraphThatHoldsTheAnswerComesFirst) {
  const auto supporting = [&](const std::string& answer, const std::string& facts) {
    const auto set = read_hotpotqa(written(fmt::format(
        R"([{{"question": "Q?", "answer": "{}", {} "context": [["A", ["Bo was born in Rome."]],
        ["B", ["Rome lies on the Tiber, not on the Po."]], ["C", ["Tiber"]]]}}])",
        answer, facts)));
    EXPECT_THAT(set.questions[0].golden, ElementsAre(0U, 1U, 2U));
    return std::pair(set.questions[0].supporting, set.questions[0].has_answer_document);
  };
  using Found = std::pair<std::vector<size_t>, bool>;
  const std::string pairs = R"("supporting_facts": [["A", 0], ["A", 1], ["B", 0]],)";
  EXPECT_EQ(supporting("the tiber", pairs), Found({1, 0}, true));
  EXPECT_EQ(supporting("Rome", pairs), Found({0, 1}, true));
  EXPECT_EQ(supporting("P", pairs), Found({0, 1}, false)) << "a part of a word is no answer";
  EXPECT_EQ(supporting("yes", pairs), Found({0, 1}, false));
  EXPECT_EQ(supporting("not", pairs), Found({1, 0}, true));
  EXPECT_EQ(supporting("no", pairs), Found({0, 1}, false));
  EXPECT_EQ(supporting("Tiber", R"("supporting_facts": {"title": ["A", "B", "Z"]},)"),
            Found({1, 0}, true));
  EXPECT_EQ(supporting("Tiber", ""), Found({}, false)) << "nothing is guessed";
  EXPECT_THAT(error_of([&] { (void)supporting("a", R"("supporting_facts": [3],)"); }),
              HasSubstr("questions.json[0].supporting_facts: expected [title, sentence], found 3"));
}

TEST_F(RulerQuestionFiles, TheParagraphOfSquadHoldsTheAnswer) {
  const auto set = read_squad(written(R"({"data": [{"paragraphs": [
      {"context": "b", "qas": [{"question": "Q?", "answers": [{"text": "a"}]}]},
      {"context": "a", "qas": []}]}]})"));
  EXPECT_THAT(set.questions[0].supporting, ElementsAre(1U));
  EXPECT_TRUE(set.questions[0].has_answer_document);
}

TEST_F(RulerQuestionFiles, WhatIsWrongIsNamedWithItsPlace) {
  const auto squad = [&](const std::string& text) {
    return error_of([&] { (void)read_squad(written(text)); });
  };
  const auto hotpotqa = [&](const std::string& text) {
    return error_of([&] { (void)read_hotpotqa(written(text)); });
  };
  EXPECT_THAT(squad(" \n"), HasSubstr("questions.json: is empty"));
  EXPECT_THAT(squad("{\"data\": \"\xff\"}"), HasSubstr("byte 10 is not UTF-8"));
  EXPECT_THAT(squad("{\"data\": 3}"), HasSubstr("questions.json.data: expected a list"));
  EXPECT_THAT(squad("{\"data\": [{\"title\": \"t\"}]}"), HasSubstr("data[0].paragraphs: missing"));
  EXPECT_THAT(squad("{\"data\": []}"), HasSubstr("found none"));
  EXPECT_THAT(squad("nonsense"), HasSubstr("questions.json: not JSON"));
  EXPECT_THAT(hotpotqa("[{\"question\": \"Q?\"}]"), HasSubstr("questions.json[0].answer: missing"));
  EXPECT_THAT(hotpotqa("{\"question\": \"Q?\", \"answer\": \"a\", \"context\": []}"),
              HasSubstr("questions.json:1.context: expected documents"));
  EXPECT_THAT(
      hotpotqa("[{\"question\": \"Q?\", \"answer\": \"a\", \"context\": [[\"T\", \"text\"]]}]"),
      HasSubstr("expected a list of sentences, found string"));
}

}  // namespace
}  // namespace hylo::tasks::ruler
