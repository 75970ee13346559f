// RULER in compat mode against the samples, probes and final random states of NVIDIA's generator.
#include <gmock/gmock.h>

#include "harness/base/files.h"
#include "harness/base/json.h"
#include "harness/base/unicode.h"
#include "models/tokenizer/tokenizer.h"
#include "tasks/ruler/compat.h"
#include "tasks/ruler/qa_files.h"
#include "tests/support/test_data.h"

namespace hylo::tests {
namespace {

using namespace tasks::ruler;

std::vector<std::string> words_in(const std::filesystem::path& file) {
  const auto text = read_text_file(file);
  std::vector<std::string> words;
  for (const auto line : lines_of(text)) words.emplace_back(python_rstrip(line));
  return words;
}

class RulerGoldens : public testing::Test {
 protected:
  void SetUp() override {
    const auto goldens = golden("ruler-goldens");
    const auto qwen = data("tokenizers/qwen");
    if (!goldens || !qwen) GTEST_SKIP() << skip_reason("HYLO_TEST_DATA", "ruler-goldens");
    folder_ = *goldens;
    tokenizer_ = models::load_tokenizer(*qwen);
    const auto words = data("ruler-wonderwords").value();
    sources_.words = {.nouns = words_in(words / "nounlist.txt"),
                      .adjectives = words_in(words / "adjectivelist.txt"),
                      .verbs = words_in(words / "verblist.txt")};
    sources_.essay = read_text_file(data("text-public-domain/war_and_peace.txt").value());
    sources_.squad = read_squad(data("squad-xquad-en/xquad.en.json").value());
  }

  [[nodiscard]] CountTokens count() const {
    return [this](std::string_view text) {
      return static_cast<int64_t>(tokenizer_->encode(text, false).size());
    };
  }

  /// The lines that the reference wrote or would have written.
  CompatTrace build(const Json& run, std::vector<std::string>& records) {
    const auto& spec = find_ruler_spec(run.at("task").get<std::string>());
    const BuildRequest request{.spec = spec,
                               .length = run.at("length"),
                               .num_samples = run.at("samples"),
                               .seed = run.at("seed")};
    return build_compat(request, sources_, count(), [&](const Sample& sample) {
      const auto number = static_cast<int64_t>(records.size());
      records.push_back(compat_record(spec, sample, number, count()));
    });
  }

  std::filesystem::path folder_;
  std::unique_ptr<models::Tokenizer> tokenizer_;
  Sources sources_;
};

Json probes_of(const Fit& fit) {
  Json probes = Json::array();
  for (const auto& [units, tokens] : fit.probes) probes.push_back({units, tokens});
  return probes;
}

void expect_fits(const std::vector<Fit>& fits, const Json& expected) {
  ASSERT_EQ(fits.size(), expected.size());
  for (size_t i = 0; i < fits.size(); ++i) {
    EXPECT_EQ(fits[i].lower, expected[i].at("lower"));
    EXPECT_EQ(fits[i].upper, expected[i].at("upper"));
    EXPECT_EQ(fits[i].limit, expected[i].at("limit"));
    EXPECT_EQ(probes_of(fits[i]), expected[i].at("probes"));
    EXPECT_EQ(fits[i].final_units, expected[i].at("final"));
  }
}

TEST_F(RulerGoldens, EveryRunOfTheReferenceComesOutCharacterForCharacter) {
  const auto runs = read_text_file(folder_ / "runs.jsonl");
  size_t num_runs = 0;
  for (const auto line : lines_of(runs)) {
    const Json run = parse_json(line, "runs.jsonl");
    if (!run.at("ended").get<bool>()) continue;
    SCOPED_TRACE(run.at("file").get<std::string>());
    std::vector<std::string> records;
    const auto trace = build(run, records);
    expect_fits(trace.fits, run.at("fit"));
    const auto text = read_text_file(folder_ / run.at("file").get<std::string>());
    const auto expected = lines_of(text);
    ASSERT_EQ(records.size(), expected.size());
    for (size_t i = 0; i < records.size(); ++i) EXPECT_EQ(records[i], expected[i]) << i;
    EXPECT_EQ(trace.next_random, run.at("next_random").get<double>());
    // cwe does not seed NumPy's generator.
    if (run.at("task") != "cwe") {
      EXPECT_EQ(trace.next_numpy, run.at("next_np_randint_10000_99999"));
    }
    ++num_runs;
  }
  EXPECT_GE(num_runs, 9U);
}

TEST_F(RulerGoldens, ARunThatNeverEndsIsANamedError) {
  const auto runs = read_text_file(folder_ / "runs.jsonl");
  size_t num_runs = 0;
  for (const auto line : lines_of(runs)) {
    const Json run = parse_json(line, "runs.jsonl");
    if (run.at("ended").get<bool>()) continue;
    std::vector<std::string> records;
    const auto text = error_of([&] { (void)build(run, records); });
    EXPECT_THAT(text,
                testing::HasSubstr("qa_1: sample 0 of 1024 tokens can not be made: 10 documents"));
    EXPECT_THAT(text, testing::HasSubstr("would redraw it for ever"));
    ++num_runs;
  }
  EXPECT_EQ(num_runs, 1U);
}

}  // namespace
}  // namespace hylo::tests
