// The published cache ratios of the lineage, out of the catalogue's geometries.
#include <gtest/gtest.h>

#include "models/cache/predicted.h"
#include "models/config/catalog.h"

namespace hylo::models {
namespace {

CacheBytes bytes_of(const char* name, int64_t tokens) {
  return predicted_bytes(find_model(name).config, {.tokens = tokens});
}

double percent_of_teacher(const char* name) {
  const auto& entry = find_model(name);
  const CachePrediction at_64k{.tokens = 65536};
  return 100.0 * static_cast<double>(predicted_bytes(entry.config, at_64k).pages) /
         static_cast<double>(predicted_bytes(find_model(entry.teacher).config, at_64k).pages);
}

// HyLo, arXiv 2604.24715: 3.9 %, 7.8 %, 2.0 %, 4.7 %; Zebra-Llama, arXiv 2505.17272: 2.73 %, 5.47
// %.
TEST(PublishedRatios, AreThoseOfThePapers) {
  EXPECT_NEAR(percent_of_teacher("hylo-llama-4mla12gdn"), 3.90625, 1e-9);
  EXPECT_NEAR(percent_of_teacher("hylo-llama-8mla8gdn"), 7.8125, 1e-9);
  EXPECT_NEAR(percent_of_teacher("hylo-llama-6mla22gdn"), 2.00893, 1e-5);
  EXPECT_NEAR(percent_of_teacher("hylo-llama-14mla14gdn"), 4.6875, 1e-9);
  EXPECT_NEAR(percent_of_teacher("hylo-qwen-7mla21gdn"), 3.90625, 1e-9);
  EXPECT_NEAR(percent_of_teacher("hylo-qwen-14mla14m2"), 7.8125, 1e-9);
  EXPECT_NEAR(percent_of_teacher("zebra-llama-8b-8mla24m2"), 2.734375, 1e-9);
  EXPECT_NEAR(percent_of_teacher("zebra-llama-8b-16mla16m2"), 5.46875, 1e-9);
  EXPECT_NEAR(percent_of_teacher("x-ecomla-1b-r64"), 9.375, 1e-9);
  EXPECT_EQ(percent_of_teacher("llamba-1b"), 0);
}

// 4 layers x (128 + 32) x 2 bytes; 12 layers of 6 x 256 x 512 float32 values.
TEST(PublishedRatios, BytesOfATokenAndOfTheStateAreThoseOfTheLayers) {
  EXPECT_EQ(bytes_of("hylo-llama-4mla12gdn", 1).pages, 1280);
  EXPECT_EQ(bytes_of("hylo-llama-4mla12gdn", 2'097'152).pages, 1280LL * 2'097'152);
  // The convolutions keep 3 inputs of 6144 channels.
  EXPECT_EQ(bytes_of("hylo-llama-4mla12gdn", 1).states, 12 * (786'432 * 4 + 3 * 6144 * 2));
  EXPECT_EQ(bytes_of("hylo-llama-4mla12gdn", 1).states,
            bytes_of("hylo-llama-4mla12gdn", 2'097'152).states);
  EXPECT_EQ(bytes_of("hylo-llama-6mla22gdn", 1).pages, 2304);
  EXPECT_EQ(bytes_of("hylo-qwen-14mla14gdn", 1).pages, 8960);
}

// NVlabs/Jet-Nemotron: 154 MB and 258 MB at 64K; the second adds up exactly, the first to 157.
TEST(PublishedRatios, JetNemotron4bAt64KIs258MiB) {
  const auto bytes = bytes_of("jet-nemotron-4b", 65536);
  constexpr int64_t mib = 1 << 20;
  const int64_t full = 192 * mib, windows = 14 * mib, state = 52 * mib;
  // Of a window of 2048 the next token sees 2047 old ones.
  EXPECT_EQ(bytes.pages, full + windows - 7 * 2 * 2 * 128 * 2);
  EXPECT_EQ(bytes.states, state + 26LL * 3 * 4096 * 2);
}

}  // namespace
}  // namespace hylo::models
