// RULER in the strict mode as it is used: a published tokenizer, published texts, up to 128K
// tokens.
#include <gmock/gmock.h>

#include <algorithm>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <thread>

#include "harness/runner/token_counter.h"
#include "models/tokenizer/tokenizer.h"
#include "tasks/ruler/strict.h"
#include "tasks/ruler/strict_draws.h"
#include "tests/support/test_data.h"
#include "tests/tasks/ruler/prompt_parts.h"

namespace hylo::tests {
namespace {

using namespace tasks::ruler;
using testing::HasSubstr;

struct LengthCase {
  int64_t length, num_samples;
};
// Long prompts are dear: five samples of 128K are as many tokens as 160 of 4K.
constexpr LengthCase length_cases[] = {{4 * 1024, 20}, {32 * 1024, 12}, {128 * 1024, 5}};

using SamplesOfTasks = std::map<std::string, std::vector<Sample>>;

/// All tasks at a length, built once for all tests.
class RulerStrictGoldens : public testing::TestWithParam<LengthCase> {
 protected:
  void SetUp() override {
    const auto qwen = data("tokenizers/qwen");
    const SourcePaths paths{.words = data("ruler-wonderwords").value_or(""),
                            .essays = data("text-public-domain/war_and_peace.txt").value_or(""),
                            .squad = data("squad-xquad-en/xquad.en.json").value_or("")};
    const auto hotpotqa = data("hotpotqa-distractor-sample/hotpotqa_distractor_100.jsonl");
    if (!qwen || paths.words.empty() || paths.essays.empty() || paths.squad.empty() || !hotpotqa) {
      GTEST_SKIP() << skip_reason("HYLO_DATA", "tokenizers/qwen and the texts of RULER");
    }
    if (tokenizer_) return;
    tokenizer_ = models::load_tokenizer(*qwen);
    sources_ = read_sources({.words = paths.words,
                             .essays = paths.essays,
                             .squad = paths.squad,
                             .hotpotqa = *hotpotqa});
  }

  static void TearDownTestSuite() {
    built_.clear();
    tokenizer_.reset();
  }

  static int64_t tokens_of(std::string_view text) {
    return static_cast<int64_t>(tokenizer_->encode(text, false).size());
  }

  const SamplesOfTasks& built() {
    auto& tasks = built_[GetParam().length];
    if (!tasks.empty()) return tasks;
    const auto threads = static_cast<int>(std::thread::hardware_concurrency());
    for (const auto& spec : ruler_specs()) {
      auto& samples = tasks[std::string(spec.name)];
      build_strict(
          {spec, GetParam().length, GetParam().num_samples}, sources_, harness::counter_of(*tokenizer_),
          [&](Sample sample) { samples.push_back(std::move(sample)); }, threads);
    }
    return tasks;
  }

  [[nodiscard]] const std::vector<Sample>& built(const std::string& task) {
    return built().at(task);
  }

