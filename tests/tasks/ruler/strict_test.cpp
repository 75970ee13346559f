// RULER in the strict mode.
#include "tasks/ruler/strict.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <map>
#include <ranges>
#include <set>

#include "harness/base/files.h"
#include "harness/base/unicode.h"
#include "tasks/ruler/strict_draws.h"
#include "tasks/ruler/text_pieces.h"
#include "tests/support/test_data.h"
#include "tests/tasks/ruler/prompt_parts.h"
#include "tests/tasks/ruler/strict_case.h"

namespace hylo::tests {
namespace {

using namespace tasks::ruler;
using testing::HasSubstr;

bool is_same(const Sample& a, const Sample& b) {
  return a.input == b.input && a.answer_prefix == b.answer_prefix && a.references == b.references &&
         a.num_tokens == b.num_tokens && a.cluster == b.cluster && a.meta == b.meta;
}

class EveryTask : public testing::TestWithParam<std::string> {};

TEST_P(EveryTask, FillsTheLengthAndNeverMore) {
  for (const int64_t length : {4096, 8192}) {
    const auto samples = built({.task = GetParam(), .length = length, .num_samples = 12});
    ASSERT_EQ(samples.size(), 12U);
    for (const auto& sample : samples) {
      EXPECT_EQ(sample.num_tokens, count_rough(sample.input + sample.answer_prefix));
      const auto used = 1 + sample.num_tokens + find_ruler_spec(GetParam()).max_new_tokens;
      EXPECT_LE(used, length);
      EXPECT_GE(static_cast<double>(used), 0.97 * static_cast<double>(length));
    }
  }
}

TEST_P(EveryTask, FitsInItsSmallestLengthAndIsRefusedWellBelow) {
  const auto length = smallest_strict_length(find_ruler_spec(GetParam()), generated(), count_rough);
  EXPECT_LT(length, 4096);
  const Case fitting{.task = GetParam(), .length = length, .num_samples = 64};
  for (const auto& sample : built(fitting)) {
    EXPECT_LE(1 + sample.num_tokens + find_ruler_spec(GetParam()).max_new_tokens, length);
  }
  EXPECT_LE(strict_length_needed(request_of(fitting), generated(), count_rough), length);
  const Case below{.task = GetParam(), .length = length * 9 / 10, .num_samples = 64};
  const auto refusal = error_of([&] { built(below); });
  EXPECT_THAT(refusal, HasSubstr(GetParam()));
  EXPECT_THAT(refusal, HasSubstr("too small"));
  EXPECT_GT(strict_length_needed(request_of(below), generated(), count_rough), below.length);
}

TEST_P(EveryTask, ASampleDependsOnNoOtherSampleAndOnNoThread) {
  const auto ten = built({.task = GetParam(), .num_samples = 10});
  const auto three = built({.task = GetParam(), .num_samples = 3});
  const auto threaded = built({.task = GetParam(), .num_samples = 10, .num_threads = 3});
  EXPECT_TRUE(std::equal(three.begin(), three.end(), ten.begin(), is_same));
  EXPECT_TRUE(std::equal(ten.begin(), ten.end(), threaded.begin(), threaded.end(), is_same));
}

TEST_P(EveryTask, AnotherSeedAndAnotherSampleIsAnotherText) {
  std::set<std::string> prompts;
  for (const uint64_t seed : {42, 43}) {
    for (const auto& sample : built({.task = GetParam(), .num_samples = 5, .seed = seed})) {
      prompts.insert(sample.input);
    }
  }
  EXPECT_EQ(prompts.size(), 10U);
}

TEST_P(EveryTask, TheReferencesStandInThePrompt) {
  for (const auto& sample : built({.task = GetParam()})) {
    ASSERT_FALSE(sample.references.empty());
    for (const auto& reference : sample.references) {
      EXPECT_THAT(sample.input, HasSubstr(reference));
    }
  }
}

std::vector<std::string> names() {
  std::vector<std::string> all;
  for (const auto& spec : ruler_specs()) all.emplace_back(spec.name);
  return all;
}
INSTANTIATE_TEST_SUITE_P(Strict, EveryTask, testing::ValuesIn(names()),
                         [](const auto& info) { return info.param; });

/// How often each value occurs, least and most.
template <class T>
std::pair<int64_t, int64_t> range_of_counts(const std::vector<T>& values) {
  std::map<T, int64_t> counts;
  for (const auto& value : values) ++counts[value];
  const auto [least, most] = std::ranges::minmax(counts | std::views::values);
  return {counts.size() < static_cast<size_t>(num_strata) ? 0 : least, most};
}

TEST(Strict, EveryNeedleVisitsEveryTenthOfTheHaystackEquallyOften) {
  for (const std::string task : {"niah_single_1", "niah_single_2", "niah_multikey_3",
                                 "niah_multiquery", "niah_multivalue", "qa_1"}) {
    const auto samples = built({.task = task, .length = 2048, .num_samples = 47});
    std::vector<std::vector<int64_t>> strata;
    for (const auto& sample : samples) {
      const auto& depths = sample.meta["depths"];
      strata.resize(depths.size());
      for (size_t j = 0; j < depths.size(); ++j) {
        const auto tenth =
            std::min<int64_t>(9, static_cast<int64_t>(10 * depths[j].get<double>() + 1e-9));
        if (task != "qa_1") {
          EXPECT_EQ(tenth, sample.meta["strata"][j].get<int64_t>());
        }
        strata[j].push_back(sample.meta["strata"][j]);
      }
    }
    for (const auto& of_needle : strata) {
      const auto [least, most] = range_of_counts(of_needle);
      EXPECT_LE(most - least, 1) << task;
      EXPECT_EQ(least, 4) << task;
    }
  }
}

TEST(Strict, TheDepthThatIsToldIsWhereTheNeedleStands) {
  for (const auto& sample : built({.task = "niah_single_1", .length = 2048})) {
    const auto lines = lines_of(sample.input);
    const auto line = std::ranges::find_if(lines, [&](std::string_view text) {
      return text.find(sample.references[0]) != std::string_view::npos;
    });
    // One line of the task stands in front of the haystack.
    const auto depth =
        static_cast<double>(line - lines.begin() - 1) / sample.meta["units"].get<double>();
    EXPECT_DOUBLE_EQ(depth, sample.meta["depths"][0].get<double>());
  }
}

TEST(Strict, NoKeyAndNoValueComesTwice) {
  for (const std::string task :
       {"niah_multikey_1", "niah_multikey_2", "niah_multikey_3", "niah_multiquery"}) {
    for (const auto& sample : built({.task = task, .length = 8192})) {
      const auto pairs = needles_of(sample.input);
      ASSERT_GE(pairs.size(), 4U);
      std::set<std::string> keys, values;
      for (const auto& [key, value] : pairs) {
        EXPECT_TRUE(keys.insert(key).second) << task << ": " << key;
        EXPECT_TRUE(values.insert(value).second) << task << ": " << value;
      }
    }
  }
}

TEST(Strict, OneKeyHasAllItsValues) {
  for (const auto& sample : built({.task = "niah_multivalue"})) {
    const auto pairs = needles_of(sample.input);
    ASSERT_EQ(pairs.size(), 4U);
    std::set<std::string> values;
    for (const auto& [key, value] : pairs) {
      EXPECT_EQ(key, pairs[0].first);
      values.insert(value);
    }
    EXPECT_EQ(values, std::set<std::string>(sample.references.begin(), sample.references.end()));
  }
}

TEST(Strict, APromptWithOneAnswerSpeaksInTheSingularAndEndsInItsPrefix) {
  const auto sample = built({.task = "niah_single_1"}).front();
  EXPECT_THAT(sample.input, testing::StartsWith("A special magic number is hidden within"));
  EXPECT_THAT(sample.answer_prefix, testing::StartsWith(" The special magic number for "));
  EXPECT_THAT(sample.answer_prefix, testing::EndsWith(" mentioned in the provided text is"));
}

/// "1. w 2. w" -> how often each word occurs, of the last list in a prompt.
std::map<std::string, int64_t> counts_of_list(const std::string& input) {
  const size_t begin = input.rfind("\n1. ") + 1;
  const auto text = input.substr(begin, input.find('\n', begin) - begin);
  std::map<std::string, int64_t> counts;
  const auto words = words_of(text);
  for (size_t i = 1; i < words.size(); i += 2) ++counts[std::string(words[i])];
  return counts;
}

TEST(Strict, TheTenCommonWordsAreCommonAndStandElsewhereInEverySample) {
  for (const auto& [length, common, rare] :
       {std::tuple<int64_t, int64_t, int64_t>{2048, 6, 1}, {8192, 30, 3}}) {
    const auto samples = built({.task = "cwe", .length = length, .num_samples = 4});
    std::set<size_t> first_places;
    for (const auto& sample : samples) {
      const auto counts = counts_of_list(sample.input);
      ASSERT_EQ(sample.references.size(), 10U);
      EXPECT_EQ(static_cast<int64_t>(counts.size()), sample.meta["units"].get<int64_t>());
      for (const auto& [word, count] : counts) {
        EXPECT_EQ(count, std::ranges::count(sample.references, word) ? common : rare) << word;
      }
      const auto list = sample.input.rfind("\n1. ");
      first_places.insert(sample.input.find(" " + sample.references[0], list) - list);
    }
    EXPECT_GT(first_places.size(), 2U);
  }
}

TEST(Strict, WordsForAListAreNeverTooFew) {
  const auto samples = built({.task = "cwe", .length = 400'000, .num_samples = 1});
  EXPECT_GT(samples[0].meta["units"].get<int64_t>(), 9'200);  // more than the lists have
}

TEST(Strict, TheThreeFrequentWordsAreClearlyTheMostFrequent) {
  for (const int64_t length : {512, 1024, 4096}) {
    for (const auto& sample : built({.task = "fwe", .length = length})) {
      std::map<std::string, int64_t> counts;
      const size_t begin = sample.input.find("coded words. ") + 13;
      const auto context = sample.input.substr(begin, sample.input.find('\n') - begin);
      for (const auto word : words_of(context)) ++counts[std::string(word)];
      counts.erase("...");
      std::vector<std::pair<int64_t, std::string>> by_count;
      for (const auto& [word, count] : counts) by_count.emplace_back(count, word);
      std::ranges::sort(by_count, std::greater<>());
      ASSERT_GE(by_count.size(), 4U);
      for (size_t i = 0; i < 3; ++i) {
        EXPECT_EQ(by_count[i].second, sample.references[i]);
        EXPECT_GT(by_count[i].first, by_count[i + 1].first);
      }
    }
  }
}

TEST(Strict, AChainOfVariablesLeadsFromItsValueToEveryName) {
  for (const auto& sample : built({.task = "vt", .length = 2048})) {
    EXPECT_EQ(sample.references.size(), 5U);
    const size_t example_end = sample.input.find("\n\nMemorize");
    ASSERT_NE(example_end, std::string::npos);
    const auto own = sample.input.substr(example_end);
    size_t at = 0;
    for (size_t hop = 1; hop < 5; ++hop) {
      const auto line =
          "VAR " + sample.references[hop] + " = VAR " + sample.references[hop - 1] + " ";
      const size_t found = own.find(line);
      ASSERT_NE(found, std::string::npos) << line;
      EXPECT_GT(found, at);
      at = found;
    }
    const auto value = own.find("VAR " + sample.references[0] + " = ");
    const auto number = own.substr(value + 12, 5);
    EXPECT_THAT(sample.answer_prefix,
                HasSubstr("are assigned the value " + number + ", they are: "));
    EXPECT_EQ(sample.input.substr(0, example_end).find(number), std::string::npos);
  }
}

TEST(Strict, NoQuestionComesTwiceAndAllLengthsAskTheSame) {
  const auto questions_at = [](int64_t length) {
    std::vector<int64_t> questions;
    for (const auto& sample : built({.task = "qa_1", .length = length, .num_samples = 60})) {
      questions.push_back(sample.meta["question"]);
      EXPECT_NE(sample.cluster, "");
    }
    return questions;
  };
  const auto questions = questions_at(1024);
  EXPECT_EQ(std::set<int64_t>(questions.begin(), questions.end()).size(), 60U);
  EXPECT_EQ(questions, questions_at(4096));
}

TEST(Strict, WhenAllQuestionsWereAskedTheyComeInAnotherOrder) {
  const QuestionOrder order(request_of({.task = "qa_1", .num_samples = 25}), 10);
  std::vector<size_t> first, second;
  for (int64_t i = 0; i < 10; ++i) first.push_back(order.at(i));
  for (int64_t i = 10; i < 20; ++i) second.push_back(order.at(i));
  EXPECT_NE(first, second);
  EXPECT_THAT(first, testing::UnorderedElementsAreArray(second));
}

TEST(Strict, DocumentsComeAgainWhenThereAreTooFewAndTheGoldenOneOnlyOnce) {
  Sources few = generated();
  few.squad = {.documents = {"Anna is a baker.", "Bert is a cook. He is old.", "Carl is a smith."},
               .questions = {{"What is Bert?", {"cook"}, {1}, {0, 0}, "people"}}};
  std::vector<Sample> samples;
  build_strict(request_of({.task = "qa_1", .length = 4096, .num_samples = 2}), few, count_rough,
               [&](Sample sample) { samples.push_back(std::move(sample)); });
  for (const auto& sample : samples) {
    const auto times = [&](std::string_view text) {
      return split(replace_all(sample.input, text, "\x01"), '\x01').size() - 1;
    };
    EXPECT_EQ(times("Bert is a cook."), 1U);
    EXPECT_GT(times("Anna is a baker."), 10U);
  }
}

TEST(Strict, WordListsThatAreTooShortAreTold) {
  Sources few = generated();
  few.words = {.nouns = {"house", "tree"}, .adjectives = {"green"}, .verbs = {"go"}};
  const auto refusal = error_of([&] {
    build_strict(request_of({.task = "niah_multikey_2"}), few, count_rough, [](const Sample&) {});
  });
  EXPECT_THAT(refusal, HasSubstr("word lists"));
}

}  // namespace
}  // namespace hylo::tests
