#include "reports/store/store.h"

#include <SQLiteCpp/Database.h>
#include <gmock/gmock.h>

#include <cmath>
#include <limits>

#include "tests/reports/store/sample_run.h"
#include "tests/support/test_data.h"

namespace hylo::reports {
namespace {

using hylo::tests::error_of;
using hylo::tests::TemporaryFolder;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using tests::choice_cell;
using tests::choice_document;
using tests::choice_documents;
using tests::complete_run;
using tests::exported;
using tests::sample_description;

TEST(Store, ANewStoreHasNoRuns) {
  const TemporaryFolder folder;
  const auto store = Store::open(folder / "s.db");
  EXPECT_THAT(store.runs(), IsEmpty());
  EXPECT_THAT(error_of([&] { (void)store.find_run("latest"); }),
              HasSubstr("there are no runs yet"));
}

TEST(Store, WhatWasDescribedIsReadBack) {
  const TemporaryFolder folder;
  auto store = Store::open(folder / "s.db");
  auto description = sample_description("key", "first try");
  description.settings = {{"zeta", 1}, {"alpha", {1.5, "ü"}}};
  auto cell = choice_cell(2);
  cell.variant = {{"template", "Q: {question}"}};
  cell.num_fewshot = 5;
  cell.metrics[1] = {"exact_match", "strict-match", Aggregation::Mean, false};
  const auto run = store.begin(description, std::vector{cell});

  const auto summary = store.find_run("first try");
  EXPECT_EQ(summary.id, run.id());
  EXPECT_EQ(summary.state, RunState::Incomplete);
  EXPECT_EQ(summary.description.settings, description.settings);
  EXPECT_EQ(summary.description.settings.dump(), description.settings.dump());
  EXPECT_EQ(summary.description.argv, description.argv);
  EXPECT_EQ(summary.description.seed, 7U);
  EXPECT_EQ(summary.num_documents, 2);
  const auto read = store.cells(run.id()).at(0).description;
  EXPECT_EQ(read.variant, cell.variant);
  EXPECT_EQ(read.num_fewshot, 5);
  EXPECT_EQ(read.licence, "CC-BY-SA-4.0");
  EXPECT_EQ(read.metrics[1].filter, "strict-match");
  EXPECT_FALSE(read.metrics[1].higher_is_better);
}

TEST(Store, ACommandLineThatIsNotUtf8IsStored) {
  const TemporaryFolder folder;
  auto store = Store::open(folder / "s.db");
  auto description = sample_description();
  description.argv = {"hylo", "\xff"};
  const auto run = store.begin(description, std::vector{choice_cell(1)});
  EXPECT_EQ(store.find_run("1").description.argv[1], "\uFFFD");
}

TEST(Store, AFinishedRunIsCompleteAndHasItsAggregates) {
  const TemporaryFolder folder;
  auto store = Store::open(folder / "s.db");
  const auto run = complete_run(store, 4);
  EXPECT_EQ(store.find_run("latest").state, RunState::Complete);
  const auto rows = store.stored_aggregates(run);
  ASSERT_EQ(rows.size(), 2U);
  EXPECT_EQ(rows[0].metric.name, "acc");
  EXPECT_EQ(rows[0].aggregate.value, 0.5);  // documents 0 and 3 of 4
  EXPECT_EQ(rows[0].aggregate.n, 4);
  EXPECT_TRUE(rows[0].aggregate.interval.has_value());
  EXPECT_FALSE(rows[0].partial);
}

TEST(Store, ARunWithMissingDocumentsIsNotFinished) {
  const TemporaryFolder folder;
  auto store = Store::open(folder / "s.db");
  auto run = store.begin(sample_description(), std::vector{choice_cell(9)});
  store.save(run, std::vector{choice_document(1)});
  EXPECT_THAT(error_of([&] { store.finish(run); }),
              HasSubstr("arc_easy: 8 of 9 (ordinals 0, 2, 3, 4, 5, ...)"));
  EXPECT_EQ(store.find_run("latest").state, RunState::Incomplete);
}

TEST(Store, AnAggregateOfAnIncompleteRunIsPartial) {
  const TemporaryFolder folder;
  auto store = Store::open(folder / "s.db");
  auto run = store.begin(sample_description(), std::vector{choice_cell(9)});
  store.save(run, choice_documents(0, 4));
  store.stop(run);
  EXPECT_TRUE(store.stored_aggregates(run.id()).at(0).partial);
  EXPECT_EQ(store.stored_aggregates(run.id()).at(0).aggregate.n, 4);
}

TEST(Store, AResumedRunDropsThePartialAggregates) {
  const TemporaryFolder folder;
  auto store = Store::open(folder / "s.db");
  auto first = store.begin(sample_description(), std::vector{choice_cell(9)});
  store.stop(first);
  const auto second = store.begin(sample_description(), std::vector{choice_cell(9)});
  EXPECT_THAT(store.stored_aggregates(second.id()), IsEmpty());
}

TEST(Store, FailedIsNotWrongAndIsCountedApart) {
  const TemporaryFolder folder;
  auto store = Store::open(folder / "s.db");
  auto run = store.begin(sample_description(), std::vector{choice_cell(2)});
  auto failed = choice_document(1);
  failed.requests[1] = {.request = 1, .context = "Question 1", .error = "too long"};
  for (auto& score : failed.scores) score.value = std::nullopt;
  store.save(run, std::vector{choice_document(0), failed});
  store.finish(run);
  const auto rows = store.stored_aggregates(run.id());
  EXPECT_EQ(rows[0].aggregate.value, 1);
  EXPECT_EQ(rows[0].aggregate.n, 1);
  EXPECT_EQ(rows[0].num_failed, 1);
  EXPECT_EQ(store.cells(run.id())[0].num_failed, 1);
}

TEST(Store, CountsOfACellAreThoseOfItsRequests) {
  const TemporaryFolder folder;
  auto store = Store::open(folder / "s.db");
  auto run = store.begin(sample_description(), std::vector{choice_cell(2)});
  auto document = choice_document(0);
  document.requests[0].dropped_tokens = 3;
  document.requests[1].boundary_merged = true;
  document.requests[1].num_tokens = 4;
  store.save(run, std::vector{document});
  const auto cell = store.cells(run.id()).at(0);
  EXPECT_EQ(cell.num_finished, 1);
  EXPECT_EQ(cell.num_requests, 2);
  EXPECT_EQ(cell.num_truncated, 1);
  EXPECT_EQ(cell.num_boundary_merged, 1);
  EXPECT_EQ(cell.num_tokens, 5);
}

TEST(Store, OneContextOfManyRequestsIsStoredOnce) {
  const TemporaryFolder folder;
  auto store = Store::open(folder / "s.db");
  complete_run(store, 3);
  complete_run(store, 3, sample_description("other"));
  EXPECT_EQ(store.database().execAndGet("SELECT count(*) FROM output").getInt(), 12);
  EXPECT_EQ(store.database().execAndGet("SELECT count(*) FROM prompt").getInt(), 3);
}

TEST(Store, OneTextWithTwoTokenisationsIsTwoPrompts) {
  const TemporaryFolder folder;
  auto store = Store::open(folder / "s.db");
  auto run = store.begin(sample_description(), std::vector{choice_cell(1)});
  auto document = choice_document(0);
  document.requests[1].context_ids = {9, 9};
  store.save(run, std::vector{document});
  EXPECT_EQ(store.database().execAndGet("SELECT count(*) FROM prompt").getInt(), 2);
  const auto lines = exported(store, run.id(), {.ids = true});
  EXPECT_THAT(lines, HasSubstr(R"("context_ids":[9,9])"));
}

TEST(Store, TheHashOfAPromptIsThatOfItsText) {
  const TemporaryFolder folder;
  auto store = Store::open(folder / "s.db");
  complete_run(store, 1);
  EXPECT_EQ(store.database().execAndGet("SELECT text_sha256 FROM prompt").getString(),
            sha256_hex("Question 0"));
}

TEST(Store, AKeyThatIsIncompleteIsResumed) {
  const TemporaryFolder folder;
  const std::vector cells{choice_cell(4)};
  {
    auto store = Store::open(folder / "s.db");
    const auto run = store.begin(sample_description(), cells);
    EXPECT_FALSE(run.is_resumed());
    store.save(run, std::vector{choice_document(3), choice_document(1)});
  }
  auto store = Store::open(folder / "s.db");
  auto run = store.begin(sample_description(), cells);
  EXPECT_TRUE(run.is_resumed());
  EXPECT_THAT(store.finished_documents(run.id(), 0), ElementsAre(1, 3));
  store.save(run, std::vector{choice_document(0), choice_document(2)});
  store.finish(run);
  EXPECT_EQ(store.runs().size(), 1U);
  EXPECT_EQ(store.runs()[0].num_attempts, 2);

  auto other = Store::open(folder / "other.db");
  EXPECT_EQ(exported(store, run.id()), exported(other, complete_run(other, 4)));
}

TEST(Store, ACompleteRunIsNotResumedButRepeated) {
  const TemporaryFolder folder;
  auto store = Store::open(folder / "s.db");
  EXPECT_NE(complete_run(store, 1), complete_run(store, 1));
}

TEST(Store, ACompleteRunOfTheSameNameIsGivenBack) {
  const TemporaryFolder folder;
  auto store = Store::open(folder / "s.db");
  const auto id = complete_run(store, 1, sample_description("key", "night"));
  const auto run = store.begin(sample_description("key", "night"), std::vector{choice_cell(1)});
  EXPECT_TRUE(run.is_complete());
  EXPECT_EQ(run.id(), id);
}

TEST(Store, ANameOfOtherSettingsIsRefused) {
  const TemporaryFolder folder;
  auto store = Store::open(folder / "s.db");
  complete_run(store, 1, sample_description("key", "night"));
  EXPECT_THAT(error_of([&] {
                store.begin(sample_description("other", "night"), std::vector{choice_cell(1)});
              }),
              HasSubstr("the name 'night' belongs to run 1, which has other settings"));
  EXPECT_EQ(store.runs().size(), 1U);
}

TEST(Store, ANumberIsNotAName) {
  const TemporaryFolder folder;
  auto store = Store::open(folder / "s.db");
  for (const auto* name : {"12", "latest"}) {
    EXPECT_THAT(error_of([&] { store.begin(sample_description("key", name), {}); }),
                HasSubstr("choose a name with a letter"));
  }
}

TEST(Store, ANameAndNoNameAreTwoRuns) {
  const TemporaryFolder folder;
  auto store = Store::open(folder / "s.db");
  const std::vector cells{choice_cell(1)};
  { const auto run = store.begin(sample_description(), cells); }
  { const auto run = store.begin(sample_description("key", "night"), cells); }
  EXPECT_EQ(store.begin(sample_description(), cells).id(), 1);
  EXPECT_EQ(store.begin(sample_description("key", "night"), cells).id(), 2);
}

TEST(Store, LatestIsTheRunThatWasBegunOrResumedLast) {
  const TemporaryFolder folder;
  auto store = Store::open(folder / "s.db");
  const std::vector cells{choice_cell(1)};
  const auto first = store.begin(sample_description("a", "a"), cells).id();
  const auto second = store.begin(sample_description("b", "b"), cells).id();
  EXPECT_EQ(store.find_run("latest").id, second);
  (void)store.begin(sample_description("a", "a"), cells);
  EXPECT_EQ(store.find_run("latest").id, first);
  EXPECT_EQ(store.find_run("2").id, second);
}

TEST(Store, AMisspeltRunIsAnsweredWithTheNearest) {
  const TemporaryFolder folder;
  auto store = Store::open(folder / "s.db");
  complete_run(store, 1, sample_description("key", "nightly"));
  EXPECT_THAT(error_of([&] { (void)store.find_run("nightyl"); }),
              HasSubstr("did you mean 'nightly'?"));
  EXPECT_THAT(error_of([&] { (void)store.find_run("44"); }), HasSubstr("a number from 1 to 1"));
}

TEST(Store, ABatchIsSavedWhollyOrNotAtAll) {
  const TemporaryFolder folder;
  auto store = Store::open(folder / "s.db");
  const auto run = store.begin(sample_description(), std::vector{choice_cell(3)});
  const std::vector twice{choice_document(0), choice_document(1), choice_document(1)};
  EXPECT_THROW(store.save(run, twice), std::logic_error);
  EXPECT_THAT(store.finished_documents(run.id(), 0), IsEmpty());
  store.save(run, choice_documents(0, 3));
  EXPECT_THAT(store.finished_documents(run.id(), 0), ElementsAre(0, 1, 2));
}

TEST(Store, DocumentsThatTheRunDoesNotExpectAreFaultsOfOurs) {
  const TemporaryFolder folder;
  auto store = Store::open(folder / "s.db");
  const auto run = store.begin(sample_description(), std::vector{choice_cell(3)});
  EXPECT_THROW(store.save(run, std::vector{choice_document(3)}), std::logic_error);
  EXPECT_THROW(store.save(run, std::vector{choice_document(0, 1)}), std::logic_error);
  auto unscored = choice_document(0);
  unscored.scores.pop_back();
  EXPECT_THROW(store.save(run, std::vector{unscored}), std::logic_error);
}

TEST(Store, ASumDoesNotDependOnTheOrderOfSaving) {
  const TemporaryFolder folder;
  auto cell = choice_cell(3);
  cell.metrics = {{.name = "share"}};
  const auto mean_of_order = [&](const std::string& name, const std::vector<int64_t>& order) {
    auto store = Store::open(folder / name);
    auto run = store.begin(sample_description(), std::vector{cell});
    for (const auto ordinal : order) {
      auto document = choice_document(ordinal);
      document.scores = {{.metric = "share", .value = std::vector{0.1, 0.2, 0.3}[ordinal]}};
      store.save(run, std::vector{document});
    }
    store.finish(run);
    return store.stored_aggregates(run.id()).at(0).aggregate.value;
  };
  EXPECT_EQ(mean_of_order("a.db", {0, 1, 2}), mean_of_order("b.db", {2, 1, 0}));
}

TEST(Store, NumbersThatAreNoneAreKeptAsSuch) {
  const TemporaryFolder folder;
  auto store = Store::open(folder / "s.db");
  const auto run = store.begin(sample_description(), std::vector{choice_cell(1)});
  auto document = choice_document(0);
  document.requests[0].log_likelihood = std::numeric_limits<double>::quiet_NaN();
  document.requests[1].log_likelihood = -std::numeric_limits<double>::infinity();
  document.scores[0].value = std::numeric_limits<double>::quiet_NaN();
  store.save(run, std::vector{document});
  const auto lines = exported(store, run.id());
  EXPECT_THAT(lines, HasSubstr(R"("log_likelihood":"NaN")"));
  EXPECT_THAT(lines, HasSubstr(R"("log_likelihood":"-Infinity")"));
  EXPECT_TRUE(std::isnan(*store.aggregates(run.id())[0].aggregate.value));
}

}  // namespace
}  // namespace hylo::reports
