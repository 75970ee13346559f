// What sequences remember: bytes, forks, cuts, windows, and what happens when pages run out.
#include "models/cache/cache.h"

#include <gmock/gmock.h>

#include "models/cache/predicted.h"
#include "tests/support/test_data.h"

namespace hylo::models {
namespace {

using ::testing::HasSubstr;
using tests::error_of;

/// Layers with the given windows; 0 sees everything. Two key/value heads of width 6.
ModelConfig layers_with(const std::vector<int64_t>& windows) {
  ModelConfig config;
  for (const int64_t window : windows) {
    AttentionSpec attention{
        .num_heads = 4, .num_kv_heads = 2, .head_width = 6, .rope = {.width = 6}};
    if (window > 0) attention.window = window;
    config.layers.push_back({attention, SwiGluSpec{}});
  }
  return config;
}

void remember(SequenceCache& sequence, int64_t num_tokens) {
  sequence.reserve(num_tokens);
  sequence.advance(num_tokens);
}

/// The place of a token in the keys of a layer.
at::Tensor key_row(SequenceCache& sequence, size_t layer, int64_t position) {
  auto& pool = sequence.owner().pages(layer);
  const int64_t page_tokens = pool.part(0).size(1);
  const int32_t page = sequence.pages(layer)[position / page_tokens];
  EXPECT_GE(page, 0) << "layer " << layer << ", token " << position;
  return pool.part(0).select(0, page).select(0, position % page_tokens);
}
void mark(SequenceCache& sequence, int64_t position, double value) {
  for (size_t layer = 0; layer < sequence.owner().num_layers(); ++layer) {
    key_row(sequence, layer, position).fill_(value);
  }
}
double mark_of(SequenceCache& sequence, int64_t position, size_t layer = 0) {
  return key_row(sequence, layer, position)[0][0].item<double>();
}

TEST(PredictedBytes, AFullLayerKeepsKeysAndValuesOfEveryToken) {
  // 2 heads x 6 wide x 2 (keys and values) x 2 bytes = 48 bytes a token.
  const auto config = layers_with({0});
  EXPECT_EQ(predicted_bytes(config, {.tokens = 10, .element_bytes = 2}).total(), 480);
  EXPECT_EQ(predicted_bytes(config, {.tokens = 10, .element_bytes = 2, .page_tokens = 4}).total(),
            576);
  EXPECT_EQ(predicted_bytes(config, {.tokens = 0}).total(), 0);
}

TEST(PredictedBytes, AWindowKeepsWhatTheNextTokenSees) {
  // Window 5: the next token sees itself and 4 before it.
  const auto config = layers_with({5});
  EXPECT_EQ(predicted_bytes(config, {.tokens = 100, .element_bytes = 2}).total(), 4 * 48);
  EXPECT_EQ(predicted_bytes(config, {.tokens = 3, .element_bytes = 2}).total(), 3 * 48);
}

TEST(Cache, BytesAreThosePredictedAtEveryLength) {
  for (const auto type : {at::kFloat, at::kBFloat16, at::kDouble}) {
    for (const int64_t page_tokens : {1, 3, 16}) {
      for (const auto& windows : {std::vector<int64_t>{0, 0}, {1, 5, 16}, {0, 7}}) {
        const auto config = layers_with(windows);
        Cache cache(config, {.type = type, .page_tokens = page_tokens, .max_tokens = 4096});
        auto sequence = cache.new_sequence();
        int64_t step = 0;
        while (sequence.num_tokens() < 120) {
          EXPECT_EQ(cache.bytes(),
                    predicted_bytes(config,
                                    {.tokens = sequence.num_tokens(),
                                     .element_bytes = static_cast<int64_t>(c10::elementSize(type)),
                                     .page_tokens = page_tokens})
                        .total())
              << sequence.num_tokens() << " tokens, pages of " << page_tokens;
          remember(sequence, 1 + step++ % 7);
        }
      }
    }
  }
}

TEST(Cache, SequencesGiveEverythingBackWhenTheyEnd) {
  Cache cache(layers_with({0, 5}), {.page_tokens = 4, .max_tokens = 256});
  {
    auto a = cache.new_sequence(), b = cache.new_sequence();
    remember(a, 30);
    remember(b, 1);
    auto fork = a.fork();
    remember(fork, 20);
    auto moved = std::move(fork);
    b = std::move(moved);
    EXPECT_EQ(b.num_tokens(), 50);
    EXPECT_GT(cache.bytes(), 0);
  }
  EXPECT_EQ(cache.bytes(), 0);
}

TEST(Cache, AForkSharesFullPagesAndCopiesTheLast) {
  Cache cache(layers_with({0}), {.page_tokens = 4, .max_tokens = 256});
  auto parent = cache.new_sequence();
  remember(parent, 10);
  for (int64_t p = 0; p < 10; ++p) mark(parent, p, static_cast<double>(p));
  auto fork = parent.fork();
  EXPECT_EQ(cache.pages(0).num_pages_in_use(), 4);  // two shared, one each
  EXPECT_EQ(fork.pages(0)[0], parent.pages(0)[0]);
  EXPECT_EQ(fork.pages(0)[1], parent.pages(0)[1]);
  EXPECT_NE(fork.pages(0)[2], parent.pages(0)[2]);
  for (int64_t p = 0; p < 10; ++p) EXPECT_EQ(mark_of(fork, p), static_cast<double>(p));
}

TEST(Cache, WhatAForkWritesItsParentDoesNotSee) {
  for (const int64_t length : {1, 3, 4, 7, 8}) {
    Cache cache(layers_with({0, 6}), {.page_tokens = 4, .max_tokens = 256});
    auto parent = cache.new_sequence();
    remember(parent, length);
    mark(parent, length - 1, 1);
    auto fork = parent.fork();
    remember(fork, 3);
    remember(parent, 3);
    for (int64_t p = length; p < length + 3; ++p) {
      mark(fork, p, 100);
      mark(parent, p, 200);
    }
    for (int64_t p = length; p < length + 3; ++p) {
      EXPECT_EQ(mark_of(fork, p), 100);
      EXPECT_EQ(mark_of(parent, p), 200);
    }
    EXPECT_EQ(mark_of(fork, length - 1), 1);
    EXPECT_EQ(mark_of(parent, length - 1), 1);
  }
}

TEST(Cache, AForkOutlivesItsParent) {
  Cache cache(layers_with({0}), {.page_tokens = 4, .max_tokens = 256});
  auto parent = std::make_unique<SequenceCache>(cache.new_sequence());
  remember(*parent, 9);
  mark(*parent, 0, 7);
  auto fork = parent->fork();
  parent.reset();
  auto other = cache.new_sequence();
  remember(other, 40);
  for (int64_t p = 0; p < 40; ++p) mark(other, p, -1);
  EXPECT_EQ(mark_of(fork, 0), 7);
}

TEST(Cache, ACutForgetsWhatIsBehindItAndLeavesForksAlone) {
  Cache cache(layers_with({0}), {.page_tokens = 4, .max_tokens = 256});
  auto sequence = cache.new_sequence();
  remember(sequence, 11);
  for (int64_t p = 0; p < 11; ++p) mark(sequence, p, static_cast<double>(p));
  auto fork = sequence.fork();
  sequence.truncate(6);  // in the middle of a page that the fork shares
  EXPECT_EQ(sequence.num_tokens(), 6);
  remember(sequence, 1);
  mark(sequence, 6, -1);
  EXPECT_EQ(mark_of(fork, 6), 6);
  EXPECT_EQ(mark_of(sequence, 5), 5);
  sequence.truncate(0);
  EXPECT_EQ(sequence.pages(0).size(), 0U);
  EXPECT_THAT(error_of([&] { sequence.truncate(1); }), HasSubstr("cannot cut 0 tokens to 1"));
  EXPECT_THAT(error_of([&] { sequence.truncate(-1); }), HasSubstr("cannot cut 0 tokens to -1"));
}

TEST(Cache, AWindowedLayerGivesBackPagesThatNoTokenSees) {
  Cache cache(layers_with({5}), {.page_tokens = 4, .max_tokens = 256});
  auto sequence = cache.new_sequence();
  remember(sequence, 12);  // the next token, 12, sees 8 to 12
  EXPECT_EQ(sequence.pages(0)[0], -1);
  EXPECT_EQ(sequence.pages(0)[1], -1);
  EXPECT_GE(sequence.pages(0)[2], 0);
  EXPECT_EQ(cache.pages(0).num_pages_in_use(), 1);
  auto fork = sequence.fork();  // the page is full and shared
  EXPECT_EQ(cache.pages(0).num_pages_in_use(), 1);
  EXPECT_EQ(fork.pages(0)[1], -1);
}

TEST(Cache, ACutThatAWindowCannotServeIsRefusedAndChangesNothing) {
  for (const int64_t window : {1, 2, 5}) {
    Cache cache(layers_with({0, window}), {.page_tokens = 4, .max_tokens = 256});
    auto sequence = cache.new_sequence();
    remember(sequence, 30);
    EXPECT_THAT(error_of([&] { sequence.truncate(10); }),
                HasSubstr("layer 1 gave back the pages that 10 tokens would need"))
        << window;
    EXPECT_EQ(sequence.num_tokens(), 30);
    EXPECT_EQ(sequence.pages(0).size(), 8U);
    sequence.truncate(29);
    remember(sequence, 1);
    EXPECT_GE(sequence.pages(1)[29 / 4], 0);
  }
}

TEST(Cache, PagesThatRunOutAreAnErrorAndNoneIsLost) {
  Cache cache(layers_with({0, 0}), {.page_tokens = 4, .max_tokens = 40});
  {
    auto a = cache.new_sequence(), b = cache.new_sequence();
    remember(a, 30);  // 8 of 10 pages
    EXPECT_THAT(error_of([&] { b.reserve(9); }),
                HasSubstr("cache: all 10 pages of 384 B are taken"));
    b = cache.new_sequence();
    remember(b, 8);
    EXPECT_THAT(error_of([&] { (void)a.fork(); }), HasSubstr("all 10 pages"));
    auto fork = b.fork();  // two full pages: nothing to copy
    EXPECT_EQ(fork.num_tokens(), 8);
  }
  EXPECT_EQ(cache.bytes(), 0);
  auto whole = cache.new_sequence();
  remember(whole, 40);
  EXPECT_EQ(cache.pages(1).num_pages_in_use(), 10);
}

TEST(Cache, ACutInAFullPoolTakesNoPageUnlessAForkSharesIt) {
  Cache cache(layers_with({0, 0}), {.page_tokens = 4, .max_tokens = 40});
  auto sequence = cache.new_sequence();
  remember(sequence, 40);
  mark(sequence, 36, 5);
  sequence.truncate(37);
  EXPECT_EQ(mark_of(sequence, 36), 5);
  remember(sequence, 3);
  auto fork = sequence.fork();
  EXPECT_THAT(error_of([&] { sequence.truncate(37); }), HasSubstr("all 10 pages"));
  EXPECT_EQ(sequence.num_tokens(), 40);
  EXPECT_EQ(sequence.pages(0).size(), 10U);
  EXPECT_EQ(sequence.pages(1).size(), 10U);
}

TEST(Cache, AddressSpaceCostsNothingUntilItIsUsed) {
  Cache cache(layers_with(std::vector<int64_t>(20, 0)), {.max_tokens = int64_t{1} << 28});
  EXPECT_EQ(cache.bytes(), 0);  // 2^28 tokens x 20 layers x 96 bytes = 480 GiB of addresses
  auto sequence = cache.new_sequence();
  remember(sequence, 1);
  mark(sequence, 0, 3);
  EXPECT_EQ(mark_of(sequence, 0, 19), 3);
}

TEST(Cache, SizesThatCannotBeAreRefused) {
  EXPECT_THAT(error_of([] { const Cache cache(layers_with({0}), {.page_tokens = 0}); }),
              HasSubstr("cache: a page of 0 tokens"));
  EXPECT_THAT(error_of([] { const Cache cache(layers_with({0}), {.max_tokens = 0}); }),
              HasSubstr("cache: 0 pages"));
}

}  // namespace
}  // namespace hylo::models
