// Sample sets as files.
#include "tasks/ruler/sample_set.h"

#include <gmock/gmock.h>

#include <map>

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
              AllOf(HasSubstr(file.string() + ":3: sample 1: it was edited: expected sha256 "),
                    HasSubstr(", found "), HasSubstr("hylo data build ruler")));
}

TEST(SampleSet, AnEditedReferenceIsTold) {
  const TemporaryFolder folder;
  const auto file = written(folder);
  edit(file, "[\"Z\"]", "[\"A\"]");
  EXPECT_THAT(error_of([&] { verify_sample_set(file); }),
              AllOf(HasSubstr("sample 1"), HasSubstr("edited"), HasSubstr("expected sha256")));
}

// Every hash inside the samples is right; that of the body is not.
TEST(SampleSet, ASampleInThePlaceOfAnotherIsTold) {
  const TemporaryFolder folder;
  const auto file = written(folder);
  auto other = samples()[1];
  other.references = {"A"};
  edit(file, json_of(samples()[1], 1).dump(), json_of(other, 1).dump());
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

TEST(SampleSet, ALineThatIsNoJsonIsToldInOurWords) {
  const TemporaryFolder folder;
  const auto file = folder / "a.jsonl";
  const auto fault_of = [&](std::string_view text) {
    write_text_file(file, text);
    return error_of([&] { verify_sample_set(file); });
  };
  const auto where = file.string() + ":1: header: expected the header of a set of samples, ";
  const auto sound = read_text_file(written(folder));
  for (const auto& [text, found] : std::map<std::string, std::string>{
           {"", "found an empty line"},
           {"\n\n", "found an empty line"},
           {sound.substr(0, 100), "found 100 bytes that are cut off"},
           {"nonsense\n", "found 8 bytes that are no JSON"},
           {"\xff\xfe{\n", "found 3 bytes that are no JSON"},
           {"[1]\n", "found array"}}) {
    EXPECT_EQ(fault_of(text), where + "a JSON object, " + found +
                                  "; build the set anew with `hylo data build ruler`");
  }
  const auto first_line = sound.substr(0, sound.find('\n') + 1);
  EXPECT_THAT(
      fault_of(first_line + "{\"index\": 0, \n"),
      HasSubstr(":2: sample 0: expected a sample, a JSON object, found 12 bytes that are cut off"));
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
  write_text_file(folder / "a.jsonl", "{\"format\": 1}\n");
  EXPECT_THAT(error_of([&] { read_header(folder / "a.jsonl"); }),
              AllOf(HasSubstr("hylo-ruler-samples-2, found 1"), HasSubstr("hylo data build")));
  EXPECT_THAT(error_of([&] { read_header(folder / "none.jsonl"); }), HasSubstr("found no file"));
}

TEST(SampleSet, APlaceThatCannotBeReadIsNamed) {
  const TemporaryFolder folder;
  const auto circle = folder / "vt-4096-strict-0.jsonl";
  std::filesystem::create_symlink(circle, circle);
  const auto told = HasSubstr(circle.string() + ": cannot be read: Too many levels");
  EXPECT_THAT(error_of([&] { (void)sample_set_files(circle); }), told);
  EXPECT_THAT(error_of([&] { (void)sample_set_files(folder.path()); }), told);
  EXPECT_THAT(error_of([&] { (void)read_header(circle); }), told);
  write_text_file(folder / "file", "");
  EXPECT_THAT(error_of([&] { (void)sample_set_files(folder / "file"); }),
              HasSubstr("file: this folder cannot be read: Not a directory"));
  EXPECT_TRUE(sample_set_files(folder / "absent").empty());
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
