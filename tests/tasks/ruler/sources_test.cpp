#include "tasks/ruler/sources.h"

#include <gmock/gmock.h>

#include "harness/base/files.h"
#include "harness/base/hash.h"
#include "tests/support/test_data.h"

namespace hylo::tasks::ruler {
namespace {

using hylo::tests::error_of;
using hylo::tests::TemporaryFolder;
using testing::ElementsAre;
using testing::HasSubstr;

class RulerSources : public testing::Test {
 protected:
  std::filesystem::path written(const std::string& name, std::string_view text) {
    write_text_file(folder_ / name, text);
    return folder_ / name;
  }
  std::string error(const SourcePaths& paths) {
    return error_of([&] { (void)read_sources(paths); });
  }
  TemporaryFolder folder_;
};

TEST_F(RulerSources, WordsLoseWhiteSpaceAtTheirEnd) {
  written("nounlist.txt", "ant\nbee \n");
  written("adjectivelist.txt", "ad hoc\r\n");
  written("verblist.txt", "run");
  const auto sources = read_sources({.words = folder_.path()});
  EXPECT_THAT(sources.words.nouns, ElementsAre("ant", "bee"));
  EXPECT_THAT(sources.words.adjectives, ElementsAre("ad hoc"));
  EXPECT_THAT(sources.words.verbs, ElementsAre("run"));
  EXPECT_EQ(sources.identity.at("words").get<std::string>().size(), 64U);
  EXPECT_EQ(sources.identity.at("more_words"), "generated-1");
}

TEST_F(RulerSources, AWordListThatIsMissingEmptyOrHasAGapIsNamed) {
  EXPECT_THAT(error({.words = folder_ / "absent"}), HasSubstr("absent: expected a folder with"));
  EXPECT_THAT(error({.words = folder_.path()}), HasSubstr("nounlist.txt: cannot be read"));
  written("nounlist.txt", "");
  EXPECT_THAT(error({.words = folder_.path()}), HasSubstr("nounlist.txt: is empty"));
  written("nounlist.txt", "ant\n\nbee\n");
  EXPECT_THAT(error({.words = folder_.path()}), HasSubstr("nounlist.txt:2: expected a word"));
}

// What cannot be looked at is no fault of ours: links in a circle stand for all of it.
TEST_F(RulerSources, WhatCannotBeReadIsNamedWithItsPath) {
  const auto circle = folder_ / "circle";
  std::filesystem::create_symlink(circle, circle);
  const auto told = HasSubstr(circle.string() + ": cannot be read: Too many levels");
  EXPECT_THAT(error({.words = circle}), told);
  EXPECT_THAT(error({.more_words = circle}), told);
  EXPECT_THAT(error({.essays = circle}), told);
  EXPECT_THAT(error({.squad = circle}), told);
  EXPECT_THAT(error({.hotpotqa = circle}), told);
  const auto file = written("file", "text");
  EXPECT_THAT(error({.essays = file / "inside"}), HasSubstr("essays not found"));
  EXPECT_THAT(error({.words = file}), HasSubstr("file: expected a folder with nounlist.txt"));
  EXPECT_THAT(error({.squad = folder_.path()}), HasSubstr(folder_.path().string()));
}

TEST_F(RulerSources, AnEssayThatIsALinkToNothingIsNotLeftOut) {
  written("1.txt", "one");
  std::filesystem::create_symlink(folder_ / "absent", folder_ / "2.txt");
  EXPECT_THAT(error({.essays = folder_.path()}), HasSubstr("2.txt: is a link to nothing"));
}

TEST_F(RulerSources, MoreWordsAreTheValuesInTheOrderOfTheFile) {
  const auto file = written("english_words.json", R"({"b": "zoo", "a": "ant", "b": "bee"})");
  EXPECT_THAT(read_sources({.more_words = file}).more_words, ElementsAre("bee", "ant"));
  EXPECT_THAT(error({.more_words = written("w.json", "[\"a\"]")}),
              HasSubstr("w.json: expected an"));
  EXPECT_THAT(error({.more_words = written("w.json", "{\"a\": 1}")}),
              HasSubstr("expected an object whose values are words"));
}

TEST_F(RulerSources, EssaysAreATextAJsonFileOrAFolderOfTextsInOrderOfTheirNames) {
  const auto one = written("2.txt", "two");
  EXPECT_EQ(read_sources({.essays = one}).essay, "two");
  EXPECT_EQ(read_sources({.essays = one}).identity.at("essays"), sha256_hex("two"));
  EXPECT_EQ(read_sources({.essays = written("e.json", "{\"text\": \"t\"}")}).essay, "t");
  written("1.txt", "one");
  EXPECT_EQ(read_sources({.essays = folder_.path()}).essay, "one\ntwo\n");
}

TEST_F(RulerSources, EssaysThatAreMissingEmptyOrNotUtf8AreNamed) {
  EXPECT_THAT(error({.essays = folder_ / "absent.txt"}), HasSubstr("absent.txt: essays not found"));
  EXPECT_THAT(error({.essays = folder_.path()}), HasSubstr("expected texts (*.txt)"));
  EXPECT_THAT(error({.essays = written("e.txt", " \n")}), HasSubstr("e.txt: is empty"));
  EXPECT_THAT(error({.essays = written("e.txt", "a\xE9 b")}), HasSubstr("byte 1 is not UTF-8"));
  EXPECT_THAT(error({.essays = written("e.json", "{\"txt\": \"t\"}")}),
              HasSubstr("e.json.text: missing"));
}

TEST_F(RulerSources, WhatIsNotGivenIsGenerated) {
  const auto sources = read_sources({});
  EXPECT_FALSE(sources.words.nouns.empty());
  EXPECT_FALSE(sources.more_words.empty());
  EXPECT_FALSE(sources.essay.empty());
  EXPECT_FALSE(sources.squad.questions.empty());
  EXPECT_FALSE(sources.hotpotqa.questions.empty());
  EXPECT_THAT(sources.identity.at("squad").get<std::string>(), HasSubstr("generated"));
}

}  // namespace
}  // namespace hylo::tasks::ruler