  static inline std::unique_ptr<models::Tokenizer> tokenizer_;
  static inline Sources sources_;
  static inline std::map<int64_t, SamplesOfTasks> built_;
};

INSTANTIATE_TEST_SUITE_P(Lengths, RulerStrictGoldens, testing::ValuesIn(length_cases),
                         [](const auto& info) { return std::to_string(info.param.length); });

TEST_P(RulerStrictGoldens, EveryPromptOfEveryTaskFillsItsLengthAndNeverMore) {
  const auto length = GetParam().length;
  EXPECT_EQ(built().size(), 13U);
  for (const auto& [task, samples] : built()) {
    ASSERT_EQ(std::ssize(samples), GetParam().num_samples) << task;
    for (const auto& sample : samples) {
      EXPECT_EQ(sample.num_tokens, tokens_of(sample.input + sample.answer_prefix)) << task;
      // One token is left for a mark in front of the prompt.
      const auto used = 1 + sample.num_tokens + find_ruler_spec(task).max_new_tokens;
      EXPECT_LE(used, length) << task;
      EXPECT_GE(static_cast<double>(used), 0.97 * static_cast<double>(length)) << task;
    }
  }
}

/// Samples in each tenth for one needle or document.
using Tenths = std::vector<int64_t>;

int64_t tenth_of(double share) {
  // A place at the beginning of a tenth may have come out a hair below it.
  constexpr double rounding = 1e-9;
  return std::min<int64_t>(num_strata - 1, static_cast<int64_t>(num_strata * share + rounding));
}

void expect_shared_fairly(const Tenths& tenths, const std::string& task) {
  const auto [least, most] = std::ranges::minmax(tenths);
  EXPECT_LE(most - least, 1) << task << ": " << testing::PrintToString(tenths);
}

/// Characters in front of a needle as a share of all of the text.
double share_before(const std::string& input, const std::string& needle) {
  const size_t at = input.find(needle);
  EXPECT_NE(at, std::string::npos) << needle;
  return static_cast<double>(at) / static_cast<double>(input.size());
}

/// Depths are counted in units of the haystack: lines of equal length, or sentences of an essay,
/// which may be of a word or of a page; around them stands the question.
double largest_shift(const std::string& task, int64_t length) {
  const auto& niah = std::get<NiahSpec>(find_ruler_spec(task).family);
  if (niah.haystack == Haystack::Essay) return length < 32 * 1024 ? 0.2 : 0.12;
  return length < 32 * 1024 ? 0.05 : 0.01;
}

TEST_P(RulerStrictGoldens, EveryNeedleStandsInEveryTenthEquallyOften) {
  for (const auto& [task, samples] : built()) {
    if (!task.starts_with("niah")) continue;
    std::vector<Tenths> of_needles(samples[0].meta["depths"].size(), Tenths(num_strata));
    for (const auto& sample : samples) {
      const auto& depths = sample.meta["depths"];
      ASSERT_EQ(depths.size(), of_needles.size()) << task;
      for (size_t j = 0; j < depths.size(); ++j) {
        ++of_needles[j].at(static_cast<size_t>(tenth_of(depths[j].get<double>())));
      }
      for (size_t r = 0; r < sample.references.size(); ++r) {
        EXPECT_NEAR(share_before(sample.input, " is: " + sample.references[r] + "."),
                    depths[r].get<double>(), largest_shift(task, GetParam().length))
            << task;
      }
    }
    for (const auto& tenths : of_needles) expect_shared_fairly(tenths, task);
  }
}

TEST_P(RulerStrictGoldens, AssignmentsStandInFiveTenthsInTheirOrder) {
  for (const auto& sample : built("vt")) {
    std::vector<int64_t> tenths;
    for (const auto& depth : sample.meta["depths"]) tenths.push_back(tenth_of(depth.get<double>()));
    EXPECT_EQ(tenths.size(), 5U);
    EXPECT_EQ(std::ranges::adjacent_find(tenths, std::greater_equal()), tenths.end())
        << testing::PrintToString(tenths);
  }
}

TEST_P(RulerStrictGoldens, TheDocumentWithTheAnswerStandsInEveryTenthEquallyOften) {
  for (const std::string task : {"qa_1", "qa_2"}) {
    Tenths tenths(num_strata);
    std::set<int64_t> questions;
    for (const auto& sample : built(task)) {
      const auto documents = documents_of(sample.input);
      const auto position = sample.meta["gold_position"].get<size_t>();
      if (sample.meta["gold"] == gold_holds_answer) {
        EXPECT_THAT(documents.at(position), HasSubstr(sample.references[0])) << task;
      }
      EXPECT_TRUE(questions.insert(sample.meta["question"].get<int64_t>()).second) << task;
      // Where the number of documents is no multiple of ten, one lies across two tenths.
      const auto stratum = sample.meta["strata"][0].get<size_t>();
      EXPECT_LT(position * num_strata, (stratum + 1) * documents.size()) << task;
      EXPECT_GT((position + 1) * num_strata, stratum * documents.size()) << task;
      ++tenths.at(stratum);
    }
    expect_shared_fairly(tenths, task);
  }
}

TEST_P(RulerStrictGoldens, NoKeyAndNoValueComesTwice) {
  for (const auto& [task, samples] : built()) {
    if (!task.starts_with("niah")) continue;
    for (const auto& sample : samples) {
      const auto needles = needles_of(sample.input);
      ASSERT_FALSE(needles.empty()) << task;
      std::set<std::string> keys, values;
      for (const auto& [key, value] : needles) {
        keys.insert(key);
        EXPECT_TRUE(values.insert(value).second) << task << ": " << value;
      }
      // The four values of multivalue are of one key.
      EXPECT_EQ(keys.size(), task == "niah_multivalue" ? 1U : needles.size()) << task;
    }
  }
}

TEST_P(RulerStrictGoldens, NoVariableIsAssignedTwice) {
  for (const auto& sample : built("vt")) {
    std::set<std::string> names;
    size_t num_assignments = 0;
    constexpr std::string_view word = "VAR ";
    for (size_t at = sample.input.find(word); at != std::string::npos;
         at = sample.input.find(word, at + 1)) {
      const size_t end = sample.input.find(' ', at + word.size());
      if (sample.input.compare(end, 3, " = ") != 0) continue;
      ++num_assignments;
      names.insert(sample.input.substr(at + word.size(), end - at - word.size()));
    }
    EXPECT_EQ(num_assignments, 10U) << "five of the worked example, five that are asked for";
    EXPECT_EQ(names.size(), num_assignments);
  }
}

}  // namespace
}  // namespace hylo::tests
