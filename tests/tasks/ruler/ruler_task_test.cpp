// RULER as tasks: what is asked, how answers are scored.
#include "tasks/ruler/ruler_task.h"

#include <gmock/gmock.h>

#include "tasks/ruler/compat.h"
#include "tasks/ruler/strict.h"
#include "tests/support/test_data.h"
#include "tests/tasks/ruler/prompt_reader.h"

namespace hylo::tests {
namespace {

using namespace tasks;
using ruler::RulerTask;

int64_t count_bytes(std::string_view text) { return static_cast<int64_t>(text.size()) / 4; }

/// The samples of a task as a set in a file, read as documents.
TaskData documents_of(const ruler::RulerSpec& spec, int64_t length, int64_t num_samples) {
  static const ruler::Sources sources = ruler::read_sources({});
  const TemporaryFolder folder;
  ruler::SampleSetWriter writer(folder.path(), {.task = std::string(spec.name),
                                                .length = length,
                                                .num_samples = num_samples,
                                                .tokenizer = {"bytes", "0"},
                                                .generator = "test"});
  ruler::build_strict({spec, length, num_samples}, sources, count_bytes,
                      [&](const ruler::Sample& sample) { writer.add(sample); });
  return ruler::open_sample_set(writer.finish()).data;
}

GenerateText asked(const Task& task, const Document& document) {
  return std::get<GenerateText>(task.requests(document, {}).at(0));
}

class EveryRulerTask : public testing::TestWithParam<std::string> {};

TEST_P(EveryRulerTask, ASystemThatReadsScores100AndOneThatSaysNothing0) {
  const auto& spec = ruler::find_ruler_spec(GetParam());
  const RulerTask task(spec, 8192);
  const auto data = documents_of(spec, 8192, 20);
  ASSERT_EQ(data.documents.size(), 20U);
  for (const auto& document : data.documents) {
    const auto request = asked(task, document);
    EXPECT_EQ(request.max_new_tokens, spec.max_new_tokens);
    EXPECT_TRUE(request.stop.empty());
    const std::vector<Response> read{GeneratedText{.text = answer_by_reading(request.prompt)}};
    EXPECT_EQ(task.score(document, read)[0].value, 1.0)
        << std::get<GeneratedText>(read[0]).text << document.fields["references"];
    EXPECT_EQ(task.score(document, read)[1].value, 0.0);
    const std::vector<Response> silent{GeneratedText{.text = " \n"}};
    EXPECT_EQ(task.score(document, silent)[0].value, 0.0);
    EXPECT_EQ(task.score(document, silent)[1].value, 1.0);
  }
}

std::vector<std::string> names() {
  std::vector<std::string> all;
  for (const auto& spec : ruler::ruler_specs()) all.emplace_back(spec.name);
  return all;
}
INSTANTIATE_TEST_SUITE_P(RulerTask, EveryRulerTask, testing::ValuesIn(names()),
                         [](const auto& info) { return info.param; });

TEST(RulerTask, ARequestThatFailedHasNoScore) {
  const RulerTask task(ruler::find_ruler_spec("vt"), 4096);
  const Document document{0, {{"references", {"ABCDE"}}, {"cluster", ""}}};
  const std::vector<Response> failed{Failed{"too long"}};
  EXPECT_EQ(task.score(document, failed)[0].value, std::nullopt);
}

TEST(RulerTask, QuestionsOfOneArticleAreOneCluster) {
  const auto& spec = ruler::find_ruler_spec("qa_1");
  const auto data = documents_of(spec, 2048, 2);
  EXPECT_NE(RulerTask(spec, 2048).cluster_of(data.documents[0]), "");
}

/// The clusters of samples that are read from a set.
std::vector<std::string> clusters_of(const char* name, ruler::Mode mode, int64_t length,
                                     const std::vector<ruler::Sample>& samples) {
  const auto& spec = ruler::find_ruler_spec(name);
  const TemporaryFolder folder;
  ruler::SampleSetWriter writer(folder.path(), {.task = name,
                                                .mode = mode,
                                                .length = length,
                                                .num_samples = std::ssize(samples),
                                                .tokenizer = {"bytes", "0"},
                                                .generator = "test"});
  for (const auto& sample : samples) writer.add(sample);
  const auto data = ruler::open_sample_set(writer.finish()).data;
  std::vector<std::string> clusters;
  for (const auto& document : data.documents) {
    clusters.push_back(RulerTask(spec, length).cluster_of(document));
  }
  return clusters;
}

ruler::Sample asks_for(const char* reference, OrderedJson meta = OrderedJson::object()) {
  return {.input = "a", .answer_prefix = "b", .references = {reference}, .meta = std::move(meta)};
}

TEST(RulerTask, TheStrictModeDrawsEverySampleByItself) {
  EXPECT_THAT(
      clusters_of("niah_single_1", ruler::Mode::Strict, 4096, {asks_for("1"), asks_for("1")}),
      testing::Each(""));
}

TEST(RulerTask, QuestionsWithoutAnArticleAreClustersOfTheirOwn) {
  const std::vector<ruler::Sample> numbered{asks_for("yes", {{"question", 7}}),
                                            asks_for("yes", {{"question", 3}})};
  EXPECT_THAT(clusters_of("qa_2", ruler::Mode::Strict, 4096, numbered),
              testing::ElementsAre("question 7", "question 3"));
  EXPECT_THAT(clusters_of("qa_2", ruler::Mode::Compat, 4096, {asks_for("yes"), asks_for("yes")}),
              testing::ElementsAre("question 0", "question 1"));
}

TEST(RulerTask, TheCompatModeHasTheSameNeedlesUnderOtherNumbersAtOtherLengths) {
  const auto& spec = ruler::find_ruler_spec("niah_single_1");
  const auto of_length = [&](int64_t length) {
    std::vector<ruler::Sample> samples;
    ruler::build_compat({spec, length, 12}, ruler::read_sources({}), count_bytes,
                        [&](ruler::Sample sample) { samples.push_back(std::move(sample)); });
    return std::pair(clusters_of("niah_single_1", ruler::Mode::Compat, length, samples), samples);
  };
  const auto [short_clusters, short_samples] = of_length(4096);
  const auto [long_clusters, long_samples] = of_length(16384);
  int num_common = 0;
  for (size_t i = 0; i < short_samples.size(); ++i) {
    for (size_t j = 0; j < long_samples.size(); ++j) {
      const bool is_same = short_samples[i].references == long_samples[j].references;
      EXPECT_EQ(short_clusters[i] == long_clusters[j], is_same);
      num_common += is_same && i != j ? 1 : 0;
    }
  }
  EXPECT_GT(num_common, 0);
}

OrderedJson tags_of(const char* task, Json meta, std::vector<std::string> references = {"a"}) {
  const RulerTask of_length(ruler::find_ruler_spec(task), 4096);
  return of_length.tags_of({0, {{"references", std::move(references)}, {"meta", std::move(meta)}}});
}

TEST(RulerTask, TheDepthIsTheTenthOfTheOnlyNeedleAskedFor) {
  const auto depth = [](double share, int64_t units) {
    return tags_of("niah_single_1", {{"depths", {share}}, {"strata", {7}}, {"units", units}});
  };
  EXPECT_EQ(depth(0.0, 100), OrderedJson({{"depth", 0}}));
  EXPECT_EQ(depth(0.3, 100), OrderedJson({{"depth", 3}}));
  EXPECT_EQ(depth(0.999, 100), OrderedJson({{"depth", 9}}));
  EXPECT_EQ(depth(1.0, 9), OrderedJson({{"depth", 9}}));
  EXPECT_EQ(tags_of("niah_multikey_1", {{"depths", {0.55, 0.1, 0.2, 0.9}}, {"units", 50}}),
            OrderedJson({{"depth", 5}}));
  EXPECT_EQ(tags_of("qa_1", {{"gold_position", 19}, {"units", 20}}), OrderedJson({{"depth", 9}}));
  EXPECT_EQ(tags_of("qa_2", {{"gold", "holds the answer"}, {"gold_position", 3}, {"units", 50}}),
            OrderedJson({{"depth", 0}}));
}

TEST(RulerTask, WhereTheDepthIsNotKnownNoneIsTold) {
  const auto none = OrderedJson::object();
  EXPECT_EQ(tags_of("niah_single_1", {{"depths", {0.5}}, {"strata", {5}}, {"units", 8}}), none);
  EXPECT_EQ(tags_of("niah_multiquery", {{"depths", {0.5, 0.6}}, {"units", 50}}, {"a", "b"}), none);
  EXPECT_EQ(tags_of("qa_2", {{"gold_position", 3}, {"units", 50}}), none);
  EXPECT_EQ(tags_of("qa_2", {{"gold", "supporting"}, {"gold_position", 3}, {"units", 50}}), none);
  EXPECT_EQ(tags_of("qa_1", {{"units", 50}}), none);
  EXPECT_EQ(tags_of("fwe", {{"units", 50}}), none);
}

TEST(RulerTask, WithoutASetItSaysHowOneIsMade) {
  const RulerTask task(ruler::find_ruler_spec("vt"));
  EXPECT_EQ(task.info().name, "vt");
  EXPECT_EQ(task.info().built_by, "hylo data build ruler --tasks vt");
  EXPECT_THAT(error_of([&] { (void)task.generate_documents(); }),
              testing::HasSubstr("hylo data build ruler --tasks vt"));
}

}  // namespace
}  // namespace hylo::tests
