// How far a student is from its teacher, and the loss by position, from the command line to the
// report.
#include <filesystem>

#include "harness/base/files.h"
#include "harness/base/hash.h"
#include "tests/harness/cli/program.h"
#include "tests/support/story_copy.h"

namespace hylo::tests {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

using Arguments = std::vector<std::string>;

const std::string model = fixture("stories260k");

class Signals : public testing::Test {
 protected:
  Arguments eval(const Arguments& more, const std::string& tasks,
                 const std::string& student = model) {
    Arguments words{"eval", "--model", student, "--tasks", tasks, "--numeric-mode", "exact"};
    words.insert(words.end(), more.begin(), more.end());
    return words;
  }
  Json report(const Arguments& words) {
    auto with_json = words;
    with_json.push_back("--json");
    return json_of_hylo(with_json, {.folder = folder_.path()});
  }
  std::string error(const Arguments& words) {
    return error_of_hylo(words, {.folder = folder_.path()});
  }
  std::string text(const std::string& name, const std::string& words) {
    write_text_file(folder_ / name, words);
    return folder_ / name;
  }
  static Json result(const Json& report, const std::string& metric) {
    for (const auto& row : report["results"]) {
      if (row["metric"] == metric) return row;
    }
    ADD_FAILURE() << "no metric " << metric;
    return {};
  }
  TemporaryFolder folder_;
};

TEST_F(Signals, AModelAgreesWithItselfOnTheShippedStories) {
  const auto found = report(eval({"--teacher", model}, "teacher_agreement"));
  EXPECT_EQ(result(found, "kl")["value"], 0.0);
  EXPECT_EQ(result(found, "same_top")["value"], 1.0);
  EXPECT_NEAR(result(found, "cosine_layer_4")["value"], 1, 1e-12);
  EXPECT_EQ(result(found, "kl")["n"], 12);
  EXPECT_EQ(found["model"]["teacher"]["name"], "stories260k");
}

TEST_F(Signals, AChangedStudentIsAnotherRunAndLessAgreeable) {
  const StoryCopy student;
  student.change_end("model.safetensors", std::string(400, '\x3f'));
  const auto itself = report(eval({"--teacher", model}, "teacher_agreement"));
  const auto found = report(eval({"--teacher", model}, "teacher_agreement", student.path()));
  EXPECT_GT(result(found, "kl")["value"], 0);
  EXPECT_LT(result(found, "same_top")["value"], 1);
  EXPECT_GT(result(found, "kl")["standard_error"], 0);
  EXPECT_EQ(result(found, "teacher_loss")["value"], result(itself, "teacher_loss")["value"]);
  EXPECT_GT(result(found, "student_loss")["value"], result(found, "teacher_loss")["value"]);
  const auto reversed = report(eval({"--teacher", student.path()}, "teacher_agreement"));
  EXPECT_NE(reversed["run"]["key"], found["run"]["key"]);
  EXPECT_NE(itself["run"]["key"], reversed["run"]["key"]);
}

TEST_F(Signals, OnesOwnTextsTakeThePlaceOfTheDataSet) {
  const auto a = text("a.txt", "Tom and Lily ran to the park. They were happy.");
  const auto b = text("b.txt", "One day, a dog saw a red ball.");
  const auto found = report(
      eval({"--teacher", model, "--text", a, "--text", b}, "teacher_agreement,loss_by_position"));
  for (const auto& task : found["tasks"]) {
    EXPECT_EQ(task["dataset"], "text");
    EXPECT_EQ(task["num_documents"], 2);
    EXPECT_EQ(task["variant"]["texts"][1]["file"], "b.txt");
    EXPECT_EQ(task["variant"]["texts"][1]["sha256"], sha256_hex("One day, a dog saw a red ball."));
  }
  // Both tasks read the texts from their first token.
  EXPECT_NEAR(result(found, "loss")["value"], result(found, "student_loss")["value"], 1e-9);
  EXPECT_EQ(result(found, "loss")["value"], result(found, "loss_0-128")["value"]);
}

TEST_F(Signals, ATextLongerThanTheModelIsReadAsFarAsItReachesAndNotTruncated) {
  std::string words;
  for (int i = 0; i < 200; ++i) words += "Tom and Lily ran to the park. ";
  const auto result = run_hylo(eval({"--text", text("long.txt", words)}, "loss_by_position"),
                               {.folder = folder_.path()});
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_THAT(result.out, AllOf(HasSubstr("loss_256-512"), Not(HasSubstr("loss_512-1K")),
                                HasSubstr("beyond the length that was read"),
                                Not(HasSubstr("Truncated")), Not(HasSubstr("PARTIAL"))));
}

TEST_F(Signals, TheStoreIsSoundAndKeepsSumsAndTextsOnce) {
  report(eval({"--teacher", model}, "teacher_agreement"));
  const auto samples =
      run_hylo({"store", "export", "latest", "--samples"}, {.folder = folder_.path()});
  EXPECT_THAT(samples.out, AllOf(HasSubstr("\"agreement\":["), HasSubstr("\"kl\":[0.0,")));
  const auto again =
      json_of_hylo({"store", "rescore", "latest", "--json"}, {.folder = folder_.path()});
  EXPECT_EQ(again["changed_documents"], 0);
  EXPECT_EQ(run_hylo({"store", "check"}, {.folder = folder_.path()}).exit_code, 0);
}

TEST_F(Signals, OptionsThatWouldHaveNoEffectOrAreMissingAreErrors) {
  const auto a = text("a.txt", "Tom ran.");
  EXPECT_THAT(error(eval({}, "teacher_agreement")), HasSubstr("with --teacher"));
  EXPECT_THAT(error(eval({"--teacher", model}, "story_openings")),
              HasSubstr("none of the tasks asks a teacher"));
  EXPECT_THAT(error(eval({"--text", a}, "story_openings")),
              HasSubstr("none of the tasks reads texts"));
  EXPECT_THAT(error(eval({"--text", a, "--text", a}, "loss_by_position")),
              HasSubstr("named twice"));
  EXPECT_THAT(error(eval({"--text", folder_ / "no.txt"}, "loss_by_position")),
              HasSubstr("no.txt: expected a file of plain text"));
  EXPECT_THAT(error(eval({"--teacher", "/nowhere"}, "teacher_agreement")), HasSubstr("/nowhere"));
  EXPECT_THAT(error(eval({"--teacher", "scripted:crc"}, "teacher_agreement")),
              HasSubstr("--teacher scripted:crc: a scripted system has no network"));
  EXPECT_THAT(error(eval({"--teacher", model}, "teacher_agreement", "scripted:crc")),
              HasSubstr("--model scripted:crc: a scripted system has no network"));
  EXPECT_THAT(error(eval({}, "loss_by_position")), HasSubstr("HYLO_DATA"));
  EXPECT_FALSE(std::filesystem::exists(folder_ / "hylo.db"));
}

}  // namespace
}  // namespace hylo::tests
