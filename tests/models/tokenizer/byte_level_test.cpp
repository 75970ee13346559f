#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "harness/base/json.h"
#include "models/tokenizer/tokenizer.h"
#include "tests/support/test_data.h"

namespace hylo::models {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using Ids = std::vector<int32_t>;

/// Ids below 256 are bytes; the rest is listed in the fixture's SOURCE.md.
class ByteLevelTokenizer : public testing::Test {
 protected:
  std::unique_ptr<Tokenizer> tokenizer_ = load_tokenizer(tests::fixture("tokenizers/llama3-like"));
  Ids ids(std::string_view text) { return tokenizer_->encode(text, false); }
};

TEST_F(ByteLevelTokenizer, MergesFollowTheirRanks) {
  EXPECT_THAT(ids("hello"), ElementsAre(259));
  EXPECT_THAT(ids("hello world"), ElementsAre(259, 264));
  EXPECT_THAT(ids("hellx"), ElementsAre(258, 'x'));
  EXPECT_THAT(ids(""), ElementsAre());
}

TEST_F(ByteLevelTokenizer, AWholePieceThatIsATokenNeedsNoMerges) {
  EXPECT_THAT(ids("zebra"), ElementsAre(265));
  EXPECT_THAT(ids("a zebra"), ElementsAre('a', 266));
  EXPECT_THAT(ids("zebras"), ElementsAre('z', 'e', 'b', 'r', 'a', 's'));
}

TEST_F(ByteLevelTokenizer, DigitsComeInThrees) {
  EXPECT_THAT(ids("1234"), ElementsAre(268, '4'));
  EXPECT_THAT(ids("0123"), ElementsAre('0', 267, '3'));
}

TEST_F(ByteLevelTokenizer, TheTemplatePutsBosInFrontButNeverTwice) {
  EXPECT_THAT(tokenizer_->encode("hello", true), ElementsAre(269, 259));
  EXPECT_THAT(tokenizer_->encode("", true), ElementsAre(269));
  EXPECT_THAT(tokenizer_->encode("<|begin_of_text|>hello", true), ElementsAre(269, 259));
  EXPECT_THAT(ids("<|begin_of_text|>hello"), ElementsAre(269, 259));
}

TEST_F(ByteLevelTokenizer, TheLongestAddedTokenWins) {
  EXPECT_THAT(ids("<|end_of_text|>hello"), ElementsAre(270, 259));
  EXPECT_THAT(ids("<|end_of_text|><|end_of_text|>"), ElementsAre(274));
  EXPECT_THAT(ids("<|end_of_text|"),
              ElementsAre('<', '|', 'e', 'n', 'd', '_', 'o', 'f', '_', 't', 'e', 'x', 't', '|'));
}

TEST_F(ByteLevelTokenizer, AnAddedTokenMayTakeTheBlanksAroundItAlong) {
  EXPECT_THAT(ids("a  <|wide|> \n b"), ElementsAre('a', 271, 'b'));
}

TEST_F(ByteLevelTokenizer, ASingleWordIsNotFoundInsideAWord) {
  EXPECT_THAT(ids("cat"), ElementsAre(272));
  EXPECT_THAT(ids("(cat)"), ElementsAre('(', 272, ')'));
  EXPECT_THAT(ids("cats"), ElementsAre('c', 'a', 't', 's'));
  EXPECT_THAT(ids("1cat"), ElementsAre('1', 'c', 'a', 't'));
}

TEST_F(ByteLevelTokenizer, ANormalizedTokenIsSoughtInTheComposedText) {
  EXPECT_THAT(ids("caf\u00E9"), ElementsAre(273));
  EXPECT_THAT(ids("cafe\u0301"), ElementsAre(273));
}

TEST_F(ByteLevelTokenizer, TextIsComposedBeforeItIsEncoded) {
  EXPECT_THAT(ids("e\u0301"), ElementsAre(0xC3, 0xA9));
}

TEST_F(ByteLevelTokenizer, DecodingJoinsBytes) {
  EXPECT_EQ(tokenizer_->decode(Ids{259, 264}, false), "hello world");
  EXPECT_EQ(tokenizer_->decode(Ids{0xC3, 0xA9, 266}, false), "\u00E9 zebra");
  EXPECT_EQ(tokenizer_->decode(Ids{}, false), "");
}

TEST_F(ByteLevelTokenizer, SpecialTokensCanBeLeftOut) {
  EXPECT_EQ(tokenizer_->decode(Ids{269, 259, 270}, false), "<|begin_of_text|>hello<|end_of_text|>");
  EXPECT_EQ(tokenizer_->decode(Ids{269, 259, 270}, true), "hello");
  EXPECT_TRUE(tokenizer_->is_special(269));
  EXPECT_FALSE(tokenizer_->is_special(272));
  EXPECT_FALSE(tokenizer_->is_special(-1));
  EXPECT_FALSE(tokenizer_->is_special(9999));
}

TEST_F(ByteLevelTokenizer, SaysWhatItIs) {
  const auto& info = tokenizer_->info();
  EXPECT_EQ(info.kind, "byte-level BPE");
  EXPECT_EQ(info.vocabulary_size, 275);
  EXPECT_EQ(info.bos, 269);
  EXPECT_EQ(info.eos, 270);
  EXPECT_EQ(info.pad, std::nullopt);
  EXPECT_TRUE(info.adds_bos);
  EXPECT_FALSE(info.adds_eos);
  EXPECT_EQ(info.sha256.size(), 64U);
  EXPECT_EQ(tokenizer_->id_of("hello"), 259);
  EXPECT_EQ(tokenizer_->id_of("<|wide|>"), 271);
  EXPECT_EQ(tokenizer_->id_of("no such token"), std::nullopt);
}

TEST_F(ByteLevelTokenizer, RefusesWhatItCannotKnow) {
  EXPECT_THAT(tests::error_of([&] { (void)ids("ab\xFF"); }), HasSubstr("not UTF-8 at byte 2"));
  EXPECT_THAT(tests::error_of([&] { (void)tokenizer_->decode(Ids{275}, true); }),
              HasSubstr("id 275 stands for no token"));
  EXPECT_THAT(tests::error_of([&] { (void)tokenizer_->decode(Ids{-1}, true); }),
              HasSubstr("id -1"));
}

TEST_F(ByteLevelTokenizer, FlagsOfTheConfigurationReplaceTheTemplate) {
  const tests::TemporaryFolder folder;
  std::filesystem::copy(tests::fixture("tokenizers/llama3-like/tokenizer.json"), folder.path());
  write_json_file(folder / "tokenizer_config.json", {{"bos_token", "<|begin_of_text|>"},
                                                     {"eos_token", "<|end_of_text|>"},
                                                     {"add_bos_token", false},
                                                     {"add_eos_token", true}});
  const auto tokenizer = load_tokenizer(folder.path());
  EXPECT_THAT(tokenizer->encode("hello", true), ElementsAre(259, 270));
  EXPECT_THAT(tokenizer->info().notes, testing::Contains(HasSubstr("replace the template")));
}

TEST_F(ByteLevelTokenizer, AFileAloneNamesNoEndToken) {
  const auto alone = load_tokenizer(tests::fixture("tokenizers/llama3-like/tokenizer.json"));
  EXPECT_EQ(alone->info().bos, 269);
  EXPECT_EQ(alone->info().eos, std::nullopt);
  EXPECT_THAT(alone->info().notes, testing::Contains("no end token is named"));
  EXPECT_NE(alone->info().sha256, tokenizer_->info().sha256);
}

TEST(VocabAndMerges, WithoutAConfigurationAreGpt2s) {
  const auto tokenizer = load_tokenizer(tests::fixture("tokenizers/gpt2-like"));
  EXPECT_THAT(tokenizer->encode("hello world<think>123", true), ElementsAre(259, 264, 269, 268));
  EXPECT_THAT(tokenizer->encode("zebra", false), ElementsAre('z', 'e', 'b', 'r', 'a'));
  EXPECT_THAT(tokenizer->info().notes, testing::Contains(HasSubstr("GPT-2")));
}

TEST(VocabAndMerges, OfAQwenTokenizerCutDigitsOneByOneAndCompose) {
  const tests::TemporaryFolder folder;
  for (const char* name : {"vocab.json", "merges.txt"}) {
    std::filesystem::copy(tests::fixture("tokenizers/gpt2-like") / name, folder.path());
  }
  write_json_file(
      folder / "tokenizer_config.json",
      {{"tokenizer_class", "Qwen2Tokenizer"},
       {"added_tokens_decoder",
        {{"269", {{"content", "<|im_end|>"}, {"special", true}, {"normalized", false}}}}},
       {"eos_token", {{"content", "<|im_end|>"}}}});
  const auto tokenizer = load_tokenizer(folder.path());
  EXPECT_THAT(tokenizer->encode("12e\u0301<|im_end|>", true),
              ElementsAre('1', '2', 0xC3, 0xA9, 269));
  EXPECT_EQ(tokenizer->info().eos, 269);
  EXPECT_TRUE(tokenizer->is_special(269));
}

TEST(VocabAndMerges, OfAnotherClassAreRefused) {
  const tests::TemporaryFolder folder;
  for (const char* name : {"vocab.json", "merges.txt"}) {
    std::filesystem::copy(tests::fixture("tokenizers/gpt2-like") / name, folder.path());
  }
  write_json_file(folder / "tokenizer_config.json", {{"tokenizer_class", "RobertaTokenizer"}});
  EXPECT_THAT(tests::error_of([&] { load_tokenizer(folder.path()); }),
              testing::AllOf(HasSubstr("RobertaTokenizer"), HasSubstr("tokenizer.json")));
}

TEST(CheckFits, RefusesIdsThatTheModelHasNoRowFor) {
  const TokenizerInfo info{.vocabulary_size = 100};
  EXPECT_EQ(check_fits(info, 100), std::nullopt);
  EXPECT_EQ(check_fits(info, 111), std::nullopt);
  EXPECT_THAT(check_fits(info, 200).value_or(""), HasSubstr("100 ids, the model 200"));
  EXPECT_THAT(tests::error_of([&] { check_fits(info, 99); }), HasSubstr("ids up to 99"));
}

}  // namespace
}  // namespace hylo::models
