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

constexpr int32_t byte_id(int byte) { return byte + 3; }

/// Blank 259, a 260, b, c, ab 263, " a" 264, " ab" 265, two blanks 266.
class SentencePieceLikeTokenizer : public testing::Test {
 protected:
  std::filesystem::path folder_ = tests::fixture("tokenizers/sentencepiece-like");
  std::unique_ptr<Tokenizer> tokenizer_ = load_tokenizer(folder_);
  Ids ids(std::string_view text) { return tokenizer_->encode(text, false); }
};

TEST_F(SentencePieceLikeTokenizer, ABlankIsPutInFront) {
  EXPECT_THAT(ids("ab"), ElementsAre(265));
  EXPECT_THAT(ids(" ab"), ElementsAre(259, 265));
  EXPECT_THAT(ids("  ab"), ElementsAre(266, 265));
  EXPECT_THAT(ids("ab ab"), ElementsAre(265, 265));
  EXPECT_THAT(ids(""), ElementsAre());
}

TEST_F(SentencePieceLikeTokenizer, WhatHasNoTokenIsSpeltInBytes) {
  EXPECT_THAT(ids("\u00E9"), ElementsAre(259, byte_id(0xC3), byte_id(0xA9)));
  EXPECT_THAT(ids("d"), ElementsAre(259, byte_id('d')));
}

TEST_F(SentencePieceLikeTokenizer, EachTextBetweenSpecialTokensGetsItsBlank) {
  EXPECT_THAT(ids("ab</s>ab"), ElementsAre(265, 2, 265));
  EXPECT_THAT(tokenizer_->encode("<s>ab", true), ElementsAre(1, 265));
  EXPECT_THAT(tokenizer_->encode("ab", true), ElementsAre(1, 265));
}

TEST_F(SentencePieceLikeTokenizer, DecodingDropsTheBlankInFront) {
  EXPECT_EQ(tokenizer_->decode(Ids{1, 265, 265}, true), "ab ab");
  EXPECT_EQ(tokenizer_->decode(Ids{1, 265}, false), "<s> ab");
  EXPECT_EQ(tokenizer_->decode(Ids{266, 260}, true), " a");
  EXPECT_EQ(tokenizer_->decode(Ids{259}, true), "");
  EXPECT_EQ(tokenizer_->decode(Ids{byte_id(' '), 260}, true), "a");
}

TEST_F(SentencePieceLikeTokenizer, OneBrokenByteBreaksItsWholeRun) {
  EXPECT_EQ(tokenizer_->decode(Ids{byte_id('A'), byte_id('B'), 260}, true), "ABa");
  EXPECT_EQ(tokenizer_->decode(Ids{byte_id('A'), byte_id(0xFF), 260, byte_id('A')}, true),
            "\uFFFD\uFFFDaA");
}

TEST_F(SentencePieceLikeTokenizer, SaysWhatItIs) {
  EXPECT_EQ(tokenizer_->info().kind, "BPE with byte fallback");
  EXPECT_EQ(tokenizer_->info().vocabulary_size, 267);
  EXPECT_EQ(tokenizer_->info().bos, 1);
  EXPECT_EQ(tokenizer_->info().eos, 2);
  EXPECT_EQ(tokenizer_->info().unknown, 0);
}

/// The fixture with its normalizer replaced by a Metaspace pre-tokenizer.
std::unique_ptr<Tokenizer> with_metaspace(const std::filesystem::path& file, const char* scheme) {
  const tests::TemporaryFolder folder;
  Json json = read_json_file(file);
  const Json metaspace = {
      {"type", "Metaspace"}, {"replacement", "\u2581"}, {"prepend_scheme", scheme}};
  json["normalizer"] = nullptr;
  json["pre_tokenizer"] = metaspace;
  json["decoder"] = metaspace;
  write_json_file(folder / "tokenizer.json", OrderedJson(json));
  return load_tokenizer(folder / "tokenizer.json");
}

TEST_F(SentencePieceLikeTokenizer, MetaspacePutsABlankWhereItsSchemeSays) {
  const auto always = with_metaspace(folder_ / "tokenizer.json", "always");
  const auto first = with_metaspace(folder_ / "tokenizer.json", "first");
  const auto never = with_metaspace(folder_ / "tokenizer.json", "never");
  EXPECT_THAT(always->encode("ab</s>ab", false), ElementsAre(265, 2, 265));
  EXPECT_THAT(first->encode("ab</s>ab", false), ElementsAre(265, 2, 263));
  EXPECT_THAT(never->encode("ab</s>ab", false), ElementsAre(263, 2, 263));
  EXPECT_THAT(always->encode(" ab", false), ElementsAre(265));  // a blank is there already
}

TEST_F(SentencePieceLikeTokenizer, MetaspaceDecodesWithoutTheBlanksOfTheFirstPiece) {
  const auto always = with_metaspace(folder_ / "tokenizer.json", "always");
  const auto never = with_metaspace(folder_ / "tokenizer.json", "never");
  EXPECT_EQ(always->decode(Ids{266, 265}, true), " ab");
  EXPECT_EQ(always->decode(Ids{265, 265}, true), "ab ab");
  EXPECT_EQ(never->decode(Ids{265, 265}, true), " ab ab");
}

TEST_F(SentencePieceLikeTokenizer, WithoutBytesTheUnknownTokenStandsForARun) {
  const tests::TemporaryFolder folder;
  Json json = read_json_file(folder_ / "tokenizer.json");
  json["model"]["byte_fallback"] = false;
  write_json_file(folder / "fused.json", OrderedJson(json));
  json["model"]["fuse_unk"] = false;
  write_json_file(folder / "single.json", OrderedJson(json));
  json["model"]["unk_token"] = nullptr;
  write_json_file(folder / "none.json", OrderedJson(json));
  EXPECT_THAT(load_tokenizer(folder / "fused.json")->encode("xyaz", false),
              ElementsAre(259, 0, 260, 0));
  EXPECT_THAT(load_tokenizer(folder / "single.json")->encode("xya", false),
              ElementsAre(259, 0, 0, 260));
  const auto none = load_tokenizer(folder / "none.json");
  EXPECT_THAT(tests::error_of([&] { (void)none->encode("x", false); }),
              HasSubstr("'x' has no token"));
}

}  // namespace
}  // namespace hylo::models
