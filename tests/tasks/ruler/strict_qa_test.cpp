// Questions about documents in the strict mode: where the document with the answer stands.
#include <gmock/gmock.h>

#include <algorithm>
#include <boost/math/distributions/chi_squared.hpp>
#include <numeric>

#include "tests/support/test_data.h"
#include "tests/tasks/ruler/prompt_parts.h"
#include "tests/tasks/ruler/strict_case.h"

namespace hylo::tests {
namespace {

using namespace tasks::ruler;
using testing::HasSubstr;

/// Sixty documents of equal size, in each the answer to one question; of ten golden ones the eighth
/// answers, of one the only one.
QaSet equal_documents(size_t num_golden) {
  constexpr size_t count = 60;
  QaSet set;
  for (size_t i = 0; i < count; ++i) {
    set.documents.push_back(
        fmt::format("Box {:02} holds item{:02}. {}", i, i, "It is old and red."));
  }
  for (size_t i = 0; i < count; ++i) {
    Question question{.text = fmt::format("What does box {:02} hold?", i),
                      .answers = {fmt::format("item{:02}", i)},
                      .golden = {},
                      .related = {},
                      .article = fmt::format("{:02}", i)};
    const size_t before = num_golden == 1 ? 0 : 7;
    for (size_t g = 0; g < num_golden; ++g) {
      question.golden.push_back((i + count - before + g) % count);
    }
    question.supporting = {i};
    if (num_golden > 1) question.supporting.push_back(question.golden[2]);
    question.has_answer_document = true;
    set.questions.push_back(question);
  }
  return set;
}

/// Chance of a statistic so large, or larger, where all places are equally likely.
double chance_of(const std::vector<int64_t>& counts) {
  const auto total = std::accumulate(counts.begin(), counts.end(), int64_t{0});
  const double expected = static_cast<double>(total) / static_cast<double>(counts.size());
  double statistic = 0;
  for (const auto count : counts) {
    statistic += (static_cast<double>(count) - expected) * (static_cast<double>(count) - expected);
  }
  const boost::math::chi_squared law(static_cast<double>(counts.size() - 1));
  return boost::math::cdf(boost::math::complement(law, statistic / expected));
}

TEST(StrictQa, TheDocumentWithTheAnswerStandsAtEveryPlaceEquallyOften) {
  Sources sources = generated();
  sources.squad = equal_documents(1);
  sources.hotpotqa = equal_documents(10);
  for (const std::string task : {"qa_1", "qa_2"}) {
    std::vector<int64_t> counts;
    const auto count_place = [&](const Sample& sample) {
      const auto documents = documents_of(sample.input);
      const auto holder = std::ranges::find_if(documents, [&](const std::string& text) {
        return text.find(sample.references[0]) != std::string::npos;
      });
      ASSERT_NE(holder, documents.end());
      const auto place = holder - documents.begin();
      EXPECT_EQ(sample.meta["gold_position"], place);
      EXPECT_EQ(sample.meta["gold"], gold_holds_answer);
      if (counts.empty()) counts.resize(documents.size());
      ASSERT_EQ(documents.size(), counts.size()) << "the prompts have equally many documents";
      ++counts[static_cast<size_t>(place)];
    };
    build_strict(request_of({.task = task, .length = 512, .num_samples = 2000}), sources,
                 count_rough, count_place);
    EXPECT_GT(counts.size(), 15U);
    EXPECT_GT(chance_of(counts), 0.001) << task << ": " << testing::PrintToString(counts);
  }
}

TEST(StrictQa, OfTheGoldenDocumentsItIsToldWhichTheAnswerNeeds) {
  for (const auto& sample : built({.task = "qa_2"})) {
    const auto documents = documents_of(sample.input);
    const auto& needed = sample.meta["supporting_positions"];
    ASSERT_EQ(needed.size(), 2U);
    EXPECT_THAT(needed, testing::Contains(sample.meta["gold_position"]));
    EXPECT_EQ(sample.meta["gold_positions"].size(), 10U);
    EXPECT_THAT(documents.at(sample.meta["gold_position"]), HasSubstr(sample.references[0]));
    const auto person = needed[0] == sample.meta["gold_position"] ? needed[1] : needed[0];
    EXPECT_THAT(documents.at(person), HasSubstr(sample.cluster));
  }
}

TEST(StrictQa, WhereNoDocumentHoldsTheAnswerASupportingOneHasThePlace) {
  Sources sources = generated();
  sources.hotpotqa = equal_documents(10);
  for (auto& question : sources.hotpotqa.questions) {
    question.answers = {"yes"};
    question.has_answer_document = false;
    std::swap(question.supporting[0], question.supporting[1]);
    if (question.article < "30") question.supporting.clear();
  }
  build_strict(request_of({.task = "qa_2", .length = 512, .num_samples = 60}), sources, count_rough,
               [&](const Sample& sample) {
                 const auto& question =
                     sources.hotpotqa.questions[sample.meta["question"].get<size_t>()];
                 const bool is_known = !question.supporting.empty();
                 EXPECT_EQ(sample.meta["gold"], is_known ? "supporting" : "any");
                 const auto placed = is_known ? question.supporting[0] : question.golden[0];
                 EXPECT_THAT(documents_of(sample.input).at(sample.meta["gold_position"]),
                             HasSubstr(sources.hotpotqa.documents[placed]));
               });
}

// It would be found in every prediction.
TEST(StrictQa, AnEmptyAnswerIsRefusedWithItsQuestion) {
  Sources sources = generated();
  sources.squad = equal_documents(1);
  sources.squad.questions[7].answers.emplace_back(" ");
  EXPECT_THAT(error_of([&] {
                build_strict(request_of({.task = "qa_1"}), sources, count_rough,
                             [](const Sample&) {});
              }),
              HasSubstr("qa_1: question 7 of its file, 'What does box 07 hold?': expected answers, "
                        "found an empty one"));
}

}  // namespace
}  // namespace hylo::tests
