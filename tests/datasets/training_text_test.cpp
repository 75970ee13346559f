#include "datasets/training_text.h"

#include <gmock/gmock.h>

#include <fstream>

#include "harness/base/files.h"
#include "tests/support/test_data.h"

namespace hylo::datasets {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using tests::error_of;
using tests::TemporaryFolder;

class TrainingTextFiles : public ::testing::Test {
 protected:
  std::filesystem::path file(const std::string& name, const std::string& text) {
    const auto path = folder_ / name;
    std::filesystem::create_directories(path.parent_path());
    write_text_file(path, text);
    return path;
  }
  [[nodiscard]] std::string name(const char* rest) const { return folder_.path().string() + rest; }

  TemporaryFolder folder_;
};

std::vector<std::string> texts(const TrainingText& read) {
  std::vector<std::string> all;
  for (const auto& document : read.documents) {
    all.emplace_back();
    for (const auto& span : document.spans) all.back() += span.text;
  }
  return all;
}

std::vector<std::string> origins(const TrainingText& read) {
  std::vector<std::string> all;
  for (const auto& document : read.documents) all.push_back(document.origin);
  return all;
}

using JsonLinesFiles = TrainingTextFiles;
using PlainTextFiles = TrainingTextFiles;
using ChatFiles = TrainingTextFiles;
using FolderFiles = TrainingTextFiles;

TEST_F(JsonLinesFiles, ALineIsADocumentOfItsFile) {
  const auto a = file("a.jsonl", "{\"text\": \"one\"}\n{\"text\": \"t\\nwo\", \"id\": 3}\n");
  const auto b = file("b.jsonl", "{\"text\": \"three\"}");
  const auto read = read_training_text(JsonLinesText{.files = {a, b}});
  EXPECT_THAT(texts(read), ElementsAre("one", "t\nwo", "three"));
  EXPECT_THAT(origins(read),
              ElementsAre(name("/a.jsonl:1"), name("/a.jsonl:2"), name("/b.jsonl:1")));
  EXPECT_EQ(read.report.summary(), "2 files, 3 documents, 12 B of text");
  EXPECT_TRUE(read.documents[0].spans[0].is_trained);
}

TEST_F(JsonLinesFiles, TheFieldMayHaveAnotherName) {
  const auto a = file("a.jsonl", "{\"body\": \"one\"}\n");
  EXPECT_THAT(texts(read_training_text(JsonLinesText{{a}, "body"})), ElementsAre("one"));
  EXPECT_EQ(error_of([&] { read_training_text(JsonLinesText{{a}}); }),
            name("/a.jsonl:1: expected the field 'text', found 'body'"));
}

TEST_F(JsonLinesFiles, ABadLineIsNamedWithFileAndLine) {
  const auto message = [&](const std::string& line) {
    const auto a = file("a.jsonl", "{\"text\": \"one\"}\n" + line + "\n{\"text\": \"two\"}\n");
    return error_of([&] { read_training_text(JsonLinesText{{a}}); });
  };
  const auto where = name("/a.jsonl:2: ");
  EXPECT_THAT(message("{\"text\": \"on"), HasSubstr(where));
  EXPECT_EQ(message(""), where + "expected a JSON object, found an empty line");
  EXPECT_EQ(message("[1]"), where + "expected a JSON object, found a list");
  EXPECT_EQ(message("{\"text\": 3}"), where + "field 'text': expected a text, found a number");
  EXPECT_EQ(message("{}"), where + "expected the field 'text', found an empty object");
  EXPECT_EQ(message("{\"text\": \"\xFF\"}"),
            where + "expected UTF-8, found the byte 0xff at offset 10; convert the file");
}

TEST_F(JsonLinesFiles, BadLinesAreCountedWhereThatIsAskedFor) {
  const auto a = file(
      "a.jsonl",
      "{\"text\": \"one\"}\n{\"text\n\n{\"text\": \"\xFF\"}\n{\"tex\": 1}\n{\"text\": \"\"}\n");
  const auto read = read_training_text(JsonLinesText{{a}}, {.skip_bad_lines = true});
  EXPECT_THAT(texts(read), ElementsAre("one"));
  EXPECT_EQ(read.report.num_left_out(LeftOut::BadLine), 4);
  EXPECT_EQ(read.report.num_left_out(LeftOut::Empty), 1);
  EXPECT_EQ(read.report.summary(),
            "1 file, 1 document, 3 B of text; left out: 4 bad lines, 1 document without text");
  EXPECT_THAT(read.report.examples[0], HasSubstr("a.jsonl:2: "));
  EXPECT_EQ(read.report.examples.size(), 5);
}

TEST_F(JsonLinesFiles, AFileThatIsEmptyOrMissingOrHasNoGoodLineIsAnError) {
  const auto of = [&](const std::filesystem::path& path) {
    return error_of([&] { read_training_text(JsonLinesText{{path}}, {.skip_bad_lines = true}); });
  };
  EXPECT_EQ(of(file("a.jsonl", "")),
            name("/a.jsonl: expected texts to train on, found an empty file"));
  EXPECT_EQ(of(file("b.jsonl", "\n\n")),
            name("/b.jsonl: expected texts to train on, found nothing but white space"));
  EXPECT_THAT(of(folder_ / "none.jsonl"), HasSubstr("none.jsonl: cannot be read"));
  EXPECT_THAT(of(file("c.jsonl", "{}\n")),
              HasSubstr("expected documents to train on, found none: 1 file, 0 documents, 0 B of "
                        "text; left out: 1 bad line; the first: "));
}

TEST_F(PlainTextFiles, AFileIsADocumentAsItIs) {
  const auto a = file("a.txt", "\xEF\xBB\xBF one\n\ntwo \n");
  const auto read = read_training_text(PlainText{.files = {a}});
  EXPECT_THAT(texts(read), ElementsAre(" one\n\ntwo \n"));
  EXPECT_THAT(origins(read), ElementsAre(name("/a.txt")));
}

TEST_F(PlainTextFiles, ASeparatorLineDividesDocuments) {
  const auto a = file("a.txt", "one\n  two\n<|end|>\n\n three\r\n<|end|>\r\n<|end|>\nfo<|end|>ur");
  const auto read = read_training_text(PlainText{.files = {a}, .separator = "<|end|>"});
  EXPECT_THAT(texts(read), ElementsAre("one\n  two", " three", "fo<|end|>ur"));
  EXPECT_THAT(origins(read), ElementsAre(name("/a.txt:1"), name("/a.txt:4"), name("/a.txt:8")));
  EXPECT_EQ(read.report.num_left_out(LeftOut::Empty), 1);
}

TEST_F(PlainTextFiles, WhatNoSeparatorClosesMayBeLeftOut) {
  const auto a = file("a.txt", "one\n--\ntwo\n--\nthr");
  const PlainText source{.files = {a}, .separator = "--", .drop_unclosed = true};
  const auto read = read_training_text(source);
  EXPECT_THAT(texts(read), ElementsAre("one", "two"));
  EXPECT_EQ(read.report.num_left_out(LeftOut::Unclosed), 1);
  EXPECT_THAT(read.report.examples, ElementsAre(name("/a.txt:5: no separator closes it")));
  file("a.txt", "one\n--\n");
  EXPECT_EQ(read_training_text(source).report.num_left_out(LeftOut::Unclosed), 0);
}

TEST_F(PlainTextFiles, ASeparatorThatNeverComesIsAnError) {
  const auto a = file("a.txt", "one\ntwo\n");
  EXPECT_EQ(error_of([&] {
              read_training_text(PlainText{{a}, "--"});
            }),
            name("/a.txt: expected lines '--' between documents, found none in 2 lines"));
}

TEST_F(PlainTextFiles, BytesThatAreNotUtf8AreNamedWithTheirLine) {
  const auto a = file("a.txt", "one\nt\xC3wo\n");
  EXPECT_THAT(error_of([&] { read_training_text(PlainText{{a}}); }),
              HasSubstr("a.txt:2: expected UTF-8, found the byte 0xc3"));
}

TEST_F(ChatFiles, OnlyWhatTheAssistantWroteIsTrained) {
  const auto a = file("a.jsonl", R"({"messages": [{"role": "user", "content": "2+2?"}, )"
                                 R"({"role": "assistant", "content": "4"}]})");
  const auto read = read_training_text(ChatLines{.files = {a}});
  EXPECT_THAT(read.documents.at(0).spans,
              ElementsAre(TextSpan{"user: ", false}, TextSpan{"2+2?\n", false},
                          TextSpan{"assistant: ", false}, TextSpan{"4\n", true}));
}

TEST_F(ChatFiles, TheCallerMayRenderThem) {
  const auto a = file("a.jsonl", R"({"messages": [{"role": "assistant", "content": "4"}]})");
  const auto render = [](std::span<const ChatTurn> turns) {
    return std::vector<TextSpan>{{"<a>", false}, {turns[0].content, true}, {"", false}};
  };
  EXPECT_THAT(read_training_text(ChatLines{{a}, render}).documents.at(0).spans,
              ElementsAre(TextSpan{"<a>", false}, TextSpan{"4", true}));
}

TEST_F(ChatFiles, AConversationThatIsNoneIsNamedWithFileAndLine) {
  const auto message = [&](const std::string& line) {
    const auto a = file("a.jsonl", line);
    return error_of([&] { read_training_text(ChatLines{{a}}); });
  };
  const auto where = name("/a.jsonl:1: ");
  EXPECT_EQ(message(R"({"text": "a"})"), where + "expected the field 'messages', found 'text'");
  EXPECT_EQ(message(R"({"messages": []})"),
            where + "field 'messages': expected a list of messages, found an empty list");
  EXPECT_EQ(message(R"({"messages": "a"})"),
            where + "field 'messages': expected a list of messages, found a text");
  EXPECT_EQ(message(R"({"messages": [3]})"),
            where + "messages[0]: expected an object, found a number");
  EXPECT_EQ(message(R"({"messages": [{"role": "user"}]})"),
            where + "messages[0]: expected the field 'content', found 'role'");
  EXPECT_EQ(message(R"({"messages": [{"role": "user", "content": null}]})"),
            where + "messages[0]: field 'content': expected a text, found null");
  EXPECT_EQ(message(R"({"messages": [{"role": "user", "content": "a"}]})"),
            where + "expected something that the assistant wrote, found nothing of it to train on");
}

TEST_F(FolderFiles, FilesComeInTheOrderOfTheirPathsWithAHeader) {
  file("b/z.c", "z\n");
  file("b.c", "b\n");
  file("a.c", "a\n");
  const auto read =
      read_training_text(FolderText{.folder = folder_.path(), .header = "// {path}\n"});
  EXPECT_THAT(texts(read), ElementsAre("// a.c\na\n", "// b.c\nb\n", "// b/z.c\nz\n"));
}

TEST_F(FolderFiles, BuildFoldersVersionControlAndGitignoredFilesAreLeftOut) {
  file(".git/config", "x");
  file("build/made.c", "x");
  file("sub/node_modules/made.js", "x");
  file("sub/.gitignore", "/secret.c\n*.log\n!keep.log\n");
  file("sub/secret.c", "x");
  file("sub/a.log", "x");
  file("sub/keep.log", "kept");
  file("secret.c", "other");
  const FolderText source{.folder = folder_.path(), .ignore = {".gitignore"}};
  const auto read = read_training_text(source);
  EXPECT_THAT(texts(read), ElementsAre("other", "kept"));
  EXPECT_EQ(read.report.num_left_out(LeftOut::Ignored), 6);
  EXPECT_THAT(read.report.examples, IsEmpty());
}

TEST_F(FolderFiles, PatternsOfTheUserComeBeforeAllOthers) {
  file(".gitignore", "*.c\n");
  file("a.c", "a");
  file("build/b.c", "b");
  file("c.c", "c");
  FolderText source{
      .folder = folder_.path(), .only = {"*.c"}, .ignore = {"!*.c", "!build/", "/c.c"}};
  EXPECT_THAT(texts(read_training_text(source)), ElementsAre("a", "b"));
  source.ignore = {};
  source.reads_gitignore = false;
  EXPECT_THAT(texts(read_training_text(source)), ElementsAre("a", "c"));
  source.only = {"build/"};
  source.ignore = {"!build/"};
  EXPECT_THAT(texts(read_training_text(source)), ElementsAre("b"));
}

TEST_F(FolderFiles, APatternThatIsNoneIsNamedWithItsFileAndLine) {
  file("sub/.gitignore", "*.o\n[z-a]\n");
  EXPECT_THAT(error_of([&] { read_training_text(FolderText{.folder = folder_.path()}); }),
              HasSubstr("sub/.gitignore:2: pattern '[z-a]': expected"));
}

TEST_F(FolderFiles, BinaryLargeAndEmptyFilesAndLinksAreCounted) {
  file("a.txt", "a");
  file("binary.bin", std::string("a\0b", 3));
  file("latin1.txt", "caf\xE9");
  file("large.txt", std::string(101, 'x'));
  file("empty.txt", "");
  file("blank.txt", " \n");
  std::filesystem::create_symlink(folder_ / "a.txt", folder_ / "link.txt");
  std::filesystem::create_directory_symlink(folder_.path(), folder_ / "loop");
  const auto read = read_training_text(FolderText{.folder = folder_.path(), .max_file_bytes = 100});
  EXPECT_THAT(texts(read), ElementsAre("a"));
  EXPECT_EQ(read.report.num_left_out(LeftOut::NotText), 2);
  EXPECT_EQ(read.report.num_left_out(LeftOut::TooLarge), 1);
  EXPECT_EQ(read.report.num_left_out(LeftOut::Empty), 2);
  EXPECT_EQ(read.report.num_left_out(LeftOut::NotAFile), 2);
  EXPECT_THAT(read.report.examples, Contains(name("/large.txt: 101 bytes")));
  EXPECT_THAT(read.report.examples, Contains(name("/binary.bin: it has a byte 0")));
}

TEST_F(FolderFiles, AFolderThatIsMissingOrHoldsNoTextIsAnError) {
  const auto of = [](const std::filesystem::path& path) {
    return error_of([&] { read_training_text(FolderText{.folder = path}); });
  };
  EXPECT_EQ(of(folder_ / "none"), name("/none: expected a folder of texts, found none there"));
  EXPECT_EQ(of(file("a.txt", "a")), name("/a.txt: expected a folder of texts, found a file"));
  std::filesystem::create_directory(folder_ / "b");
  EXPECT_THAT(of(folder_ / "b"), HasSubstr("expected documents to train on, found none"));
}

TEST_F(TrainingTextFiles, TheHashIsOfTheContentsAndWhereAFileEnds) {
  const auto hash = [&](const char* first, const char* second) {
    const PlainText source{.files = {file("a.txt", first), file("b.txt", second)}};
    return read_training_text(source).sha256;
  };
  EXPECT_EQ(hash("ab", "c"), hash("ab", "c"));
  EXPECT_NE(hash("ab", "c"), hash("a", "bc"));
}

TEST(TrainingTextGoldens, TinyStoriesAreTheStoriesThatItsSourceCounts) {
  const auto sample = tests::data("tinystories-sample/tinystories_sample.txt");
  if (!sample) GTEST_SKIP() << tests::skip_reason("HYLO_DATA", "tinystories-sample");
  const auto read = read_training_text(
      PlainText{.files = {*sample}, .separator = "<|endoftext|>", .drop_unclosed = true});
  EXPECT_EQ(read.report.num_documents, 2316);
  EXPECT_EQ(read.report.num_left_out(LeftOut::Unclosed), 1);
  EXPECT_TRUE(
      read.documents[1].spans[0].text.starts_with("Once upon a time, there was a little car"));
  EXPECT_TRUE(read.documents[1].spans[0].text.ends_with("lived happily ever after."));
}

}  // namespace
}  // namespace hylo::datasets
