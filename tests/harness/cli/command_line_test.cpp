#include "harness/cli/command_line.h"

#include "tests/harness/cli/program.h"

namespace hylo::tests {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::StartsWith;

TEST(CommandLine, AMisspeltVerbIsAnErrorThatSuggestsTheNearOne) {
  EXPECT_THAT(error_of_hylo({"inspetc", "somewhere", "--json"}),
              AllOf(HasSubstr("there is no verb 'inspetc'"), HasSubstr("did you mean 'inspect'?"),
                    HasSubstr("`hylo --help`")));
}

TEST(CommandLine, AMisspeltVerbBelowAVerbSuggestsTheNearOne) {
  EXPECT_THAT(error_of_hylo({"store", "chekc"}),
              AllOf(StartsWith("hylo: store: "), HasSubstr("did you mean 'check'?"),
                    HasSubstr("`hylo store --help`")));
  EXPECT_THAT(error_of_hylo({"list", "modles"}), HasSubstr("did you mean 'models'?"));
}

TEST(CommandLine, AMisspeltFlagIsAnErrorThatNamesTheVerbAndTheNearFlag) {
  EXPECT_THAT(error_of_hylo({"inspect", "somewhere", "--jsno"}),
              AllOf(StartsWith("hylo: inspect: "), HasSubstr("there is no option '--jsno'"),
                    HasSubstr("did you mean '--json'?"), HasSubstr("`hylo inspect --help`")));
}

TEST(CommandLine, AMisspeltFlagWithItsValueBehindIsNamedAndNotTheValue) {
  EXPECT_THAT(error_of_hylo({"store", "runs", "--stoer", "x.db"}),
              AllOf(HasSubstr("'--stoer'"), HasSubstr("did you mean '--store'?")));
  EXPECT_THAT(error_of_hylo({"store", "runs", "--stoer=x.db"}), HasSubstr("'--stoer'; did"));
}

TEST(CommandLine, AFlagThatIsNearToNoneIsRefusedWithoutASuggestion) {
  const auto text = error_of_hylo({"list", "models", "--frobnicate"});
  EXPECT_THAT(text, HasSubstr("there is no option '--frobnicate'"));
  EXPECT_THAT(text, testing::Not(HasSubstr("did you mean")));
}

TEST(CommandLine, AWordTooManyIsRefused) {
  EXPECT_THAT(error_of_hylo({"report", "latest", "again"}), HasSubstr("'again' was not expected"));
}

TEST(CommandLine, NoVerbIsAnErrorThatNamesThem) {
  EXPECT_THAT(error_of_hylo({}),
              AllOf(HasSubstr("expected a verb"), HasSubstr("inspect"), HasSubstr("doctor")));
  EXPECT_THAT(error_of_hylo({"store"}), AllOf(HasSubstr("expected a verb"), HasSubstr("export")));
}

TEST(CommandLine, WhatAVerbNeedsIsAskedForByName) {
  EXPECT_THAT(error_of_hylo({"inspect"}),
              AllOf(StartsWith("hylo: inspect: "), HasSubstr("model"), HasSubstr("required")));
  EXPECT_THAT(error_of_hylo({"report"}), AllOf(StartsWith("hylo: report: "), HasSubstr("run")));
}

TEST(CommandLine, AValueThatIsNotAmongTheChoicesIsRefusedWithTheChoices) {
  EXPECT_THAT(error_of_hylo({"report", "latest", "--format", "pdf"}),
              AllOf(HasSubstr("pdf"), HasSubstr("markdown")));
}

TEST(CommandLine, HelpOfEveryVerbTeachesByExample) {
  const std::vector<std::vector<std::string>> verbs{{"eval"},
                                                    {"generate"},
                                                    {"inspect"},
                                                    {"convert"},
                                                    {"list"},
                                                    {"list", "tasks"},
                                                    {"list", "models"},
                                                    {"list", "datasets"},
                                                    {"list", "groups"},
                                                    {"report"},
                                                    {"store"},
                                                    {"store", "runs"},
                                                    {"store", "check"},
                                                    {"store", "export"},
                                                    {"doctor"},
                                                    {"upcycle"},
                                                    {"distill"},
                                                    {"train"},
                                                    {"report", "training"}};
  for (auto arguments : verbs) {
    std::string called = "  hylo";
    for (const auto& word : arguments) called += " " + word;
    arguments.emplace_back("--help");
    const auto result = run_hylo(arguments);
    EXPECT_EQ(result.exit_code, 0);
    EXPECT_EQ(result.err, "");
    EXPECT_THAT(result.out, AllOf(HasSubstr("Examples:"), HasSubstr(called)));
  }
}

TEST(CommandLine, HelpOfTheProgramNamesTheVerbs) {
  const auto result = run_hylo({"--help"});
  EXPECT_EQ(result.exit_code, 0);
  for (const auto* verb : {"eval", "generate", "inspect", "convert", "upcycle", "distill", "train",
                           "list", "report", "store", "doctor"}) {
    EXPECT_THAT(result.out, HasSubstr(verb));
  }
}

TEST(CommandLine, TheVersionNamesLibTorchToo) {
  const auto result = run_hylo({"--version"});
  EXPECT_EQ(result.exit_code, 0);
  EXPECT_THAT(result.out, testing::MatchesRegex("hylo [0-9.]+ \\(LibTorch [0-9].*\\)\n"));
}

TEST(CommandLine, AReaderThatHasGoneIsNoError) {
  const auto result = run_hylo({"list", "models"}, {.nobody_reads = true});
  EXPECT_EQ(result.exit_code, 0);
  EXPECT_EQ(result.err, "");
}

TEST(CommandLine, AFullDiskBehindStdoutIsToldAndNotTakenForSuccess) {
  const auto result = run_hylo({"list", "models"}, {.out = "/dev/full"});
  EXPECT_EQ(result.exit_code, 2);
  EXPECT_THAT(result.err, HasSubstr("standard output: cannot be written"));
}

TEST(CommandLine, AClosedStdoutIsToldAndNoFileIsWrittenInItsPlace) {
  const auto result = run_child({"/bin/sh", "-c", "'" HYLO_PROGRAM "' list models >&-"});
  EXPECT_EQ(result.exit_code, 2);
  EXPECT_THAT(result.err, HasSubstr("standard output: cannot be written"));
}

}  // namespace
}  // namespace hylo::tests
