// Attention over pages: by hand, against the reference, and what a row may depend on.
#include "kernels/ops/attention.h"

#include <ATen/ops/full.h>
#include <ATen/ops/full_like.h>
#include <ATen/ops/isnan.h>
#include <gmock/gmock.h>

#include <cmath>
#include <limits>

#include "harness/base/random.h"
#include "kernels/reference/attention.h"
#include "tests/kernels/ops/tensors.h"
#include "tests/support/test_data.h"

namespace hylo::kernels::tests {
namespace {

using ::hylo::tests::error_of;
using ::testing::HasSubstr;

constexpr double nan = std::numeric_limits<double>::quiet_NaN();
constexpr double infinity = std::numeric_limits<double>::infinity();

struct Shape {
  int64_t heads = 1, kv_heads = 1, key_width = 1, value_width = 1;
  int64_t page_tokens = 64;
  std::optional<int64_t> window = {};
};

/// One sequence: its keys and values by position, and its queries after `num_past` of them.
struct Sequence {
  at::Tensor q_NHK, keys_SGK, values_SGV;
  int64_t num_past = 0;
};

Sequence random_sequence(const Shape& shape, int64_t num_past, int64_t num_rows,
                         at::ScalarType type, uint64_t seed) {
  const int64_t tokens = num_past + num_rows;
  return {random_tensor({num_rows, shape.heads, shape.key_width}, type, 3 * seed),
          random_tensor({tokens, shape.kv_heads, shape.key_width}, type, 3 * seed + 1),
          random_tensor({tokens, shape.kv_heads, shape.value_width}, type, 3 * seed + 2), num_past};
}

/// The part [begin, end) of the queries of a sequence, with everything before it as its past.
Sequence part_of(const Sequence& sequence, int64_t begin, int64_t end) {
  return {sequence.q_NHK.narrow(0, begin, end - begin), sequence.keys_SGK, sequence.values_SGV,
          sequence.num_past + begin};
}

/// A call over sequences whose pages lie in random order, NaN wherever no token is.
class Call {
 public:
  Call(const Shape& shape, const std::vector<Sequence>& sequences, uint64_t seed = 1)
      : shape_(shape) {
    const auto type = sequences.front().q_NHK.scalar_type();
    int64_t num_pages = 3;  // that nobody uses
    for (const auto& s : sequences) num_pages += pages_of(s);
    std::vector<size_t> order =
        PythonRandom(seed).sample(static_cast<size_t>(num_pages), static_cast<size_t>(num_pages));
    const auto options = at::TensorOptions().dtype(type);
    in_.keys_PSGK =
        at::full({num_pages, shape.page_tokens, shape.kv_heads, shape.key_width}, nan, options);
    in_.values_PSGV =
        at::full({num_pages, shape.page_tokens, shape.kv_heads, shape.value_width}, nan, options);
    int64_t num_rows = 0;
    for (const auto& s : sequences) num_rows += s.q_NHK.size(0);
    in_.q_NHK = at::empty({num_rows, shape.heads, shape.key_width}, options);
    in_.scale = 1 / std::sqrt(static_cast<double>(shape.key_width));
    in_.window = shape.window;
    tables_.reserve(sequences.size());
    for (const auto& s : sequences) add(s, order);
    in_.sequences = rows_;
  }
  Call(const Call&) = delete;
  Call& operator=(const Call&) = delete;

  AttentionIn& in() { return in_; }
  std::vector<PagedRows>& rows() { return rows_; }
  std::vector<int32_t>& table(size_t sequence) { return tables_[sequence]; }

 private:
  int64_t pages_of(const Sequence& s) const {
    return (s.num_past + s.q_NHK.size(0) + shape_.page_tokens - 1) / shape_.page_tokens;
  }

  void add(const Sequence& s, std::vector<size_t>& order) {
    auto& table = tables_.emplace_back();
    for (int64_t i = 0; i < pages_of(s); ++i) {
      table.push_back(static_cast<int32_t>(order.back()));
      order.pop_back();
    }
    const int64_t rows = s.q_NHK.size(0), tokens = s.num_past + rows;
    for (int64_t key = 0; key < tokens; ++key) {
      const int64_t page = table[key / shape_.page_tokens], slot = key % shape_.page_tokens;
      in_.keys_PSGK.select(0, page).select(0, slot).copy_(s.keys_SGK.select(0, key));
      in_.values_PSGV.select(0, page).select(0, slot).copy_(s.values_SGV.select(0, key));
    }
    in_.q_NHK.narrow(0, num_rows_, rows).copy_(s.q_NHK);
    rows_.push_back(
        {.first_row = num_rows_, .num_rows = rows, .num_past = s.num_past, .pages = table});
    num_rows_ += rows;
  }

