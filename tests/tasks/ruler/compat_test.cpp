// The families of compat mode by hand, with a counter that takes every word as a token.
#include "tasks/ruler/compat.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <map>
#include <thread>

#include "harness/base/files.h"
#include "harness/base/unicode.h"
#include "tests/support/test_data.h"

namespace hylo::tasks::ruler {
namespace {

using hylo::tests::error_of;
using testing::AllOf;
using testing::Each;
using testing::ElementsAre;
using testing::EndsWith;
using testing::Ge;
using testing::HasSubstr;
using testing::Le;
using testing::SizeIs;
using testing::StartsWith;

std::vector<std::string> words_of(std::string_view text) {
  std::vector<std::string> words;
  for (const auto line : lines_of(text)) {
    for (const auto word : split(line, ' ')) {
      if (!word.empty()) words.emplace_back(word);
    }
  }
  return words;
}

int64_t count_words(std::string_view text) { return static_cast<int64_t>(words_of(text).size()); }

std::vector<std::string> numbered_words(const std::string& stem, int count) {
  std::vector<std::string> words;
  for (int i = 0; i < count; ++i) words.push_back(fmt::format("{}{:04}", stem, i));
  return words;
}

/// Twenty documents of ten words; question i is answered by document i, and by ten more where
/// `num_golden` says so.
QaSet small_questions(size_t num_golden) {
  QaSet set;
  for (int i = 0; i < 20; ++i) {
    set.documents.push_back(fmt::format("document {:02} a b c d e f g h", i));
  }
  for (size_t i = 0; i < 3; ++i) {
    Question question{.text = fmt::format("Who wrote {}?", i),
                      .answers = {"a", "b"},
                      .golden = {},
                      .related = {},
                      .article = "Article"};
    for (size_t g = 0; g < num_golden; ++g) question.golden.push_back(i + g);
    set.questions.push_back(question);
  }
  return set;
}

Sources small_sources() {
  Sources sources;
  sources.words = {.nouns = numbered_words("noun", 5000),
                   .adjectives = numbered_words("adjective", 10),
                   .verbs = {"run"}};
  for (int i = 0; i < 500; ++i) sources.essay += fmt::format("This is sentence number {}.\n", i);
  sources.squad = small_questions(1);
  sources.hotpotqa = small_questions(10);
  return sources;
}

std::vector<Sample> samples_of(std::string_view task, int64_t length, int64_t num_samples = 3) {
  static const Sources sources = small_sources();
  std::vector<Sample> samples;
  build_compat(
      {find_ruler_spec(task), length, num_samples, 42}, sources, count_words,
      [&](Sample sample) { samples.push_back(std::move(sample)); }, 100);
  return samples;
}

class RulerCompatTask : public testing::TestWithParam<std::string_view> {};
std::vector<std::string_view> names_of_tasks() {
  std::vector<std::string_view> names;
  for (const auto& spec : ruler_specs()) names.push_back(spec.name);
  return names;
}
INSTANTIATE_TEST_SUITE_P(RulerCompat, RulerCompatTask, testing::ValuesIn(names_of_tasks()),
                         [](const auto& task) { return std::string(task.param); });

TEST_P(RulerCompatTask, FitsAndCountsItsTokens) {
  constexpr int64_t length = 4096;
  const auto samples = samples_of(GetParam(), length);
  ASSERT_THAT(samples, SizeIs(3));
  for (const auto& sample : samples) {
    EXPECT_EQ(sample.num_tokens, count_words(sample.input + sample.answer_prefix));
    EXPECT_LE(sample.num_tokens + find_ruler_spec(GetParam()).max_new_tokens, length);
    EXPECT_FALSE(sample.references.empty());
    EXPECT_THAT(sample.answer_prefix, StartsWith(" "));
  }
}

TEST_P(RulerCompatTask, GivesTheSameSamplesInTwoThreadsAtOnce) {
  std::vector<Sample> one;
  std::vector<Sample> other;
  std::thread beside([&] { one = samples_of(GetParam(), 4096); });
  other = samples_of(GetParam(), 4096);
  beside.join();
  ASSERT_EQ(one.size(), other.size());
  for (size_t i = 0; i < one.size(); ++i) EXPECT_EQ(one[i].input, other[i].input);
}

TEST_P(RulerCompatTask, FirstSamplesDoNotDependOnHowManyFollow) {
  EXPECT_EQ(samples_of(GetParam(), 4096, 1).at(0).input,
            samples_of(GetParam(), 4096, 3).at(0).input);
}

TEST_P(RulerCompatTask, ALengthThatIsTooSmallIsANamedError) {
  EXPECT_THAT(error_of([] { (void)samples_of(GetParam(), 64); }),
              AllOf(HasSubstr(GetParam()), HasSubstr("longer length")));
}

TEST(RulerCompatNiah, OneAnswerIsAskedForInTheSingular) {
  const auto sample = samples_of("niah_single_1", 4096).at(0);
  EXPECT_THAT(sample.input, StartsWith("A special magic number is hidden within"));
  EXPECT_THAT(sample.input, HasSubstr("One of the special magic numbers for adjective"));
  EXPECT_THAT(sample.answer_prefix, EndsWith(" mentioned in the provided text is"));
  EXPECT_THAT(sample.references, SizeIs(1));
  EXPECT_THAT(sample.references[0], SizeIs(7));
}

TEST(RulerCompatNiah, FourKeysAreAskedForAsAList) {
  const auto sample = samples_of("niah_multiquery", 4096).at(0);
  EXPECT_THAT(sample.input, StartsWith("Some special magic numbers are hidden within"));
  const auto question = sample.input.substr(sample.input.rfind('\n'));
  EXPECT_EQ(std::ranges::count(question, ','), 3);
  EXPECT_THAT(question, HasSubstr(", and adjective"));
  EXPECT_THAT(sample.references, SizeIs(4));
}

TEST(RulerCompatNiah, EveryReferenceLiesAtTheDepthThatIsTold) {
  const auto sample = samples_of("niah_multivalue", 4096).at(0);
  ASSERT_EQ(sample.meta.at("depths").size(), sample.references.size());
  for (size_t i = 0; i < sample.references.size(); ++i) {
    const auto found = static_cast<double>(sample.input.find(sample.references[i]));
    const double share = found / static_cast<double>(sample.input.size());
    EXPECT_NEAR(share, sample.meta.at("depths")[i].get<double>(), 0.03);
  }
}

TEST(RulerCompatNiah, AKeyOfUuidsIsOfVersion4) {
  const auto sample = samples_of("niah_multikey_3", 4096).at(0);
  EXPECT_EQ(sample.references[0].size(), 36U);
  EXPECT_EQ(sample.references[0][14], '4');
  EXPECT_THAT(std::string("89ab"), HasSubstr(std::string(1, sample.references[0][19])));
}

TEST(RulerCompatVt, TheChainLeadsFromTheValueThroughFiveNames) {
  const auto sample = samples_of("vt", 4096).at(0);
  const auto& names = sample.references;
  ASSERT_THAT(names, SizeIs(5));
  const size_t value_at = sample.input.rfind("assigned the value ") + 19;
  const auto value = sample.input.substr(value_at, 5);
  size_t at = sample.input.find(fmt::format("VAR {} = {}\n", names[0], value));
  for (size_t i = 1; i < names.size(); ++i) {
    ASSERT_NE(at, std::string::npos) << i;
    at = sample.input.find(fmt::format("VAR {} = VAR {} \n", names[i], names[i - 1]), at);
  }
  EXPECT_NE(at, std::string::npos);
}

TEST(RulerCompatVt, TheWorkedExampleEndsInTwoSpacesItsNamesAndABlankLine) {
  const auto sample = samples_of("vt", 4096).at(0);
  const auto example = sample.input.substr(0, sample.input.find("\n\nMemorize"));
  EXPECT_THAT(example, testing::ContainsRegex("they are:  [A-Z]{3}( [A-Z]{3}){4}$"));
  EXPECT_THAT(example, testing::Not(HasSubstr("12345")));
}

/// How often each word stands in the last list of a prompt.
std::map<std::string, int> counts_in_last_list(const std::string& input) {
  const size_t begin = input.rfind("most often.\n") + 12;
  const auto words = words_of(input.substr(begin, input.find('\n', begin) - begin));
  std::map<std::string, int> counts;
  for (size_t i = 1; i < words.size(); i += 2) ++counts[words[i]];
  return counts;
}

TEST(RulerCompatCwe, CommonWordsStandThirtyTimesAndOthersThree) {
  const auto sample = samples_of("cwe", 4096).at(0);
  EXPECT_THAT(sample.references, SizeIs(10));
  for (const auto& [word, count] : counts_in_last_list(sample.input)) {
    EXPECT_EQ(count, std::ranges::count(sample.references, word) ? 30 : 3) << word;
  }
}

TEST(RulerCompatCwe, BelowFourThousandTokensTheyStandSixTimesAndOnce) {
  const auto sample = samples_of("cwe", 2048).at(0);
  for (const auto& [word, count] : counts_in_last_list(sample.input)) {
    EXPECT_EQ(count, std::ranges::count(sample.references, word) ? 6 : 1) << word;
  }
  EXPECT_THAT(sample.input, testing::ContainsRegex("the list are: 1\\. .* 10\\. [a-z0-9]+\nBelow"));
}

TEST(RulerCompatCwe, MoreWordsThanThereAreIsANamedError) {
  Sources sources = small_sources();
  sources.words.nouns.resize(4000);
  const BuildRequest request{find_ruler_spec("cwe"), 4096, 1, 42};
  EXPECT_THAT(error_of([&] { build_compat(request, sources, count_words, [](const Sample&) {}); }),
              AllOf(HasSubstr("4096 words are needed, the word lists have 4011"),
                    HasSubstr("further list (english_words.json) 0")));
  sources.more_words = numbered_words("more", 4096);
  size_t num_samples = 0;
  build_compat(request, sources, count_words, [&](const Sample&) { ++num_samples; });
  EXPECT_EQ(num_samples, 1U);
}

// Shares of N: 1/k^2 over pi^2/6, rounded down; the most frequent word is three dots.
TEST(RulerCompatFwe, TheWordsOfRanksTwoToFourAreTheReferences) {
  for (const auto& sample : samples_of("fwe", 4096)) {
    const auto units = sample.meta.at("units").get<double>();
    const auto words = words_of(sample.input);
    for (size_t i = 0; i < 3; ++i) {
      const auto rank = static_cast<double>(i + 2);
      EXPECT_EQ(std::ranges::count(words, sample.references[i]),
                static_cast<int64_t>(units / (rank * rank) / 1.6449340668482264));
    }
    EXPECT_EQ(std::ranges::count(words, "..."), static_cast<int64_t>(units / 1.6449340668482264));
  }
}

TEST(RulerCompatQa, DocumentsAreNumberedAndTheGoldenOneIsAmongThem) {
  const auto sample = samples_of("qa_1", 300).at(0);
  EXPECT_THAT(sample.input, HasSubstr("\n\nDocument 1:\ndocument "));
  const auto gold = sample.meta.at("gold_position").get<int>() + 1;
  EXPECT_THAT(sample.input, HasSubstr(fmt::format("Document {}:\ndocument 00 a", gold)));
  EXPECT_THAT(sample.input, EndsWith("Question: Who wrote 0?"));
  EXPECT_EQ(sample.answer_prefix, " Answer:");
  EXPECT_EQ(sample.cluster, "Article");
}

TEST(RulerCompatQa, WhichDocumentHoldsTheAnswerChangesNothing) {
  const auto built = [](const Sources& sources) {
    std::string lines;
    const auto& spec = find_ruler_spec("qa_2");
    build_compat({spec, 300, 3, 42}, sources, count_words, [&](const Sample& sample) {
      lines += compat_record(spec, sample, 0, count_words) + sample.meta.dump() + "\n";
    });
    return lines;
  };
  Sources told = small_sources();
  for (auto& question : told.hotpotqa.questions) {
    question.supporting = {question.golden[7], question.golden[2]};
    question.has_answer_document = true;
  }
  EXPECT_EQ(built(told), built(small_sources()));
}

// As the reference takes it.
TEST(RulerCompatQa, AnEmptyAnswerIsAReference) {
  Sources sources = small_sources();
  sources.squad.questions[0].answers = {""};
  build_compat({find_ruler_spec("qa_1"), 300, 1, 42}, sources, count_words,
               [](const Sample& sample) { EXPECT_THAT(sample.references, ElementsAre("")); });
}

TEST(RulerCompatQa, FromAsManyDocumentsAsThereAreOnTheyAreRepeated) {
  const auto samples = samples_of("qa_1", 4096, 2);
  EXPECT_THAT(samples[0].meta.at("units").get<int64_t>(), Ge(20));
  EXPECT_THAT(samples[0].input, HasSubstr("document 19 a"));
}

TEST(RulerCompatQa, MoreSamplesThanQuestionsAreRefused) {
  EXPECT_THAT(error_of([] { (void)samples_of("qa_1", 4096, 4); }),
              HasSubstr("qa_1: 4 samples of 3 questions"));
}

// Ten golden documents and nothing to draw: every redraw is the same text.
TEST(RulerCompatQa, ATextThatCannotChangeIsNotRedrawn) {
  int64_t num_counted = 0;
  const Sources sources = small_sources();
  const auto text = error_of([&] {
    build_compat(
        {find_ruler_spec("qa_2"), 100, 1, 42}, sources,
        [&](std::string_view prompt) {
          ++num_counted;
          return count_words(prompt);
        },
        [](const Sample&) {});
  });
  EXPECT_THAT(text, HasSubstr("the same text each time"));
  EXPECT_LE(num_counted, 10);
}

TEST(RulerCompat, TheSmallestLengthCanBeBuiltAndIsWithinReason) {
  const Sources sources = small_sources();
  const auto& spec = find_ruler_spec("niah_single_2");
  const auto smallest = smallest_compat_length(spec, sources, count_words, 42);
  EXPECT_THAT(samples_of("niah_single_2", smallest, 3), SizeIs(3));
  EXPECT_THAT(smallest, AllOf(Ge(200), Le(1000)));
}

TEST(RulerCompat, ASmallestLengthIsLookedForWithAllQuestionsWhereTheyAreFew) {
  const Sources sources = small_sources();
  const auto& spec = find_ruler_spec("qa_1");
  const auto smallest = smallest_compat_length(spec, sources, count_words, 42);
  EXPECT_THAT(samples_of("qa_1", smallest, 3), SizeIs(3));
  EXPECT_EQ(compat_length_needed({spec, 0, 3, 42}, sources, count_words), smallest);
  EXPECT_THAT(error_of([&] {
                (void)compat_length_needed({spec, 0, 4, 42}, sources, count_words);
              }),
              HasSubstr("4 samples of 3 questions"));
}

TEST(RulerCompat, ABuildKnowsWhetherItsSamplesHaveHaystackToLose) {
  const Sources sources = small_sources();
  const auto is_near = [&](int64_t length) {
    return build_compat({find_ruler_spec("niah_single_1"), length, 2, 42}, sources, count_words,
                        [](const Sample&) {})
        .is_near_the_smallest();
  };
  EXPECT_TRUE(is_near(400));
  EXPECT_FALSE(is_near(2000));
}

TEST(RulerCompat, ASeedThatNumpyDoesNotTakeIsNamed) {
  const Sources sources = small_sources();
  EXPECT_THAT(error_of([&] {
                build_compat({find_ruler_spec("vt"), 4096, 1, uint64_t{1} << 32}, sources,
                             count_words, [](const Sample&) {});
              }),
              HasSubstr("NumPy takes 0 to 4294967295"));
}

TEST(RulerCompatRecord, IsPythonsJsonWithKeysInOrder) {
  Sample sample{.input = "caf\xC3\xA9 \"1\"\n", .answer_prefix = " A:", .references = {"x", "y"}};
  sample.num_tokens = 5;
  EXPECT_EQ(compat_record(find_ruler_spec("qa_1"), sample, 7, count_words),
            R"({"index": 7, "input": "caf\u00e9 \"1\"\n", "outputs": ["x", "y"], "length": 37, )"
            R"("length_w_model_temp": 37, "answer_prefix": " A:"})");
}

TEST(RulerCompatRecord, TheIndexOfANeedleIsItsPlaceInCharacters) {
  Sample sample{.input = "\xC3\xA9 b 77 c", .answer_prefix = " A", .references = {"77"}};
  EXPECT_THAT(compat_record(find_ruler_spec("niah_single_1"), sample, 0, count_words),
              AllOf(StartsWith("{\"index\": 4, "), EndsWith(", \"token_position_answer\": 2}")));
}

}  // namespace
}  // namespace hylo::tasks::ruler
