#include "tasks/custom/custom_task.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "harness/base/files.h"
#include "tasks/catalog.h"
#include "tasks/prompts/assembly.h"
#include "tests/support/test_data.h"

namespace hylo::tasks {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;
using tests::error_of;

/// The example of the README, beside the data that it names.
class Example {
 public:
  Example() {
    const auto readme = read_text_file(tests::fixture("../../tasks/custom/README.md"));
    const auto begin = readme.find("```json\n") + 8;
    json = parse_json(readme.substr(begin, readme.find("```", begin) - begin), "README");
    std::filesystem::copy_file(tests::fixture("custom-tasks/capitals.jsonl"),
                               folder_ / "capitals.jsonl");
  }
  Json json;
  [[nodiscard]] std::string file() const {
    write_text_file(folder_ / "task.json", json.dump());
    return (folder_ / "task.json").string();
  }
  void write_data(std::string_view text) const {
    write_text_file(folder_ / "capitals.jsonl", text);
  }

 private:
  tests::TemporaryFolder folder_;
};

/// What is asked of all documents, with the default number of worked examples.
std::vector<PromptedDocument> asked(const std::string& file, const PromptForm& form = {}) {
  const auto task = make_task(file);
  const auto data = open_task_data(*task, "", /*with_pool=*/true);
  PromptOptions options;
  options.form = form;
  auto prompted = prompted_documents(*task, data, options);
  for (auto& document : prompted) document.document = nullptr;  // of data that ends here
  return prompted;
}

std::string error_after(void (*change)(Json&)) {
  Example example;
  change(example.json);
  const auto file = example.file();
  return error_of([&] { asked(file); });
}

TEST(CustomTask, TheExampleOfTheReadmeRuns) {
  const Example example;
  const auto task = make_task(example.file());
  EXPECT_EQ(task->info().name, "capitals");
  EXPECT_EQ(task->info().metrics.size(), 2U);
  const auto prompted = asked(example.file());
  ASSERT_EQ(prompted.size(), 3U);
  EXPECT_EQ(prompted[2].requests.size(), 3U);
  const auto& request = std::get<ScoreText>(prompted[0].requests[1]);
  EXPECT_THAT(request.context,
              testing::EndsWith("\n\nQuestion: What is the capital of France?\nAnswer:"));
  EXPECT_EQ(request.continuation, " Paris");
  for (const auto& document : prompted) EXPECT_EQ(document.fewshot_ids.size(), 1U);
  EXPECT_THAT(prompted[0].fewshot_ids, testing::Not(testing::Contains(0)));
}

TEST(CustomTask, AGenerationIsComparedAfterItsFilter) {
  const auto file = tests::fixture("custom-tasks/sums.json").string();
  const auto task = make_task(file);
  const auto data = open_task_data(*task, "", false);
  GeneratedText generated;
  generated.text = " It is 1001.";
  const std::vector<Response> responses{generated};
  const auto score = task->score(data.documents[1], responses);
  EXPECT_EQ(score.at(0).filter, "number");
  EXPECT_EQ(score.at(0).value, 1.0);
  EXPECT_FALSE(data.is_verified);
  EXPECT_EQ(std::get<GenerateText>(asked(file)[0].requests[0]).prompt, "1+1 =");
}

TEST(CustomTask, TakesAChatTemplateAsAnyOther) {
  const Example example;
  const auto prompted = asked(example.file(), {.chat = ChatTemplate::Mistral});
  const auto& request = std::get<ScoreText>(prompted[0].requests[0]);
  EXPECT_THAT(request.context, testing::StartsWith("<s>[INST] Question: "));
  EXPECT_EQ(request.continuation, "Lyon");
}

TEST(CustomTask, AMisspeltKeyIsAnErrorWithItsPath) {
  EXPECT_THAT(error_after([](Json& j) { j["promt"] = 1; }), HasSubstr("promt: unknown key"));
  EXPECT_THAT(error_after([](Json& j) { j["prompt"]["metric"] = {"acc"}; }),
              HasSubstr("prompt.metric: unknown key"));
  EXPECT_THAT(error_after([](Json& j) { j["data"]["split"] = "x"; }),
              HasSubstr("data.split: unknown key"));
  EXPECT_THAT(error_after([](Json& j) { j["fewshot"]["cuont"] = 1; }),
              HasSubstr("fewshot.cuont: unknown key"));
}

/// Gives a value another key.
void rename(Json& object, const char* key, const char* to) {
  object[to] = object.at(key);
  object.erase(key);
}

TEST(CustomTask, AMisspeltKeyThatIsRequiredIsNamedBesideTheOneThatIsMissing) {
  EXPECT_THAT(error_after([](Json& j) { rename(j, "prompt", "promt"); }),
              AllOf(HasSubstr("task.json.prompt: missing; if "),
                    HasSubstr("task.json.promt is meant for it, call it 'prompt'")));
  EXPECT_THAT(error_after([](Json& j) { rename(j, "version", "verison"); }),
              HasSubstr("task.json.verison is meant for it, call it 'version'"));
  EXPECT_THAT(error_after([](Json& j) { rename(j["data"], "file", "flie"); }),
              AllOf(HasSubstr("data.file: missing; if "),
                    HasSubstr("task.json.data.flie is meant for it, call it 'file'")));
  EXPECT_THAT(error_after([](Json& j) { rename(j["prompt"], "choices", "choises"); }),
              HasSubstr("task.json.prompt.choises is meant for it, call it 'choices'"));
}

TEST(CustomTask, AKeyThatIsThereTwiceIsAnErrorWithItsPath) {
  const Example example;
  const auto file = example.file();
  auto text = read_text_file(file);
  const std::string key = "\"prompt\":{";
  text.insert(text.find(key) + key.size(), R"("metrics":["acc"],)");
  write_text_file(file, text);
  EXPECT_THAT(error_of([&] { make_task(file); }),
              HasSubstr("task.json.prompt.metrics: the key is there twice"));
}

TEST(CustomTask, WhatIsMissingOrOutOfRangeIsNamedByItsPath) {
  EXPECT_THAT(error_after([](Json& j) { j.erase("version"); }), HasSubstr("version: missing"));
  EXPECT_THAT(error_after([](Json& j) { j["kind"] = "rank"; }), HasSubstr("kind: expected choice"));
  EXPECT_THAT(error_after([](Json& j) { j["data"]["format"] = "xml"; }),
              AllOf(HasSubstr("data.format"), HasSubstr("csv")));
  EXPECT_THAT(error_after([](Json& j) { j["prompt"]["metrics"] = {"accuracy"}; }),
              AllOf(HasSubstr("prompt.metrics"), HasSubstr("'accuracy'")));
  EXPECT_THAT(error_after([](Json& j) { j["prompt"]["question"] = "{a"; }),
              AllOf(HasSubstr("prompt.question"), HasSubstr("not closed")));
  EXPECT_THAT(error_after([](Json& j) { j["fewshot"]["sampler"] = "last"; }),
              HasSubstr("fewshot.sampler"));
}

TEST(CustomTask, AMissingFileSaysWhoNamesIt) {
  EXPECT_THAT(error_after([](Json& j) { j["data"]["file"] = "towns.jsonl"; }),
              AllOf(HasSubstr("towns.jsonl"), HasSubstr("task.json names it")));
  EXPECT_THAT(error_of([] { make_task("./nowhere.json"); }), HasSubstr("nowhere.json"));
}

TEST(CustomTask, AnAnswerOutsideTheChoicesAndAnEmptyChoiceNameTheDocument) {
  Example example;
  example.json.erase("fewshot");
  const std::string good = R"({"country": "A", "cities": ["b", "c"], "capital": 0})";
  example.write_data(good + "\n" + R"({"country": "A", "cities": ["b", "c"], "capital": 2})");
  EXPECT_THAT(error_of([&] { asked(example.file()); }),
              AllOf(HasSubstr("capitals: document 1"), HasSubstr("from 0 to 1, found '2'")));
  example.write_data(good + "\n" + R"({"country": "A", "cities": ["b", ""], "capital": 0})");
  EXPECT_THAT(error_of([&] { asked(example.file()); }),
              AllOf(HasSubstr("document 1"), HasSubstr("a choice is empty")));
  example.write_data(good + "\n" + R"({"country": "A", "capital": 0})");
  EXPECT_THAT(error_of([&] { asked(example.file()); }),
              AllOf(HasSubstr("document 1"), HasSubstr("field cities.*: 'cities' is missing")));
}

TEST(CustomTask, AValueOfAnotherTypeIsNamedWithFileLineAndField) {
  Example example;
  example.json.erase("fewshot");
  const std::string good = R"({"country": "A", "cities": ["b", "c"], "capital": 0})";
  example.write_data(good + "\n" + R"({"country": ["A"], "cities": ["b", "c"], "capital": 0})");
  EXPECT_THAT(error_of([&] { asked(example.file()); }),
              AllOf(HasSubstr("capitals.jsonl:2: capitals: document 1: "),
                    HasSubstr("field country: expected a text or a number, found a list")));
  example.write_data(R"({"country": "A", "cities": "bc", "capital": 0})");
  EXPECT_THAT(error_of([&] { asked(example.file()); }),
              AllOf(HasSubstr("capitals.jsonl:1: "),
                    HasSubstr("field cities.*: expected a list, found a text")));
}

TEST(CustomTask, AChoiceOfWhiteSpaceIsAnError) {
  Example example;
  example.json.erase("fewshot");
  example.write_data(R"({"country": "A", "cities": ["b", " \n"], "capital": 0})");
  EXPECT_THAT(error_of([&] { asked(example.file()); }),
              AllOf(HasSubstr("capitals: document 0"), HasSubstr("white space alone")));
}

TEST(CustomTask, ABrokenClusterIsFoundBeforeAnythingIsAsked) {
  EXPECT_THAT(error_after([](Json& j) { j["prompt"]["cluster"] = "continent"; }),
              AllOf(HasSubstr("capitals: document 0: cluster: "), HasSubstr("continent")));
}

TEST(CustomTask, AHashHasItsForm) {
  EXPECT_THAT(error_after([](Json& j) { j["data"]["sha256"] = ""; }),
              HasSubstr("data.sha256: expected 64 lower-case hexadecimal digits, found ''"));
  EXPECT_THAT(error_after([](Json& j) { j["data"]["sha256"] = std::string(64, 'A'); }),
              HasSubstr("data.sha256: expected 64"));
  EXPECT_THAT(error_after([](Json& j) { j["data"]["sha256"] = std::string(64, 'a'); }),
              AllOf(HasSubstr("expected sha256 aaaa"), HasSubstr(" bytes with sha256 "),
                    HasSubstr("mend its sha256 in"), Not(HasSubstr(" 0 bytes"))));
}

TEST(CustomTask, ADescriptionHasNoPlaces) {
  EXPECT_THAT(error_after([](Json& j) { j["prompt"]["description"] = "About {country}.\n"; }),
              AllOf(HasSubstr("prompt.description"), HasSubstr("without braces")));
}

/// The sums with worked examples in the task file.
class SumsWithShots {
 public:
  SumsWithShots() {
    json = read_json_file(tests::fixture("custom-tasks/sums.json"));
    // The second is a document of the data, in content.
    json["prompt"]["shots"] = {{{"sum", "7+1"}, {"result", "8"}},
                               {{"sum", "1+1"}, {"result", "2"}}};
    std::filesystem::copy_file(tests::fixture("custom-tasks/sums.csv"), folder_ / "sums.csv");
  }
  Json json;
  [[nodiscard]] std::string file() const {
    write_text_file(folder_ / "task.json", json.dump());
    return (folder_ / "task.json").string();
  }
  [[nodiscard]] std::string first_prompt() const {
    return std::get<GenerateText>(asked(file())[0].requests[0]).prompt;
  }

