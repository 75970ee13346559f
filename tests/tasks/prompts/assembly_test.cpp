#include "tasks/prompts/assembly.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/test_data.h"

namespace hylo::tasks {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using tests::error_of;

/// Asks for the shots' numbers and then the document's.
class CountingTask final : public Task {
 public:
  TaskInfo task_info{.name = "counting", .split = "test", .fewshot_split = "train"};
  [[nodiscard]] const TaskInfo& info() const override { return task_info; }
  [[nodiscard]] std::vector<Request> requests(
      const Document& document, std::span<const Document* const> shots) const override {
    std::string prompt;
    for (const Document* shot : shots) prompt += shot->fields["n"].dump() + " ";
    return {GenerateText{.prompt = prompt + document.fields["n"].dump(), .stop = {}}};
  }
  [[nodiscard]] Score score(const Document&, std::span<const Response>) const override {
    return {};
  }
};

std::vector<Document> numbers(int64_t count) {
  std::vector<Document> documents;
  for (int64_t i = 0; i < count; ++i) documents.push_back({i, {{"n", i}}});
  return documents;
}

TaskData with_pool_of(int64_t num_documents, int64_t num_pool) {
  return {.documents = numbers(num_documents), .separate_pool = numbers(num_pool)};
}

TaskData with_own_pool(int64_t num_documents) {
  return {.documents = numbers(num_documents),
          .separate_pool = {},
          .pool_is_documents = true,
          .pool_split = "test"};
}

std::string prompt_of(const PromptedDocument& prompted) {
  return std::get<GenerateText>(prompted.requests.front()).prompt;
}

TEST(Assembly, DrawsOnceADocumentFromOneStream) {
  // random.Random(1234).sample(range(7473), 5), twice in a row.
  const auto data = with_pool_of(2, 7473);
  const auto prompted = prompted_documents(CountingTask(), data, {.num_fewshot = 5});
  EXPECT_THAT(prompted[0].fewshot_ids, ElementsAre(6374, 3610, 957, 61, 742));
  EXPECT_THAT(prompted[1].fewshot_ids, ElementsAre(7462, 6610, 4769, 286, 5501));
  EXPECT_EQ(prompt_of(prompted[0]), "6374 3610 957 61 742 0");
}

TEST(Assembly, OnlyChosenDocumentsDraw) {
  const auto data = with_pool_of(10, 7473);
  const auto prompted =
      prompted_documents(CountingTask(), data, {.document_ids = {{9, 4, 9}}, .num_fewshot = 5});
  ASSERT_EQ(prompted.size(), 2U);
  EXPECT_EQ(prompted[0].document->index, 4);
  EXPECT_EQ(prompted[1].document->index, 9);
  EXPECT_THAT(prompted[1].fewshot_ids, ElementsAre(7462, 6610, 4769, 286, 5501));
}

TEST(Assembly, ADocumentThatWouldBeItsOwnExampleIsTakenOut) {
  CountingTask task;
  task.task_info.leaves_itself_out = true;
  const auto data = with_own_pool(4);
  for (const auto& prompted : prompted_documents(task, data, {.num_fewshot = 3})) {
    EXPECT_EQ(prompted.fewshot_ids.size(), 3U);  // all the others
    EXPECT_THAT(prompted.fewshot_ids, testing::Not(testing::Contains(prompted.document->index)));
  }
}

TEST(Assembly, AnExplicitPoolThatIsTheEvaluatedSplitLeavesTheDocumentOut) {
  const auto data = with_own_pool(4);
  const PromptOptions options{.num_fewshot = 3, .fewshot_split = "test"};
  for (const auto& prompted : prompted_documents(CountingTask(), data, options)) {
    EXPECT_EQ(prompted.fewshot_ids.size(), 3U);
    EXPECT_THAT(prompted.fewshot_ids, testing::Not(testing::Contains(prompted.document->index)));
  }
  EXPECT_THAT(error_of([&] {
                prompted_documents(CountingTask(), data,
                                   {.num_fewshot = 4, .fewshot_split = "test"});
              }),
              HasSubstr("at most 3 worked examples, as many as the split test"));
  // Another split keeps the draws of the task.
  const auto other = with_pool_of(1, 7473);
  EXPECT_THAT(
      prompted_documents(CountingTask(), other, {.num_fewshot = 5, .fewshot_split = "dev"})[0]
          .fewshot_ids,
      ElementsAre(6374, 3610, 957, 61, 742));
}

TEST(Assembly, FirstNTakesTheFirstAndLeavesTheDocumentOutUnderTheSameCondition) {
  CountingTask task;
  const auto data = with_own_pool(4);
  const PromptOptions options{.num_fewshot = 2, .sampler = Sampler::FirstN};
  EXPECT_THAT(prompted_documents(task, data, options)[1].fewshot_ids, ElementsAre(0, 1));
  task.task_info.leaves_itself_out = true;
  EXPECT_THAT(prompted_documents(task, data, options)[1].fewshot_ids, ElementsAre(0, 2));
  EXPECT_THAT(prompted_documents(task, data, options)[3].fewshot_ids, ElementsAre(0, 1));
}

TEST(Assembly, ALimitKeepsThePromptsOfTheFirstDocuments) {
  const auto data = with_pool_of(6, 50);
  const auto all = prompted_documents(CountingTask(), data, {.num_fewshot = 2});
  const auto some = prompted_documents(CountingTask(), data, {.limit = 3, .num_fewshot = 2});
  ASSERT_EQ(some.size(), 3U);
  for (size_t i = 0; i < some.size(); ++i) EXPECT_EQ(some[i].fewshot_ids, all[i].fewshot_ids);
  EXPECT_EQ(prompted_documents(CountingTask(), data, {.limit = 99}).size(), 6U);
}

TEST(Assembly, AnotherSeedDrawsOthers) {
  const auto data = with_pool_of(1, 1000);
  const auto ids = [&](uint64_t seed) {
    return prompted_documents(CountingTask(), data, {.num_fewshot = 3, .fewshot_seed = seed})[0]
        .fewshot_ids;
  };
  EXPECT_NE(ids(1), ids(2));
  EXPECT_EQ(ids(1), ids(1));
}

TEST(Assembly, GenerationOverridesReachTheRequests) {
  const auto data = with_pool_of(1, 0);
  const auto prompted = prompted_documents(
      CountingTask(), data, {.generation = parse_generation_overrides("max_gen_toks=3,until=x")});
  const auto& request = std::get<GenerateText>(prompted[0].requests[0]);
  EXPECT_EQ(request.max_new_tokens, 3);
  EXPECT_THAT(request.stop, ElementsAre("x"));
}

std::string error_for(const PromptOptions& options, CountingTask task = {}) {
  const auto data = with_pool_of(4, 4);
  return error_of([&] { prompted_documents(task, data, options); });
}

TEST(Assembly, MistakesAreNamed) {
  EXPECT_THAT(error_for({.limit = 0}), HasSubstr("at least 1 document, found 0"));
  EXPECT_THAT(error_for({.document_ids = {{4}}}), HasSubstr("from 0 to 3, found 4"));
  EXPECT_THAT(error_for({.document_ids = {{-1}}}), HasSubstr("found -1"));
  EXPECT_THAT(error_for({.document_ids = std::vector<int64_t>{}}), HasSubstr("empty list"));
  EXPECT_THAT(error_for({.limit = 1, .document_ids = {{1}}}), HasSubstr("exclude each other"));
  EXPECT_THAT(error_for({.num_fewshot = 5}), HasSubstr("at most 4 worked examples"));
  EXPECT_THAT(error_for({.num_fewshot = -1}), HasSubstr("found -1"));
  CountingTask without_pool;
  without_pool.task_info.fewshot_split = "";
  EXPECT_THAT(error_for({.num_fewshot = 1}, without_pool), HasSubstr("takes no worked examples"));
}

}  // namespace
}  // namespace hylo::tasks
