// Worked examples of suites whose data is not here, with files of the published form. The draws are
// those of Python: random.Random(1234).sample(range(2), n), once per document.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "harness/base/files.h"
#include "harness/base/unicode.h"
#include "tasks/catalog.h"
#include "tasks/prompts/assembly.h"
#include "tests/support/test_data.h"

namespace hylo::tasks {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using Ids = std::vector<int64_t>;

/// A data folder in which every split of a suite is the same small file.
class PublishedForms {
 public:
  PublishedForms() {
    add("race", {"high_test"});
    add("social_iqa", {"validation", "train"});
    add("sciq", {"test", "train"});
    add("commonsense_qa", {"validation", "train"});
    add("hellaswag", {"validation", "train"});
  }
  [[nodiscard]] std::filesystem::path folder_of(const std::string& suite) const {
    return folder_ / suite;
  }
  [[nodiscard]] TaskData data_of(const std::string& name,
                                 const std::string& fewshot_split = {}) const {
    return open_task_data(*make_task(name), folder_.path(), /*with_pool=*/true, {}, fewshot_split);
  }
  [[nodiscard]] std::vector<Ids> drawn(const std::string& name, int64_t num_fewshot,
                                       const std::string& fewshot_split = {}) const {
    const auto task = make_task(name);
    const auto data = data_of(name, fewshot_split);
    PromptOptions options;
    options.fewshot_split = fewshot_split;
    options.num_fewshot = num_fewshot;
    std::vector<Ids> all;
    for (const auto& prompted : prompted_documents(*task, data, options)) {
      all.push_back(prompted.fewshot_ids);
    }
    return all;
  }

 private:
  void add(const std::string& suite, const std::vector<std::string>& splits) const {
    std::filesystem::create_directories(folder_ / suite);
    for (const auto& split : splits) {
      std::filesystem::copy_file(tests::fixture("published-forms/" + suite + ".jsonl"),
                                 folder_ / suite / (split + ".jsonl"));
    }
  }
  tests::TemporaryFolder folder_;
};

// sample(range(2), 2) three times: [1, 0], [0, 1], [0, 1].
TEST(PublishedDraws, OneMoreIsDrawnFromTrainAndAnEqualDocumentLeftOut) {
  const PublishedForms forms;
  EXPECT_THAT(forms.drawn("social_iqa", 1), ElementsAre(Ids{1}, Ids{0}));
  EXPECT_THAT(forms.drawn("commonsense_qa", 1), ElementsAre(Ids{1}, Ids{0}));
  EXPECT_THAT(forms.drawn("hellaswag", 1), ElementsAre(Ids{1}, Ids{0}));
}

// The documents in the other order: the one that is drawn first is each time the document itself.
TEST(PublishedDraws, OfNAndOneMoreTheFirstNThatAreNotTheDocumentStay) {
  const PublishedForms forms;
  const auto file = forms.folder_of("hellaswag") / "validation.jsonl";
  const auto text = read_text_file(file);
  const size_t cut = text.find('\n') + 1;
  const auto swapped = text.substr(cut) + text.substr(0, cut);
  write_text_file(file, swapped);
  EXPECT_THAT(forms.drawn("hellaswag", 1), ElementsAre(Ids{0}, Ids{1}));
  write_text_file(file, replace_all(swapped, "A man", "A boy"));
  EXPECT_THAT(forms.drawn("hellaswag", 1), ElementsAre(Ids{0}, Ids{0}));
}

TEST(PublishedDraws, FromTheEvaluatedSplitTheDocumentItselfIsLeftOut) {
  const PublishedForms forms;
  for (const std::string name : {"commonsense_qa", "social_iqa", "hellaswag"}) {
    EXPECT_THAT(forms.drawn(name, 1, "validation"), ElementsAre(Ids{1}, Ids{0})) << name;
    EXPECT_THAT(tests::error_of([&] { (void)forms.drawn(name, 2, "validation"); }),
                HasSubstr("at most 1 worked examples, as many as the split validation can give"));
  }
}

// RACE names one split, for tests; lm-eval compares settings, so that a document may be its own
// example unless the split is asked for by name.
TEST(PublishedDraws, RaceLeavesTheDocumentOutOnlyWhereItsPoolIsNamed) {
  const PublishedForms forms;
  EXPECT_THAT(forms.drawn("race", 2)[0], ElementsAre(1, 0));
  EXPECT_THAT(forms.drawn("race", 1, "test"), ElementsAre(Ids{1}, Ids{0}));
  EXPECT_THAT(tests::error_of([&] { (void)forms.drawn("race", 2, "test"); }),
              HasSubstr("at most 1 worked examples"));
}

TEST(PublishedDraws, SciqAndRaceDrawWithoutLookingAtTheDocument) {
  const PublishedForms forms;
  EXPECT_THAT(forms.drawn("sciq", 2), ElementsAre(Ids{1, 0}, Ids{0, 1}));
  EXPECT_THAT(forms.drawn("race", 2), ElementsAre(Ids{1, 0}, Ids{0, 1}));
}

TEST(Pools, ComeFromTrainWithoutARemark) {
  const PublishedForms forms;
  const auto data = forms.data_of("hellaswag");
  EXPECT_EQ(data.pool_dataset, "hellaswag");
  EXPECT_EQ(data.pool_split, "train");
  EXPECT_THAT(data.remarks, IsEmpty());
  EXPECT_THAT(forms.data_of("race").remarks, IsEmpty());
}

TEST(Pools, AnotherSplitThatStandsInOrIsAskedForIsRemarkedOn) {
  const PublishedForms forms;
  const auto told = AllOf(HasSubstr("split validation of hellaswag, and not from train"),
                          HasSubstr("not lm-eval's"));
  EXPECT_THAT(forms.data_of("hellaswag", "validation").remarks, ElementsAre(told));
  std::filesystem::remove(forms.folder_of("hellaswag") / "train.jsonl");
  const auto data = forms.data_of("hellaswag");
  EXPECT_EQ(data.pool_split, "validation");
  EXPECT_TRUE(data.pool_is_documents);
  EXPECT_THAT(data.remarks, ElementsAre(told));
}

TEST(Pools, WhereNothingStandsInTheMissingFileIsNamed) {
  const PublishedForms forms;
  std::filesystem::remove(forms.folder_of("sciq") / "train.jsonl");
  EXPECT_THAT(tests::error_of([&] { (void)forms.data_of("sciq"); }), HasSubstr("sciq/train.jsonl"));
}

TEST(Pools, AFileOfOtherBytesIsAnErrorAndNotPassedOver) {
  const PublishedForms forms;
  write_text_file(forms.folder_of("hellaswag") / "train.jsonl", "{");
  EXPECT_THAT(tests::error_of([&] { (void)forms.data_of("hellaswag"); }),
              HasSubstr("train.jsonl:1"));
}

}  // namespace
}  // namespace hylo::tasks
