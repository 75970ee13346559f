#include "reports/store/export.h"

#include <gmock/gmock.h>

#include <fstream>

#include "harness/base/json.h"
#include "tests/reports/store/sample_run.h"
#include "tests/support/test_data.h"

namespace hylo::reports {
namespace {

using hylo::tests::TemporaryFolder;
using ::testing::HasSubstr;
using tests::exported;
using tests::sample_description;

// One choice task of one document with a failed request, one perplexity, one generation.
struct ThreeKinds {
  ThreeKinds() {
    CellDescription choice{.task = "piqa", .num_documents = 1, .metrics = {{.name = "acc"}}};
    CellDescription perplexity{
        .task = "wikitext",
        .num_documents = 1,
        .metrics = {{.name = "word_perplexity", .aggregation = Aggregation::WeightedPerplexity}}};
    CellDescription generation{
        .task = "gsm8k",
        .num_documents = 2,
        .metrics = {{"exact_match", "strict-match"}, {"exact_match", "flexible-extract"}}};
    auto run = store.begin(sample_description(), std::vector{choice, perplexity, generation});
    store.save(run, std::vector{generated(1, 3, "So 4 \"é\"\n"), generated(0, 8, "")});
    store.save(run, std::vector{rolled(), chosen()});
    store.finish(run);
    id = run.id();
  }

  static DocumentOutput chosen() {
    return {.cell = 0,
            .index = 5,
            .requests = {{.request = 0,
                          .context = "Where?",
                          .continuation = " here",
                          .context_ids = {1, 2},
                          .token_ids = {3},
                          .log_likelihood = -0.1,
                          .is_greedy = true,
                          .num_tokens = 1},
                         {.request = 1,
                          .context = "Where?",
                          .continuation = " there",
                          .error = "too long"}},
            .scores = {{.metric = "acc"}}};
  }

  static DocumentOutput rolled() {
    return {.cell = 1,
            .index = 0,
            .requests = {{.kind = RequestKind::Rolling,
                          .continuation = "a b",
                          .token_ids = {7, 8},
                          .log_likelihood = -3,
                          .is_greedy = false,
                          .num_tokens = 2,
                          .window_log_likelihoods = {-1, -2}}},
            .scores = {{.metric = "word_perplexity", .value = -3, .weight = 2}}};
  }

  static DocumentOutput generated(int64_t ordinal, int64_t index, const std::string& text) {
    return {.cell = 2,
            .ordinal = ordinal,
            .index = index,
            .requests = {{.kind = RequestKind::Generate,
                          .context = "2 + 2?",
                          .context_ids = {4},
                          .token_ids = {9, 9},
                          .num_tokens = 2,
                          .dropped_tokens = 6,
                          .generated = text,
                          .finish_reason = FinishReason::EndOfText}},
            .scores = {{.metric = "exact_match", .filter = "strict-match", .value = 0},
                       {.metric = "exact_match", .filter = "flexible-extract", .value = 1}}};
  }

  TemporaryFolder folder;
  Store store = Store::open(folder / "s.db");
  int64_t id = 0;
};

TEST(Export, LinesAreAsWorkedByHand) {
  const ThreeKinds run;
  EXPECT_EQ(
      exported(run.store, run.id),
      R"({"task":"piqa","index":5,"request":0,"log_likelihood":-0.1,"is_greedy":true,"num_tokens":1,"generated":null,"finish_reason":null,"dropped_tokens":0}
{"task":"piqa","index":5,"request":1,"log_likelihood":null,"is_greedy":null,"num_tokens":null,"generated":null,"finish_reason":null,"dropped_tokens":null,"error":"too long","metrics":{"acc":null}}
{"task":"wikitext","index":0,"request":0,"log_likelihood":-3.0,"is_greedy":false,"num_tokens":2,"generated":null,"finish_reason":null,"dropped_tokens":0,"windows":[-1.0,-2.0],"metrics":{"word_perplexity":[-3.0,2.0]}}
{"task":"gsm8k","index":3,"request":0,"log_likelihood":null,"is_greedy":null,"num_tokens":2,"generated":"So 4 \"é\"\n","finish_reason":"end_of_text","dropped_tokens":6,"metrics":{"exact_match,strict-match":0.0,"exact_match,flexible-extract":1.0}}
{"task":"gsm8k","index":8,"request":0,"log_likelihood":null,"is_greedy":null,"num_tokens":2,"generated":"","finish_reason":"end_of_text","dropped_tokens":6,"metrics":{"exact_match,strict-match":0.0,"exact_match,flexible-extract":1.0}}
)");
}

TEST(Export, TextAndIdsFollowTheOtherKeys) {
  const ThreeKinds run;
  const auto lines = exported(run.store, run.id, {.text = true, .ids = true});
  EXPECT_THAT(lines, HasSubstr(R"("dropped_tokens":0,"context":"Where?","continuation":" here",)"
                               R"("context_ids":[1,2],"token_ids":[3]})"));
  EXPECT_THAT(
      lines, HasSubstr(R"("context":"","continuation":"a b","context_ids":[],"token_ids":[7,8]})"));
  EXPECT_THAT(lines, HasSubstr(R"("context":"2 + 2?","continuation":null,"context_ids":[4],)"
                               R"("token_ids":[9,9]})"));
}

TEST(Export, EveryDoubleReadsBackToTheSameBits) {
  const TemporaryFolder folder;
  auto store = Store::open(folder / "s.db");
  const auto run = store.begin(sample_description(), std::vector{tests::choice_cell(1)});
  auto document = tests::choice_document(0);
  document.requests[0].log_likelihood = -1.0 / 3;
  document.requests[1].log_likelihood = -5e-324;
  store.save(run, std::vector{document});
  const auto lines = exported(store, run.id());
  const auto second = lines.find('\n') + 1;
  EXPECT_EQ(Json::parse(lines.substr(0, second))["log_likelihood"].get<double>(), -1.0 / 3);
  EXPECT_EQ(Json::parse(lines.substr(second))["log_likelihood"].get<double>(), -5e-324);
}

TEST(Export, TextOfAllScriptsAndZeroBytesComesBack) {
  const TemporaryFolder folder;
  auto store = Store::open(folder / "s.db");
  const auto run = store.begin(sample_description(), std::vector{tests::choice_cell(1)});
  const std::string text("\xe6\xbc\xa2 \xf0\x9f\x98\x80 \0 \xd7\x90", 13);
  auto document = tests::choice_document(0);
  document.requests[0].context = text;
  document.requests[0].continuation = text;
  store.save(run, std::vector{document});
  const auto lines = exported(store, run.id(), {.text = true});
  const auto first = Json::parse(lines.substr(0, lines.find('\n')));
  EXPECT_EQ(first["context"].get<std::string>(), text);
  EXPECT_EQ(first["continuation"].get<std::string>(), text);
}

TEST(Export, ADiskThatIsFullIsAnError) {
  const ThreeKinds run;
  std::ofstream full("/dev/full");
  EXPECT_THAT(hylo::tests::error_of([&] { export_samples(run.store, run.id, {}, full); }),
              HasSubstr("could not be written"));
}

}  // namespace
}  // namespace hylo::reports
