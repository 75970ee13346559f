#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>

#include "harness/base/files.h"
#include "harness/base/json.h"
#include "models/tokenizer/tokenizer.h"
#include "tests/support/test_data.h"

namespace hylo::models {
namespace {

using testing::AllOf;
using testing::HasSubstr;

std::string error_of_text(const std::string& name, const std::string& text) {
  const tests::TemporaryFolder folder;
  write_text_file(folder / name, text);
  return tests::error_of([&] { load_tokenizer(folder / name); });
}

/// The error of a fixture's tokenizer.json after `change`.
std::string error_after(const std::string& fixture, const std::function<void(Json&)>& change) {
  const tests::TemporaryFolder folder;
  Json json = read_json_file(tests::fixture("tokenizers") / fixture / "tokenizer.json");
  change(json);
  write_json_file(folder / "tokenizer.json", OrderedJson(json));
  return tests::error_of([&] { load_tokenizer(folder / "tokenizer.json"); });
}
std::string error_after(const std::function<void(Json&)>& change) {
  return error_after("llama3-like", change);
}

std::string error_of_merges(const std::string& merges) {
  const tests::TemporaryFolder folder;
  std::filesystem::copy(tests::fixture("tokenizers/gpt2-like/vocab.json"), folder.path());
  write_text_file(folder / "merges.txt", merges);
  return tests::error_of([&] { load_tokenizer(folder.path()); });
}

TEST(BadTokenizerFiles, MissingOnesAreNamed) {
  EXPECT_THAT(tests::error_of([] { load_tokenizer("/no/such/folder"); }),
              HasSubstr("/no/such/folder"));
  const tests::TemporaryFolder empty;
  EXPECT_THAT(
      tests::error_of([&] { load_tokenizer(empty.path()); }),
      AllOf(HasSubstr("tokenizer.json"), HasSubstr("tokenizer.model"), HasSubstr("merges.txt")));
}

TEST(BadTokenizerFiles, CutOffJsonSaysSo) {
  const auto whole = read_text_file(tests::fixture("tokenizers/llama3-like/tokenizer.json"));
  for (const size_t size : {size_t{0}, size_t{1}, whole.size() / 2, whole.size() - 2}) {
    EXPECT_THAT(error_of_text("tokenizer.json", whole.substr(0, size)), HasSubstr("expected JSON"));
  }
  EXPECT_THAT(error_of_text("tokenizer.json", "[]"), HasSubstr("expected a JSON object"));
  EXPECT_THAT(error_of_text("tokenizer.json", "{}"), HasSubstr("model: missing"));
}

TEST(BadTokenizerFiles, IdsMustBeUniqueWholeAndNotNegative) {
  EXPECT_THAT(error_after([](Json& json) { json["model"]["vocab"]["hello"] = 264; }),
              AllOf(HasSubstr("model.vocab"), HasSubstr("have one id, 264")));
  EXPECT_THAT(error_after([](Json& json) { json["model"]["vocab"]["hello"] = -3; }),
              HasSubstr("'hello' has id -3"));
  EXPECT_THAT(error_after([](Json& json) { json["model"]["vocab"]["hello"] = 1.5; }),
              HasSubstr("the id of 'hello' is 1.5"));
  EXPECT_THAT(error_after([](Json& json) { json["model"]["vocab"]["hello"] = int64_t{1} << 40; }),
              HasSubstr("'hello' has id"));
  EXPECT_THAT(
      error_of_text("tokenizer.json", R"({"model": {"vocab": {"a": 0, "a": 1}, "merges": []}})"),
      HasSubstr("'a' has two ids"));
}

TEST(BadTokenizerFiles, MergesMustJoinKnownTokens) {
  EXPECT_THAT(error_after([](Json& json) {
                json["model"]["merges"][1] = {"l", "lll"};
              }),
              AllOf(HasSubstr("merge 1 "), HasSubstr("'lll' is not in the vocabulary")));
  EXPECT_THAT(error_after([](Json& json) {
                json["model"]["merges"][0] = {"q", "q"};
              }),
              HasSubstr("'qq' is not in the vocabulary"));
  EXPECT_THAT(error_after([](Json& json) { json["model"]["merges"][2] = "noblank"; }),
              AllOf(HasSubstr("merges[2]"), HasSubstr("noblank")));
  EXPECT_THAT(error_after([](Json& json) {
                json["model"]["merges"][2] = {"a", "b", "c"};
              }),
              HasSubstr("merges[2]"));
  EXPECT_THAT(error_of_merges("#version: 0.2\nh e\nh e x\n"), HasSubstr("line 3"));
  EXPECT_THAT(error_of_merges("h q\n"), HasSubstr("'hq' is not in the vocabulary"));
}

TEST(BadTokenizerFiles, WhatIsNotUnderstoodIsNamedWithItsPath) {
  EXPECT_THAT(error_after([](Json& json) { json["model"]["type"] = "WordPiece"; }),
              AllOf(HasSubstr("$.model"), HasSubstr("'WordPiece' is not supported")));
  EXPECT_THAT(error_after([](Json& json) { json["model"]["type"] = "Unigram"; }),
              HasSubstr("'Unigram'"));
  EXPECT_THAT(error_after([](Json& json) {
                json["normalizer"] = {{"type", "Lowercase"}};
              }),
              AllOf(HasSubstr("$.normalizer"), HasSubstr("'Lowercase'")));
  EXPECT_THAT(
      error_after([](Json& json) {
        json["pre_tokenizer"]["pretokenizers"][0] = {{"type", "BertPreTokenizer"}};
      }),
      AllOf(HasSubstr("$.pre_tokenizer.pretokenizers[0]"), HasSubstr("'BertPreTokenizer'")));
  EXPECT_THAT(error_after([](Json& json) {
                json["post_processor"] = {{"type", "BertProcessing"}};
              }),
              AllOf(HasSubstr("$.post_processor"), HasSubstr("'BertProcessing'")));
  EXPECT_THAT(error_after([](Json& json) {
                json["decoder"] = {{"type", "CTC"}};
              }),
              AllOf(HasSubstr("$.decoder"), HasSubstr("'CTC'")));
  EXPECT_THAT(error_after([](Json& json) { json["decoder"] = nullptr; }), HasSubstr("$.decoder"));
  EXPECT_THAT(error_after([](Json& json) { json["normaliser"] = 1; }),
              HasSubstr("$.normaliser: unknown key"));
  EXPECT_THAT(error_after([](Json& json) { json["model"]["dropout"] = 0.1; }),
              HasSubstr("dropout"));
  EXPECT_THAT(error_after([](Json& json) { json["model"]["end_of_word_suffix"] = "</w>"; }),
              HasSubstr("'</w>' is not supported"));
}

TEST(BadTokenizerFiles, APatternThatDoesNotCompileIsShown) {
  EXPECT_THAT(error_after([](Json& json) {
                json["pre_tokenizer"]["pretokenizers"][0]["pattern"]["Regex"] = "(a";
              }),
              HasSubstr("(a"));
}

TEST(BadTokenizerFiles, ADecoderInAnotherOrderIsRefused) {
  EXPECT_THAT(error_after("sentencepiece-like",
                          [](Json& json) {
                            std::swap(json["decoder"]["decoders"][2],
                                      json["decoder"]["decoders"][3]);
                          }),
              AllOf(HasSubstr("$.decoder.decoders[2]"), HasSubstr("order")));
  EXPECT_THAT(error_after("sentencepiece-like",
                          [](Json& json) { json["decoder"]["decoders"][3]["stop"] = 1; }),
              HasSubstr("one blank in front"));
}

TEST(BadTokenizerFiles, AddedTokensMustNotContradictTheVocabulary) {
  EXPECT_THAT(error_after([](Json& json) { json["added_tokens"][0]["id"] = 259; }),
              HasSubstr("id 259 stands for"));
  EXPECT_THAT(error_after([](Json& json) { json["added_tokens"][0]["content"] = "hello"; }),
              HasSubstr("'hello' has id 269, in the vocabulary 259"));
  EXPECT_THAT(error_after([](Json& json) { json["added_tokens"][0]["content"] = ""; }),
              AllOf(HasSubstr("added_tokens[0]"), HasSubstr("empty")));
  EXPECT_THAT(error_after([](Json& json) { json["added_tokens"][1]["id"] = -1; }),
              AllOf(HasSubstr("added_tokens[1]"), HasSubstr("-1")));
}

TEST(BadTokenizerFiles, ATemplateMustNameTokens) {
  EXPECT_THAT(error_after([](Json& json) {
                json["post_processor"]["processors"][1]["special_tokens"] = Json::object();
              }),
              HasSubstr("special_tokens"));
  EXPECT_THAT(error_after("sentencepiece-like",
                          [](Json& json) {
                            json["post_processor"]["special_tokens"]["<s>"]["ids"] = {5000};
                          }),
              HasSubstr("id 5000"));
}

TEST(BadTokenizerFiles, AModelThatIsNotSentencePieceIsRefused) {
  EXPECT_THAT(error_of_text("tokenizer.model", "no model"),
              HasSubstr("expected a SentencePiece model"));
  EXPECT_THAT(error_of_text("tokenizer.model", ""), HasSubstr("expected a SentencePiece model"));
  const auto whole = read_text_file(tests::fixture("tokenizers/unigram/tokenizer.model"));
  EXPECT_THAT(error_of_text("tokenizer.model", whole.substr(0, whole.size() / 2)),
              HasSubstr("expected a SentencePiece model"));
}

TEST(BadTokenizerFiles, ADamagedConfigurationIsNamed) {
  const tests::TemporaryFolder folder;
  std::filesystem::copy(tests::fixture("tokenizers/llama3-like/tokenizer.json"), folder.path());
  const auto error_with = [&](const Json& config) {
    write_json_file(folder / "tokenizer_config.json", OrderedJson(config));
    return tests::error_of([&] { load_tokenizer(folder.path()); });
  };
  EXPECT_THAT(error_with({{"bos_token", 5}}),
              AllOf(HasSubstr("tokenizer_config.json"), HasSubstr("bos_token")));
  EXPECT_THAT(error_with({{"add_bos_token", "yes"}}),
              HasSubstr("add_bos_token: expected true or false"));
  EXPECT_THAT(error_with({{"added_tokens_decoder", {{"x", {{"content", "y"}}}}}}),
              HasSubstr("'x' is no token id"));
  EXPECT_THAT(error_with({{"added_tokens_decoder", {{"270", {{"content", "y"}}}}}}),
              HasSubstr("id 270 stands for '<|end_of_text|>' and for 'y'"));
}

}  // namespace
}  // namespace hylo::models
