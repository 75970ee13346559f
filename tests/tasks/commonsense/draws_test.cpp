// Worked examples of suites whose data is not here, with files of the published form. The draws are
// those of Python: random.Random(1234).sample(range(2), n), once per document.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tasks/catalog.h"
#include "tasks/prompts/assembly.h"
#include "tests/support/test_data.h"

namespace hylo::tasks {
namespace {

using testing::ElementsAre;
using Ids = std::vector<int64_t>;

/// A data folder in which every split of a suite is the same small file.
class PublishedForms {
 public:
  PublishedForms() {
    add("race", {"high_test"});
    add("social_iqa", {"validation", "train"});
    add("sciq", {"test", "train"});
    add("commonsense_qa", {"validation", "train"});
  }
  [[nodiscard]] std::vector<Ids> drawn(const std::string& name, int64_t num_fewshot) const {
    const auto task = make_task(name);
    const auto data = open_task_data(*task, folder_.path(), /*with_pool=*/true);
    PromptOptions options;
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
}

TEST(PublishedDraws, SciqAndRaceDrawWithoutLookingAtTheDocument) {
  const PublishedForms forms;
  EXPECT_THAT(forms.drawn("sciq", 2), ElementsAre(Ids{1, 0}, Ids{0, 1}));
  EXPECT_THAT(forms.drawn("race", 2), ElementsAre(Ids{1, 0}, Ids{0, 1}));
}

}  // namespace
}  // namespace hylo::tasks
