// The memory of a sequence, written and read.
#include "models/cache/saved_sequence.h"

#include <ATen/ops/equal.h>
#include <gmock/gmock.h>

#include "harness/base/files.h"
#include "models/decoder/decoder.h"
#include "tests/models/hybrids.h"
#include "tests/support/test_data.h"

namespace hylo::models {
namespace {

using hylo::tests::error_of;
using hylo::tests::TemporaryFolder;
using ::testing::HasSubstr;
using namespace tests;  // NOLINT: the whole header is for tests like these

/// Every kind of layer, one of them with a window that has given pages back.
ModelConfig kinds_and_a_window() {
  auto config = all_kinds();
  auto windowed = attention;
  windowed.window = 9;
  config.layers.push_back({windowed, dense});
  return config;
}

class SavedSequences : public ::testing::TestWithParam<NumberType> {
 protected:
  CacheOptions pages_of(int64_t page_tokens) const {
    return {.type = decoder_.type(), .page_tokens = page_tokens, .max_tokens = 4096};
  }
  at::Tensor fed(SequenceCache& sequence, const std::vector<int32_t>& tokens) const {
    return decoder_.forward(tokens, {{{&sequence, std::ssize(tokens)}}}).normed_ND;
  }

  TemporaryFolder folder_;
  std::filesystem::path file_ = folder_.path() / "prompt.safetensors";
  ModelConfig config_ = kinds_and_a_window();
  Decoder decoder_{config_, random_weights(config_, GetParam(), 3)};
  std::vector<int32_t> prompt_ = random_tokens(50, 1), more_ = random_tokens(20, 2);
};

TEST_P(SavedSequences, GoOnWithTheSameBitsInPagesOfAnotherSize) {
  Cache cache(config_, pages_of(4));
  auto sequence = cache.new_sequence();
  fed(sequence, prompt_);
  save_sequence(file_, sequence, prompt_, "a model");
  const auto expected = fed(sequence, more_);
  for (const int64_t page_tokens : {1, 4, 7, 64}) {
    Cache other(config_, pages_of(page_tokens));
    auto loaded = load_sequence(file_, other, "a model");
    EXPECT_EQ(loaded.tokens, prompt_);
    EXPECT_EQ(loaded.cache.num_tokens(), 50);
    EXPECT_TRUE(at::equal(fed(loaded.cache, more_), expected)) << "pages of " << page_tokens;
  }
}

TEST_P(SavedSequences, WeighWhatTheyWeighed) {
  Cache cache(config_, pages_of(4)), other(config_, pages_of(4));
  auto sequence = cache.new_sequence();
  fed(sequence, prompt_);
  save_sequence(file_, sequence, prompt_, "a model");
  const auto loaded = load_sequence(file_, other, "a model");
  EXPECT_EQ(other.bytes(), cache.bytes());
}

TEST_P(SavedSequences, AreTheSameFileWhateverThePagesAndHoweverOftenSaved) {
  std::vector<std::string> files;
  for (const int64_t page_tokens : {4, 64}) {
    Cache cache(config_, pages_of(page_tokens));
    auto sequence = cache.new_sequence();
    fed(sequence, prompt_);
    save_sequence(file_, sequence, prompt_, "a model");
    files.push_back(read_text_file(file_));
    save_sequence(file_, load_sequence(file_, cache, "a model").cache, prompt_, "a model");
    files.push_back(read_text_file(file_));
  }
  for (const auto& file : files) EXPECT_TRUE(file == files.front());
}

TEST_P(SavedSequences, WithAWindowAreNotCutIntoWhatWasNotSaved) {
  ModelConfig windowed = config_of({config_.layers.back()});
  const Decoder decoder(windowed, random_weights(windowed, GetParam(), 3));
  Cache cache(windowed, pages_of(64));
  auto sequence = cache.new_sequence();
  decoder.forward(prompt_, {{{&sequence, 50}}});
  save_sequence(file_, sequence, prompt_, "a model");
  auto loaded = load_sequence(file_, cache, "a model").cache;
  EXPECT_THAT(error_of([&] { loaded.truncate(40); }), HasSubstr("was loaded at 50 tokens"));
  EXPECT_THAT(error_of([&] { loaded.fork().truncate(49); }), HasSubstr("cannot be cut to 49"));
  loaded.truncate(0);
  EXPECT_EQ(loaded.num_tokens(), 0);
}

TEST_P(SavedSequences, WithoutTokensAreEmpty) {
  Cache cache(config_, pages_of(4));
  save_sequence(file_, cache.new_sequence(), {}, "a model");
  EXPECT_EQ(load_sequence(file_, cache, "a model").cache.num_tokens(), 0);
}

TEST_P(SavedSequences, ThatDoNotFitAreRefusedAndTakeNothing) {
  Cache cache(config_, pages_of(4));
  auto sequence = cache.new_sequence();
  fed(sequence, prompt_);
  save_sequence(file_, sequence, prompt_, "a model");
  const int64_t before = cache.bytes();
  EXPECT_THAT(error_of([&] { load_sequence(file_, cache, "another"); }),
              HasSubstr("the memory of model 'a model', expected 'another'"));
  auto fewer = config_;
  fewer.layers.pop_back();
  Cache of_fewer(fewer, pages_of(4));
  EXPECT_THAT(error_of([&] { load_sequence(file_, of_fewer, "a model"); }),
              HasSubstr("it was written for a network of other layers"));
  EXPECT_EQ(of_fewer.bytes(), 0);
  auto wider = config_;
  std::get<AttentionSpec>(wider.layers[3].mixer).head_width = 8;
  Cache of_wider(wider, pages_of(4));
  EXPECT_THAT(error_of([&] { load_sequence(file_, of_wider, "a model"); }),
              HasSubstr("layers.3.parts.0 is [50, 1, 6], expected 50 rows of [1, 8]"));
  EXPECT_EQ(of_wider.bytes(), 0);
  const auto type = decoder_.type() == at::kFloat ? at::kDouble : at::kFloat;
  Cache of_type(config_, {.type = type, .max_tokens = 4096});
  EXPECT_THAT(error_of([&] { load_sequence(file_, of_type, "a model"); }), HasSubstr("expected"));
  std::filesystem::resize_file(file_, std::filesystem::file_size(file_) - 10);
  EXPECT_THAT(error_of([&] { load_sequence(file_, cache, "a model"); }), HasSubstr("prompt"));
  EXPECT_EQ(cache.bytes(), before);
}

INSTANTIATE_TEST_SUITE_P(Of, SavedSequences,
                         ::testing::Values(NumberType::Float32, NumberType::BFloat16,
                                           NumberType::Float64));

}  // namespace
}  // namespace hylo::models
