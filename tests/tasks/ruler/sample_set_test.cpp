// Sample sets as files.
#include "tasks/ruler/sample_set.h"

#include <gmock/gmock.h>

#include "harness/base/files.h"
#include "harness/base/unicode.h"
#include "tests/support/test_data.h"

namespace hylo::tests {
namespace {

using namespace tasks::ruler;
using testing::AllOf;
using testing::HasSubstr;

SampleSetDescription description() {
  return {.task = "vt",
          .mode = Mode::Strict,
          .length = 4096,
          .seed = 42,
          .num_samples = 2,
          .tokenizer = {"small", "abc"},
          .sources = {{"words", "generated-1"}, {"essays", "generated-1"}},
          .generator = "strict-1"};
}

std::vector<Sample> samples() {
  return {{.input = "find \"X\"\n\xc3\xa4",
           .answer_prefix = " it is ",
           .references = {"X", "Y"},
           .num_tokens = 7,
           .cluster = "article",
           .meta = {{"depths", {0.5}}}},
          {.input = "second", .references = {"Z"}, .num_tokens = 3}};
}

std::filesystem::path written(const TemporaryFolder& folder) {
  SampleSetWriter writer(folder.path(), description());
  for (const auto& sample : samples()) writer.add(sample);
  return writer.finish();
}

/// The file with one text in the place of another of the same length.
void edit(const std::filesystem::path& file, std::string_view from, std::string_view to) {
  const auto text = read_text_file(file);
  ASSERT_NE(text.find(from), std::string::npos);
  write_text_file(file, replace_all(text, from, to));
}

TEST(SampleSet, ComesBackAsItWasWritten) {
  const TemporaryFolder folder;
  const auto file = written(folder);
  std::vector<Sample> back;
  const auto header = read_sample_set(file, [&](Sample sample) { back.push_back(sample); });
  EXPECT_EQ(json_of(header.description), json_of(description()));
  EXPECT_EQ(header.total_tokens, 10);
  EXPECT_EQ(header.least_tokens, 3);
  ASSERT_EQ(back.size(), 2U);
  for (size_t i = 0; i < 2; ++i) {
    EXPECT_EQ(json_of(back[i], 0).dump(), json_of(samples()[i], 0).dump());
  }
}

TEST(SampleSet, OneSampleIsReadByItsNumber) {
  const TemporaryFolder folder;
  const auto file = written(folder);
  EXPECT_EQ(read_sample(file, 1).input, "second");
  EXPECT_THAT(error_of([&] { (void)read_sample(file, 2); }), HasSubstr("from 0 to 1, found 2"));
  EXPECT_THAT(error_of([&] { (void)read_sample(file, -1); }), HasSubstr("found -1"));
  const auto text = read_text_file(file);
  write_text_file(file, text.substr(0, text.find("{\"index\":1")));
  EXPECT_EQ(json_of(read_sample(file, 0), 0).dump(), json_of(samples()[0], 0).dump());
  EXPECT_THAT(error_of([&] { (void)read_sample(file, 1); }), HasSubstr("cut off in sample 1 of 2"));
}

TEST(SampleSet, IsNamedByWhatIsInIt) {
  const TemporaryFolder folder, other;
  const auto file = written(folder);
  EXPECT_EQ(file.filename(), written(other).filename());
  const auto header = read_header(file);
  EXPECT_EQ(file.filename().string(), "vt-4096-strict-" + header.sha256.substr(0, 12) + ".jsonl");
  EXPECT_THAT(sample_set_files(folder.path()), testing::ElementsAre(file));
}

TEST(SampleSet, IsFoundByItsDescriptionWhateverItsTokenizersFolderIsCalled) {
  const TemporaryFolder folder;
  const auto file = written(folder);
  auto wanted = description();
  wanted.tokenizer.name = "elsewhere";
  EXPECT_EQ(find_sample_set(folder.path(), wanted), file);
  wanted.seed = 43;
  EXPECT_EQ(find_sample_set(folder.path(), wanted), std::nullopt);
}

TEST(SampleSet, WritingItAgainChangesNothing) {
  const TemporaryFolder folder;
  const auto file = written(folder);
  const auto time = std::filesystem::last_write_time(file);
  EXPECT_EQ(written(folder), file);
  EXPECT_EQ(std::filesystem::last_write_time(file), time);
  EXPECT_EQ(sample_set_files(folder.path()).size(), 1U);
}

TEST(SampleSet, AnEditedPromptIsTold) {
  const TemporaryFolder folder;
  const auto file = written(folder);
  edit(file, "second", "seconD");
  EXPECT_THAT(error_of([&] { verify_sample_set(file); }),
              AllOf(HasSubstr("sample 1"), HasSubstr("edited"), HasSubstr("expected sha256")));
}

TEST(SampleSet, AnEditedReferenceIsTold) {
  const TemporaryFolder folder;
  const auto file = written(folder);
  edit(file, "[\"Z\"]", "[\"A\"]");
  EXPECT_THAT(error_of([&] { verify_sample_set(file); }),
              AllOf(HasSubstr("edited"), HasSubstr("expected sha256"), HasSubstr("found")));
}

TEST(SampleSet, AnEditedHeaderIsTold) {
  const TemporaryFolder folder;
  const auto file = written(folder);
  edit(file, "\"length\":4096", "\"length\":8192");
  EXPECT_THAT(error_of([&] { read_header(file); }),
              AllOf(HasSubstr("header"), HasSubstr("edited"), HasSubstr("expected")));
}

TEST(SampleSet, ACutOffFileIsTold) {
  const TemporaryFolder folder;
  const auto file = written(folder);
  const auto text = read_text_file(file);
  write_text_file(file, text.substr(0, text.size() - 10));
  EXPECT_THAT(error_of([&] { verify_sample_set(file); }), HasSubstr("cut off in sample 1 of 2"));
  write_text_file(file, text.substr(0, text.find("{\"index\":1")));
  EXPECT_THAT(error_of([&] { verify_sample_set(file); }), HasSubstr("expected 2 samples, found 1"));
}

TEST(SampleSet, AnUnfinishedOneLeavesNothingBehind) {
  const TemporaryFolder folder;
  {
    SampleSetWriter writer(folder.path(), description());
    writer.add(samples()[0]);
    EXPECT_THAT(error_of([&] { writer.finish(); }), HasSubstr("expected 2 samples, found 1"));
  }
  EXPECT_TRUE(std::filesystem::is_empty(folder.path()));
}

TEST(SampleSet, AnotherFileIsNoSet) {
  const TemporaryFolder folder;
  write_text_file(folder / "a.jsonl", "{\"a\": 1}\n");
  EXPECT_THAT(error_of([&] { read_header(folder / "a.jsonl"); }), HasSubstr("expected a set"));
  EXPECT_THAT(error_of([&] { read_header(folder / "none.jsonl"); }), HasSubstr("found no file"));
}

TEST(SampleSet, RecordsOnlyTheSourcesThatItsTaskDrawsFrom) {
  const auto sources = read_sources({});
  const auto of = [&](std::string_view task) {
    return sources_of_task(find_ruler_spec(task), sources, Mode::Strict).dump();
  };
  EXPECT_EQ(of("vt"), "{}");
  EXPECT_EQ(of("niah_multikey_3"), "{}");
  EXPECT_EQ(of("niah_single_1"), R"({"words":"generated-1"})");
  EXPECT_EQ(of("niah_single_2"), R"({"words":"generated-1","essays":"generated-1"})");
  EXPECT_EQ(of("cwe"), R"({"words":"generated-1","more_words":"generated-1"})");
  EXPECT_EQ(of("qa_2"), R"({"hotpotqa":"generated-1"})");
}

}  // namespace
}  // namespace hylo::tests