 private:
  tests::TemporaryFolder folder_;
};

TEST(CustomTask, ShotsOfTheFileAreTheWorkedExamplesInTheirOrder) {
  SumsWithShots sums;
  EXPECT_EQ(sums.first_prompt(), "7+1 = 8\n\n1+1 = 2\n\n1+1 =");
  sums.json["fewshot"]["count"] = 1;
  EXPECT_EQ(sums.first_prompt(), "7+1 = 8\n\n1+1 =");
}

TEST(CustomTask, ShotsTakeNoOtherPoolBesideThem) {
  SumsWithShots sums;
  sums.json["fewshot"] = {{"count", 1}, {"file", "sums.csv"}, {"format", "csv"}};
  EXPECT_THAT(error_of([&] { asked(sums.file()); }),
              AllOf(HasSubstr("fewshot.file"), HasSubstr("prompt.shots")));
  sums.json["fewshot"] = {{"count", 3}};
  EXPECT_THAT(error_of([&] { asked(sums.file()); }), HasSubstr("fewshot.count: expected 0 to 2"));
}

TEST(CustomTask, ANameOfTheCatalogIsRefused) {
  EXPECT_THAT(error_after([](Json& j) { j["name"] = "piqa"; }), HasSubstr("'piqa' is a task"));
  EXPECT_THAT(error_after([](Json& j) { j["name"] = "mmlu"; }), HasSubstr("'mmlu' is a task"));
  EXPECT_THAT(error_after([](Json& j) { j["name"] = "my task"; }), HasSubstr("name: expected"));
}

}  // namespace
}  // namespace hylo::tasks
