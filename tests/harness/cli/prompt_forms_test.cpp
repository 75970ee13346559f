// hylo eval with prompts in other forms: task files of users, chat templates.

#include "harness/base/files.h"
#include "harness/base/unicode.h"
#include "tests/harness/cli/program.h"

namespace hylo::tests {
namespace {

using testing::AllOf;
using testing::HasSubstr;

class PromptForms : public testing::Test {
 protected:
  [[nodiscard]] ChildOptions here() const { return {.folder = folder_.path()}; }
  [[nodiscard]] std::vector<std::string> eval(const std::string& task,
                                              const std::vector<std::string>& more = {}) const {
    std::vector<std::string> words{"eval", "--model", "scripted:crc", "--tasks", task};
    words.insert(words.end(), more.begin(), more.end());
    return words;
  }
  TemporaryFolder folder_;
};

const std::string sums = fixture("custom-tasks/sums.json");

TEST_F(PromptForms, ATaskFileIsRunAndScoredAgainFromTheStore) {
  const auto report = json_of_hylo(eval(sums, {"--json"}), here());
  EXPECT_EQ(report["results"][0]["task"], "sums") << report;
  EXPECT_EQ(report["results"][0]["n"], 2);
  EXPECT_EQ(run_hylo({"store", "rescore", "latest", "--dry-run"}, here()).exit_code, 0);
}

TEST_F(PromptForms, AMisspeltKeyOfATaskFileIsNamedByItsPath) {
  const auto text = replace_all(read_text_file(sums), "max_new_tokens", "max_new_token");
  write_text_file(folder_ / "mine.json", text);
  EXPECT_THAT(error_of_hylo(eval("./mine.json"), here()),
              AllOf(HasSubstr("mine.json"), HasSubstr("prompt.max_new_tokens")));
  EXPECT_THAT(error_of_hylo(eval("./none.json"), here()), HasSubstr("none.json"));
}

TEST_F(PromptForms, AChatTemplateIsAnotherRun) {
  const auto plain = json_of_hylo(eval(sums, {"--json"}), here());
  const auto chat = json_of_hylo(eval(sums, {"--json", "--chat-template", "qwen"}), here());
  EXPECT_NE(plain["run"]["id"], chat["run"]["id"]);
}

TEST_F(PromptForms, WhatDoesNotFitTogetherIsRefused) {
  EXPECT_THAT(error_of_hylo(eval("story_openings", {"--chat-template", "gpt"}), here()),
              AllOf(HasSubstr("--chat-template"), HasSubstr("mistral")));
  EXPECT_THAT(error_of_hylo(eval("story_openings", {"--fewshot-as-multiturn"}), here()),
              HasSubstr("--chat-template"));
  EXPECT_THAT(error_of_hylo(eval("story_openings", {"--fewshot-split", "train"}), here()),
              HasSubstr("takes no worked examples"));
  EXPECT_THAT(error_of_hylo(eval("story_perplexity", {"--chat-template", "qwen"}), here()),
              HasSubstr("story_perplexity: cannot be asked with a chat template"));
}

}  // namespace
}  // namespace hylo::tests
