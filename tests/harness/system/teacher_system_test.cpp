// The story checkpoint as teacher, and copies of it with changed weights as students.
#include "harness/system/teacher_system.h"

#include <gmock/gmock.h>

#include <filesystem>

#include "harness/base/files.h"
#include "tests/support/story_copy.h"
#include "tests/support/test_data.h"

namespace hylo::harness {
namespace {

using tasks::AgreeOnText;
using tasks::Failed;
using tasks::Request;
using tasks::Response;
using tasks::ScoreText;
using tasks::TextAgreement;
using tasks::TextScore;
using testing::AllOf;
using testing::DoubleNear;
using testing::Each;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;
using tests::error_of;

const std::string story =
    "Once upon a time, there was a little girl named Lily. She had a red ball. Lily and her ball "
    "went to the park. A big dog saw the ball and ran after it.";

std::unique_ptr<DecoderSystem> open(const std::filesystem::path& folder,
                                    models::NumberType type = models::NumberType::Float32,
                                    std::optional<int64_t> max_length = {}) {
  return std::make_unique<DecoderSystem>(
      DecoderSystemOptions{.folder = folder,
                           .tokenizer = {},
                           .type = type,
                           .engine = {.mode = models::NumericMode::Exact},
                           .max_length = max_length});
}

/// Other weights at the end of the file, a little off.
struct Student : tests::StoryCopy {
  Student() { change_end("model.safetensors", std::string(400, '\x3f')); }
};

const std::filesystem::path teacher = tests::fixture("stories260k");

std::vector<Response> answers(SystemUnderTest& system, const std::vector<Request>& requests) {
  std::vector<Response> all(requests.size());
  system.answer(requests, [&](size_t i, Response response) { all[i] = std::move(response); });
  return all;
}
TextAgreement agreement(SystemUnderTest& system, const AgreeOnText& request) {
  return std::get<TextAgreement>(answers(system, {request}).front());
}

class Teacher : public testing::Test {
 protected:
  void SetUp() override { models::Engine::set_num_threads(1); }
};

TEST_F(Teacher, AgreesWithItself) {
  for (const auto type : {models::NumberType::Float32, models::NumberType::BFloat16}) {
    TeacherSystem system(open(teacher, type), open(teacher, type));
    const auto found = agreement(system, {.text = story});
    const auto n = static_cast<double>(found.num_tokens);
    EXPECT_GT(found.num_tokens, 40);
    EXPECT_EQ(found.kl_nats, 0);
    EXPECT_EQ(found.num_same_top, found.num_tokens);
    EXPECT_THAT(found.layer_cosines, AllOf(SizeIs(5), Each(DoubleNear(n, 1e-9))));
  }
}

TEST_F(Teacher, DoesNotQuiteAgreeWithAChangedStudentAndBothLossesAreTheirOwn) {
  const Student student;
  TeacherSystem system(open(student.path()), open(teacher));
  const auto found = agreement(system, {.text = story});
  EXPECT_GT(found.kl_nats, 0);
  EXPECT_LE(found.num_same_top, found.num_tokens);
  EXPECT_NE(found.student_log_likelihood, found.teacher_log_likelihood);
  const auto alone = [&](const std::filesystem::path& folder) {
    return std::get<TextScore>(answers(*open(folder), {ScoreText{"", story}}).front());
  };
  EXPECT_NEAR(found.student_log_likelihood, alone(student.path()).log_likelihood, 1e-9);
  EXPECT_NEAR(found.teacher_log_likelihood, alone(teacher).log_likelihood, 1e-9);
  EXPECT_EQ(found.token_ids, alone(teacher).token_ids);
}

TEST_F(Teacher, ReadsALongTextInWindowsThatPredictEveryTokenOnce) {
  const Student student;
  TeacherSystem system(open(student.path()), open(teacher));
  const auto whole = agreement(system, {.text = story});
  const auto windows = agreement(system, {.text = story, .window_tokens = 10});
  EXPECT_EQ(windows.num_tokens, whole.num_tokens);
  EXPECT_LT(windows.teacher_log_likelihood, whole.teacher_log_likelihood);  // less to go by
  // The shorter of the models sets the window.
  TeacherSystem short_student(open(student.path(), models::NumberType::Float32, 10), open(teacher));
  EXPECT_EQ(agreement(short_student, {.text = story}).kl_nats, windows.kl_nats);
}

TEST_F(Teacher, IsAskedOnlyWhereARequestComparesThem) {
  const Student student;
  TeacherSystem system(open(student.path()), open(teacher));
  const std::vector<Request> requests{ScoreText{"One day,", " Tom"}, AgreeOnText{story},
                                      ScoreText{"One day,", " Lily"}};
  const auto found = answers(system, requests);
  const auto alone = answers(*open(student.path()), {requests[0], requests[2]});
  EXPECT_EQ(std::get<TextScore>(found[0]).log_likelihood,
            std::get<TextScore>(alone[0]).log_likelihood);
  EXPECT_EQ(std::get<TextScore>(found[2]).log_likelihood,
            std::get<TextScore>(alone[1]).log_likelihood);
  EXPECT_GT(std::get<TextAgreement>(found[1]).num_tokens, 0);
  const auto costs = system.plan(requests);
  EXPECT_EQ(costs[1].rows, 2 * std::get<TextAgreement>(found[1]).num_tokens);
  EXPECT_GT(costs[2].rows_unshared, 0);
}

TEST_F(Teacher, BelongsToTheIdentity) {
  const Student student;
  const TeacherSystem system(open(student.path()), open(teacher));
  const TeacherSystem reversed(open(teacher), open(student.path()));
  EXPECT_EQ(system.info().identity["teacher"], open(teacher)->info().identity);
  EXPECT_EQ(system.info().description["teacher"]["name"], "stories260k");
  EXPECT_NE(system.info().identity, reversed.info().identity);
  EXPECT_THAT(system.notes(), IsEmpty());
}

TEST_F(Teacher, WithAnotherTokenizerIsAnErrorThatNamesBoth) {
  const tests::StoryCopy copy;
  copy.change("tokenizer.json", "\"~\": 510", "\"^\": 510");
  EXPECT_THAT(error_of([&] { TeacherSystem(open(copy.path()), open(teacher)); }),
              AllOf(HasSubstr("the teacher stories260k"), HasSubstr("different tokenizers"),
                    HasSubstr(copy.path().filename().string())));
}

TEST_F(Teacher, WithTheSameVocabularyInAnotherFileIsTheSame) {
  const tests::StoryCopy copy;
  const auto text = read_text_file(copy / "tokenizer.json");
  write_text_file(copy / "tokenizer.json", text + "\n");
  ASSERT_NE(open(copy.path())->tokenizer().info().sha256, open(teacher)->tokenizer().info().sha256);
  TeacherSystem system(open(copy.path()), open(teacher));
  EXPECT_EQ(agreement(system, {.text = story}).kl_nats, 0);
}

TEST_F(Teacher, ATextThatOtherMergesReadAsOtherTokensFailsAndOthersAreCompared) {
  const tests::StoryCopy copy;
  copy.change("tokenizer.json", "   [\n    \"h\",\n    \"e\"\n   ],\n", "");
  TeacherSystem system(open(copy.path()), open(teacher));
  const auto found = answers(system, {AgreeOnText{"shell"}, AgreeOnText{"Tom ran."}});
  EXPECT_THAT(
      std::get<Failed>(found[0]).reason,
      AllOf(HasSubstr("read this text as different tokens, from token"), HasSubstr("--tokenizer")));
  EXPECT_EQ(std::get<TextAgreement>(found[1]).kl_nats, 0);
  const auto costs = system.plan(std::vector<Request>{AgreeOnText{"shell"}});
  EXPECT_EQ(costs[0].rows, 0);
}

/// The first layers of the story checkpoint, written as a checkpoint of its own.
struct FirstLayers {
  explicit FirstLayers(size_t num_layers) {
    auto whole = models::open_checkpoint(teacher);
    whole.config.layers.resize(num_layers);
    whole.weights.layers.resize(num_layers);
    models::write_checkpoint(folder.path(), whole.config, whole.weights);
    for (const auto* name : {"tokenizer.json", "tokenizer_config.json"}) {
      std::filesystem::copy_file(teacher / name, folder / name);
    }
  }
  tests::TemporaryFolder folder;
};

TEST_F(Teacher, OfOtherDepthIsComparedWithoutCosinesAndSaysSo) {
  const FirstLayers student(3);
  TeacherSystem system(open(student.folder.path()), open(teacher));
  EXPECT_THAT(system.notes(), ElementsAre(AllOf(HasSubstr("3 layers of width 64"),
                                                HasSubstr("the teacher 5 layers of width 64"))));
  const auto found = agreement(system, {.text = story});
  EXPECT_THAT(found.layer_cosines, IsEmpty());
  EXPECT_GT(found.kl_nats, 0);
}

TEST_F(Teacher, WhatCannotBeComparedIsFailedWithTheReason) {
  const tests::StoryCopy broken;
  broken.change_end("model.safetensors", std::string("\x00\x00\xc0\x7f", 4));
  const auto reason = [](TeacherSystem system, const AgreeOnText& request) {
    return std::get<Failed>(answers(system, {request}).front()).reason;
  };
  EXPECT_THAT(reason({open(broken.path()), open(teacher)}, {.text = story}),
              HasSubstr("student: the model gives NaN"));
  EXPECT_THAT(reason({open(teacher), open(broken.path())}, {.text = story}),
              HasSubstr("teacher: the model gives NaN"));
  EXPECT_THAT(reason({open(teacher), open(teacher)}, {.text = ""}), HasSubstr("nothing to score"));
  EXPECT_THAT(reason({open(teacher), open(teacher)}, {.text = "a", .window_tokens = 0}),
              HasSubstr("windows of 0 tokens"));
}

}  // namespace
}  // namespace hylo::harness
