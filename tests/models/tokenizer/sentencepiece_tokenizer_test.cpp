#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sentencepiece_processor.h>

#include "harness/base/json.h"
#include "harness/base/random.h"
#include "models/tokenizer/tokenizer.h"
#include "tests/support/test_data.h"

namespace hylo::models {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using Ids = std::vector<int32_t>;

class SentencePieceModel : public testing::Test {
 protected:
  SentencePieceModel() { library_.LoadOrDie(file_.string()); }

  std::filesystem::path file_ = tests::fixture("tokenizers/unigram/tokenizer.model");
  std::unique_ptr<Tokenizer> tokenizer_ = load_tokenizer(file_);
  sentencepiece::SentencePieceProcessor library_;
};

TEST_F(SentencePieceModel, AloneDoesWhatTheLibraryDoes) {
  for (const std::string text :
       {"the monster", "  two  blanks ", "", "UPPER case", "<s>a</s>", "\u00E9"}) {
    EXPECT_EQ(tokenizer_->encode(text, true), library_.EncodeAsIds(text)) << text;
  }
  EXPECT_FALSE(tokenizer_->info().adds_bos);
  EXPECT_THAT(tokenizer_->info().notes, testing::Contains(HasSubstr("no BOS is added")));
}

TEST_F(SentencePieceModel, AnyIdsAreDecodedAsTheLibraryDoes) {
  PythonRandom random(5);
  for (int i = 0; i < 2000; ++i) {
    Ids ids;
    for (uint64_t n = random.randbelow(8); n > 0; --n) {
      // Often the first few: unknown, control pieces and the bare blank.
      ids.push_back(static_cast<int32_t>(random.randbelow(random.randbelow(2) ? 6 : 100)));
    }
    ASSERT_EQ(tokenizer_->decode(ids, true), library_.DecodeIds(ids))
        << testing::PrintToString(ids);
  }
}

TEST_F(SentencePieceModel, RoundTripsCollapseBlanks) {
  EXPECT_EQ(tokenizer_->decode(tokenizer_->encode("  the  monster ", true), true), "the monster");
}

TEST_F(SentencePieceModel, SaysWhatItIs) {
  EXPECT_EQ(tokenizer_->info().kind, "SentencePiece");
  EXPECT_EQ(tokenizer_->info().vocabulary_size, 100);
  EXPECT_EQ(tokenizer_->info().unknown, 0);
  EXPECT_EQ(tokenizer_->info().bos, 1);
  EXPECT_EQ(tokenizer_->info().eos, 2);
  EXPECT_EQ(tokenizer_->info().pad, std::nullopt);
  EXPECT_TRUE(tokenizer_->is_special(1));
  EXPECT_FALSE(tokenizer_->is_special(0));
  EXPECT_EQ(tokenizer_->id_of("</s>"), 2);
  EXPECT_EQ(tokenizer_->id_of("no such piece"), std::nullopt);
  EXPECT_THAT(tests::error_of([&] { (void)tokenizer_->text_of(100); }), HasSubstr("id 100"));
  EXPECT_THAT(tests::error_of([&] { (void)tokenizer_->encode("\xC3", true); }),
              HasSubstr("not UTF-8"));
}

TEST_F(SentencePieceModel, WithAConfigurationDoesWhatTheWrapperDoes) {
  const tests::TemporaryFolder folder;
  std::filesystem::copy(file_, folder.path());
  write_json_file(folder / "tokenizer_config.json",
                  {{"bos_token", "<s>"},
                   {"eos_token", "</s>"},
                   {"unk_token", "<unk>"},
                   {"add_eos_token", true},
                   {"added_tokens_decoder", {{"100", {{"content", "<pad>"}, {"special", true}}}}}});
  const auto tokenizer = load_tokenizer(folder.path());
  const Ids the = library_.EncodeAsIds("the");
  Ids expected{1};
  expected.insert(expected.end(), the.begin(), the.end());
  expected.push_back(100);
  expected.insert(expected.end(), the.begin(), the.end());
  expected.push_back(2);
  EXPECT_EQ(tokenizer->encode("the<pad>the", true), expected);
  EXPECT_EQ(tokenizer->encode("<s>the<pad>the", true), expected);
  EXPECT_EQ(tokenizer->decode(expected, true), "the the");
  EXPECT_EQ(tokenizer->decode(Ids{1, 0, 100}, false), "<s><unk><pad>");
  EXPECT_EQ(tokenizer->info().vocabulary_size, 101);
  EXPECT_THAT(tokenizer->info().notes, testing::Contains(HasSubstr("BOS is added")));
}

}  // namespace
}  // namespace hylo::models
