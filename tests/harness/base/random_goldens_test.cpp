// Python's random stream against the vectors in ruler-goldens/random_vectors.json.

#include <fmt/ranges.h>
#include <gtest/gtest.h>

#include <functional>
#include <numeric>

#include "harness/base/hash.h"
#include "harness/base/json.h"
#include "harness/base/random.h"
#include "harness/base/regex.h"
#include "harness/base/unicode.h"
#include "tests/support/test_data.h"

namespace hylo::tests {
namespace {

using Draw = std::function<Json(PythonRandom&)>;
using Numbers = std::vector<int64_t>;

std::string hex_of_128_bits(PythonRandom& random) {
  const uint64_t low = random.getrandbits(64);
  const uint64_t high = random.getrandbits(64);
  return high ? fmt::format("0x{:x}{:016x}", high, low) : fmt::format("0x{:x}", low);
}

std::string choices(PythonRandom& random, char first, int64_t count) {
  std::string drawn;
  for (const size_t i : random.choices(26, static_cast<size_t>(count))) {
    drawn += static_cast<char>(first + static_cast<int>(i));
  }
  return drawn;
}

/// uuid.UUID(int=r.getrandbits(128), version=4): four bits say 4, two say RFC 4122.
std::string uuid_of_128_bits(PythonRandom& random) {
  const uint64_t low = (random.getrandbits(64) & ~(3ULL << 62)) | (2ULL << 62);
  const uint64_t high = (random.getrandbits(64) & ~(15ULL << 12)) | (4ULL << 12);
  return fmt::format("{:08x}-{:04x}-{:04x}-{:04x}-{:012x}", high >> 32, (high >> 16) & 0xffff,
                     high & 0xffff, low >> 48, low & 0xffffffffffffULL);
}

/// Integers in the parentheses of a call pattern that matches the whole of `call`.
std::optional<Numbers> arguments_of(const std::string& call, const std::string& pattern) {
  const auto groups = Regex("^" + pattern + "$").search(call);
  if (!groups) return std::nullopt;
  Numbers numbers;
  for (size_t i = 1; i < groups->size(); ++i) {
    numbers.push_back(std::stoll(call.substr((*groups)[i].begin)));
  }
  return numbers;
}

std::optional<Draw> draw_of(const std::string& call);

/// "[call, call, ...]": one value each.
Draw draws_of(const std::string& list) {
  std::string calls = list.substr(1, list.size() - 2);
  for (const std::string next : {"r.", "hex", "''"}) {
    calls = replace_all(calls, ", " + next, "|" + next);
  }
  std::vector<Draw> draws;
  for (const auto call : split(calls, '|')) draws.push_back(draw_of(std::string(call)).value());
  return [draws](PythonRandom& r) {
    Json values = Json::array();
    for (const auto& draw : draws) values.push_back(draw(r));
    return values;
  };
}

/// The call as it is written in Python; nothing for one that PythonRandom does not offer.
std::optional<Draw> draw_of(const std::string& call) {
  const auto arguments = [&](const char* pattern) { return arguments_of(call, pattern); };
  if (arguments("r\\.random\\(\\)")) return [](PythonRandom& r) { return Json(r.random()); };
  if (arguments("hex\\(r\\.getrandbits\\(128\\)\\)")) {
    return [](PythonRandom& r) { return Json(hex_of_128_bits(r)); };
  }
  if (arguments("str\\(uuid\\.UUID\\(int=r\\.getrandbits\\(128\\), version=4\\)\\)")) {
    return [](PythonRandom& r) { return Json(uuid_of_128_bits(r)); };
  }
  if (const auto a = arguments("r\\.getrandbits\\((\\d+)\\)"); a && a->at(0) <= 64) {
    return
        [bits = static_cast<int>(a->at(0))](PythonRandom& r) { return Json(r.getrandbits(bits)); };
  }
  if (const auto a = arguments("r\\.randint\\((-?\\d+), (-?\\d+)\\)")) {
    return [a = *a](PythonRandom& r) { return Json(r.randint(a[0], a[1])); };
  }
  if (const auto a = arguments("r\\.choice\\(range\\((\\d+)\\)\\)")) {
    return [n = static_cast<uint64_t>(a->at(0))](PythonRandom& r) { return Json(r.randbelow(n)); };
  }
  if (const auto a = arguments("r\\.sample\\(range\\((\\d+)\\), (\\d+)\\)")) {
    return [n = static_cast<size_t>(a->at(0)), k = static_cast<size_t>(a->at(1))](PythonRandom& r) {
      return Json(r.sample(n, k));
    };
  }
  if (const auto a =
          arguments("''\\.join\\(r\\.choices\\(string\\.ascii_uppercase, k=(\\d+)\\)\\)")) {
    return [k = a->at(0)](PythonRandom& r) { return Json(choices(r, 'A', k)); };
  }
  if (const auto a =
          arguments("''\\.join\\(r\\.choices\\(string\\.ascii_lowercase, k=(\\d+)\\)\\)")) {
    return [k = a->at(0)](PythonRandom& r) { return Json(choices(r, 'a', k)); };
  }
  if (call.starts_with('[')) return draws_of(call);
  return std::nullopt;
}

/// CPython seeds with the absolute value.
PythonRandom seeded(const Json& row) {
  return PythonRandom(static_cast<uint64_t>(std::abs(row.at("seed").get<int64_t>())));
}

template <class Number>
void expect_list(const std::vector<Number>& drawn, const Json& row) {
  const auto& first = row.at("first");
  ASSERT_LE(first.size(), drawn.size());
  for (size_t i = 0; i < first.size(); ++i) EXPECT_EQ(Json(drawn[i]), first[i]);
  EXPECT_EQ(sha256_hex(fmt::format("{}", fmt::join(drawn, ","))), row.at("sha256"));
}

class RandomGoldens : public testing::Test {
 protected:
  void SetUp() override {
    const auto file = golden("ruler-goldens/random_vectors.json");
    if (!file) GTEST_SKIP() << skip_reason("HYLO_TEST_DATA", "ruler-goldens/random_vectors.json");
    vectors_ = read_json_file(*file);
  }
  Json vectors_;
};

TEST_F(RandomGoldens, CallsRepeatedOnOneGeneratorGiveTheValuesOfCPython) {
  size_t num_walked = 0;
  for (const auto& row : vectors_.at("python")) {
    SCOPED_TRACE(row.at("call").get<std::string>() + " seed " + row.at("seed").dump());
    const auto draw = draw_of(row.at("call"));
    ASSERT_TRUE(draw);
    auto random = seeded(row);
    for (const auto& value : row.at("values")) EXPECT_EQ((*draw)(random), value);
    ++num_walked;
  }
  EXPECT_GT(num_walked, 0U);
}

// "2**31" and the like are the only numbers that are not written in decimal.
int64_t number_of(const std::string& text) {
  return text.starts_with("2**") ? int64_t{1} << std::stoi(text.substr(3)) : std::stoll(text);
}

TEST_F(RandomGoldens, TheIntegersOfNumpysLegacyGeneratorAreThoseOfNumpy) {
  size_t num_walked = 0;
  for (const auto& row : vectors_.at("numpy_legacy")) {
    const auto call = row.at("call").get<std::string>();
    const auto found = Regex(R"(^np\.random\.randint\((\d+), (\S+)\)$)").search(call);
    if (!found) continue;  // Draws that NumpyRandom does not offer.
    SCOPED_TRACE(call);
    const auto text = [&](size_t i) {
      return call.substr((*found)[i].begin, (*found)[i].end - (*found)[i].begin);
    };
    const auto setup = row.at("setup").get<std::string>();
    NumpyRandom random(static_cast<uint32_t>(std::stoul(setup.substr(setup.find('(') + 1))));
    for (const auto& value : row.at("values")) {
      EXPECT_EQ(Json(random.randint(number_of(text(1)), number_of(text(2)))), value);
    }
    ++num_walked;
  }
  EXPECT_EQ(num_walked, 9U);
}

TEST_F(RandomGoldens, SamplesOnBothSidesOfTheChangeOfMethodAreThoseOfCPython) {
  const auto& samples = vectors_.at("python_sample");
  ASSERT_FALSE(samples.at("rows").empty());
  for (const auto& row : samples.at("rows")) {
    SCOPED_TRACE(row.dump());
    expect_list(seeded(samples).sample(row.at("n"), row.at("k")), row);
  }
}

TEST_F(RandomGoldens, ShufflesAreThoseOfCPython) {
  const auto& shuffles = vectors_.at("python_shuffle");
  ASSERT_FALSE(shuffles.at("rows").empty());
  for (const auto& row : shuffles.at("rows")) {
    SCOPED_TRACE(row.dump());
    std::vector<int64_t> items(row.at("n").get<size_t>());
    std::iota(items.begin(), items.end(), 0);
    seeded(shuffles).shuffle(items);
    expect_list(items, row);
  }
}

}  // namespace
}  // namespace hylo::tests