  Shape shape_;
  AttentionIn in_;
  std::vector<std::vector<int32_t>> tables_;
  std::vector<PagedRows> rows_;
  int64_t num_rows_ = 0;
};

at::Tensor attend(const Shape& shape, const std::vector<Sequence>& sequences, uint64_t seed = 1) {
  Call call(shape, sequences, seed);
  return attention(call.in());
}

/// Scores and sums of a few hundred terms in float32; bfloat16 rounds the result once.
double tolerance(at::ScalarType type) {
  return type == at::kDouble ? 1e-13 : type == at::kFloat ? 3e-6 : 1.2e-2;
}

void expect_reference(const Shape& shape, at::ScalarType type, uint64_t seed) {
  const std::vector<Sequence> sequences{
      random_sequence(shape, 0, 7, type, seed), random_sequence(shape, 70, 1, type, seed + 1),
      random_sequence(shape, 3, 66, type, seed + 2), random_sequence(shape, 0, 1, type, seed + 3)};
  Call call(shape, sequences, seed);
  EXPECT_LE(max_difference(attention(call.in()), reference::attention(call.in())), tolerance(type))
      << "heads " << shape.heads << "/" << shape.kv_heads << ", widths " << shape.key_width << ", "
      << shape.value_width << ", pages of " << shape.page_tokens << ", window "
      << shape.window.value_or(0) << ", type " << c10::toString(type);
}

// Scores ln 3 and 0 weigh 3/4 and 1/4: 3/4 * 8 + 1/4 * 4 = 7.
TEST(Attention, TwoKeysAreWeighedAsByHand) {
  const Shape shape{.page_tokens = 1};
  const Sequence sequence{tensor_of({1, 1}, {2, 1, 1}), tensor_of({std::log(3.0), 0}, {2, 1, 1}),
                          tensor_of({8, 4}, {2, 1, 1}), 0};
  const auto out = attend(shape, {sequence});
  EXPECT_FLOAT_EQ(out[0].item<float>(), 8);  // the first query sees the first key alone
  EXPECT_FLOAT_EQ(out[1].item<float>(), 7);
}

TEST(Attention, TheReferenceAgreesWithTwoKeysWorkedByHand) {
  const Sequence sequence{tensor_of({1, 1}, {2, 1, 1}), tensor_of({std::log(3.0), 0}, {2, 1, 1}),
                          tensor_of({8, 4}, {2, 1, 1}), 0};
  Call call({.page_tokens = 3}, {sequence});
  EXPECT_NEAR(reference::attention(call.in())[1].item<double>(), 7, 1e-6);
}

TEST(Attention, AWindowOf1SeesNothingButItself) {
  const Shape shape{.key_width = 3, .value_width = 3, .page_tokens = 3, .window = 1};
  const auto sequence = random_sequence(shape, 4, 5, at::kFloat, 1);
  EXPECT_EQ(max_difference(attend(shape, {sequence}), sequence.values_SGV.narrow(0, 4, 5)), 0);
}

TEST(Attention, EveryWidthAndTypeAgreesWithTheReference) {
  for (const auto type : float_types) {
    for (const int64_t width : awkward_widths) {
      expect_reference({.heads = 2, .key_width = width, .value_width = width}, type, 10 + width);
    }
  }
}

TEST(Attention, ValuesNeedNotBeAsWideAsKeys) {
  for (const auto type : float_types) {
    expect_reference({.key_width = 24, .value_width = 3, .page_tokens = 3}, type, 1);
    expect_reference({.key_width = 1, .value_width = 80, .page_tokens = 3}, type, 2);
  }
}

TEST(Attention, GroupedHeadsReadTheirKeyHead) {
  for (const auto type : float_types) {
    expect_reference(
        {.heads = 6, .kv_heads = 2, .key_width = 8, .value_width = 24, .page_tokens = 3}, type, 3);
    expect_reference(
        {.heads = 3, .kv_heads = 3, .key_width = 8, .value_width = 8, .page_tokens = 64}, type, 4);
    // More heads than queries of a tile.
    expect_reference({.heads = 80, .kv_heads = 1, .key_width = 3, .value_width = 3}, type, 5);
  }
}

TEST(Attention, WindowsAndPagesOfEverySizeAgreeWithTheReference) {
  for (const auto window : {std::optional<int64_t>(1), std::optional<int64_t>(5),
                            std::optional<int64_t>(65), std::optional<int64_t>()}) {
    for (const int64_t page_tokens : {1, 3, 64}) {
      expect_reference({.heads = 4,
                        .kv_heads = 2,
                        .key_width = 8,
                        .value_width = 8,
                        .page_tokens = page_tokens,
                        .window = window},
                       at::kFloat, 6);
    }
  }
}

TEST(Attention, ARowsBitsDoNotDependOnItsNeighboursOrItsPlace) {
  for (const auto type : float_types) {
    const Shape shape{
        .heads = 6, .kv_heads = 2, .key_width = 24, .value_width = 80, .page_tokens = 3};
    const auto a = random_sequence(shape, 65, 9, type, 1),
               b = random_sequence(shape, 0, 70, type, 2);
    const auto alone = attend(shape, {a});
    EXPECT_TRUE(same_bits(attend(shape, {a, b}, 5).narrow(0, 0, 9), alone));
    EXPECT_TRUE(same_bits(attend(shape, {b, a}, 6).narrow(0, 70, 9), alone));
    for (int64_t row = 0; row < 9; ++row) {
      EXPECT_TRUE(same_bits(attend(shape, {part_of(a, row, row + 1)}, 7), alone.narrow(0, row, 1)));
    }
  }
}

TEST(Attention, CutsOfAPrefillChangeNoBit) {
  for (const auto window : {std::optional<int64_t>(5), std::optional<int64_t>()}) {
    const Shape shape{
        .heads = 4, .kv_heads = 1, .key_width = 8, .value_width = 8, .window = window};
    const auto whole = random_sequence(shape, 2, 140, at::kFloat, 1);
    const auto expected = attend(shape, {whole});
    int64_t begin = 0;
    for (const int64_t rows : {1, 62, 17, 60}) {
      EXPECT_TRUE(same_bits(attend(shape, {part_of(whole, begin, begin + rows)}, rows),
                            expected.narrow(0, begin, rows)));
      begin += rows;
    }
  }
}

TEST(Attention, PagesThatNoWindowReachesMayBeGivenBackOrHoldAnything) {
  const Shape shape{.key_width = 8, .value_width = 8, .page_tokens = 3, .window = 5};
  const auto sequence = random_sequence(shape, 11, 4, at::kFloat, 1);
  const auto expected = attend(shape, {sequence});
  Call given_back(shape, {sequence});  // the first query, at 11, sees the keys from 7 on
  given_back.table(0)[0] = given_back.table(0)[1] = -1;
  EXPECT_TRUE(same_bits(attention(given_back.in()), expected));
  Call nan_before(shape, {sequence});
  nan_before.in().values_PSGV.select(0, nan_before.table(0)[1]).fill_(nan);
  nan_before.in().keys_PSGK.select(0, nan_before.table(0)[1]).fill_(nan);
  nan_before.in().values_PSGV.select(0, nan_before.table(0)[2]).select(0, 0).fill_(nan);
  EXPECT_TRUE(same_bits(attention(nan_before.in()), expected));
}

TEST(Attention, ScoresOfTenThousandNeitherOverflowNorVanish) {
  const Shape shape{.page_tokens = 3};
  const Sequence sequence{tensor_of({100, 100, -100}, {3, 1, 1}),
                          tensor_of({100, -100, 100}, {3, 1, 1}), tensor_of({1, 2, 3}, {3, 1, 1}),
                          0};
  const auto out = attend(shape, {sequence});  // scores of +-10,000
  EXPECT_EQ(out[1].item<float>(), 1);
  EXPECT_EQ(out[2].item<float>(), 2);
}

TEST(Attention, ANanInAQueryKeyOrValueThatIsSeenGivesNan) {
  const Shape shape{.key_width = 3, .value_width = 3};
  for (const int64_t at : {0, 63, 64, 130}) {
    auto sequence = random_sequence(shape, 0, 140, at::kFloat, 1);
    sequence.keys_SGK.select(0, at).select(1, 1).fill_(nan);
    const auto out = attend(shape, {sequence});
    EXPECT_TRUE(at::isnan(out.narrow(0, at, 140 - at)).all().item<bool>()) << "key at " << at;
    EXPECT_FALSE(at::isnan(out.narrow(0, 0, at)).any().item<bool>()) << "key at " << at;
  }
  auto sequence = random_sequence(shape, 0, 140, at::kFloat, 1);
  sequence.q_NHK.select(0, 100).fill_(nan);
  sequence.values_SGV.select(0, 120).fill_(nan);
  const auto is_nan = at::isnan(attend(shape, {sequence})).all(-1).squeeze(-1);
  for (int64_t row = 0; row < 140; ++row) {
    EXPECT_EQ(is_nan[row].item<bool>(), row == 100 || row >= 120) << row;
  }
}

TEST(Attention, ScoresOfMinusInfinityWeighNothing) {
  const Shape shape{};
  for (const int64_t tokens : {2, 70}) {
    auto keys = at::full({tokens, 1, 1}, -infinity, at::TensorOptions().dtype(at::kFloat));
    keys.select(0, tokens - 1).fill_(1);
    const auto values = random_tensor({tokens, 1, 1}, at::kFloat, 1);
    const Sequence sequence{at::full({tokens, 1, 1}, 1, at::TensorOptions().dtype(at::kFloat)),
                            keys, values, 0};
    const auto out = attend(shape, {sequence});
    EXPECT_EQ(out[tokens - 1].item<float>(), values[tokens - 1].item<float>());
    EXPECT_TRUE(std::isnan(out[0].item<float>()));  // every score -inf: no weights exist
  }
}

TEST(Attention, NoRowsAreNoWork) {
  const Shape shape{.key_width = 8, .value_width = 3};
  Call call(shape, {random_sequence(shape, 0, 2, at::kFloat, 1)});
  call.rows()[0].num_rows = 0;
  EXPECT_EQ(attention(call.in()).abs().max().item<float>(), 0);
  call.in().sequences = {};
  call.in().q_NHK = at::empty({0, 1, 8}, at::TensorOptions().dtype(at::kFloat));
  EXPECT_EQ(attention(call.in()).sizes(), (std::vector<int64_t>{0, 1, 3}));
}

TEST(Attention, MistakesAreToldWithTheirShapes) {
  const Shape shape{.key_width = 8, .value_width = 8, .page_tokens = 3};
  const auto sequence = random_sequence(shape, 4, 2, at::kFloat, 1);
  Call lost(shape, {sequence});
  lost.table(0)[0] = -1;
  EXPECT_THAT(error_of([&] { attention(lost.in()); }),
              HasSubstr("page 0 of a sequence is -1; it was given back or never taken"));
  Call outside(shape, {sequence});
  outside.rows()[0].first_row = 1;
  EXPECT_THAT(error_of([&] { attention(outside.in()); }), HasSubstr("has rows [1, 3) of 2"));
  Call too_long(shape, {sequence});
  too_long.rows()[0].num_past = 5;
  EXPECT_THAT(error_of([&] { attention(too_long.in()); }),
              HasSubstr("7 tokens do not fit in 2 pages of 3"));
  Call other_type(shape, {sequence});
  other_type.in().q_NHK = other_type.in().q_NHK.to(at::kDouble);
  EXPECT_THAT(error_of([&] { attention(other_type.in()); }), HasSubstr("rows float64 [2, 1, 8]"));
  Call three_heads({.heads = 3, .kv_heads = 2}, {random_sequence({3, 2}, 0, 1, at::kFloat, 1)});
  EXPECT_THAT(error_of([&] { attention(three_heads.in()); }), HasSubstr("heads must divide"));
}

TEST(StoreRows, RowsGoToTheirPositionsAndNowhereElse) {
  const Shape shape{.kv_heads = 2, .key_width = 3, .value_width = 3, .page_tokens = 3};
  const auto a = random_sequence(shape, 0, 5, at::kFloat, 1);
  const auto b = random_sequence(shape, 2, 3, at::kFloat, 2);
  Call call(shape, {a, b});
  const auto expected = call.in().values_PSGV.clone();
  auto pages = at::full_like(expected, nan);
  const auto rows = [](const Sequence& s) {
    return s.values_SGV.narrow(0, s.num_past, s.q_NHK.size(0));
  };
  auto all = at::empty({8, 2, 3}, at::TensorOptions().dtype(at::kFloat));
  all.narrow(0, 0, 5).copy_(rows(a));
  all.narrow(0, 5, 3).copy_(rows(b));
  for (int64_t past = 0; past < 2; ++past) {  // what b remembered before
    pages.select(0, call.table(1)[0]).select(0, past).copy_(b.values_SGV.select(0, past));
  }
  store_rows({all, pages, call.rows()});
  EXPECT_TRUE(same_bits(pages, expected));
}

}  // namespace
}  // namespace hylo::kernels::tests
