#include "harness/training/prepared_training.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <optional>

#include "harness/base/error.h"
#include "harness/base/files.h"
#include "harness/base/hash.h"
#include "harness/base/version.h"
#include "harness/system/companion_files.h"
#include "harness/system/write_folder.h"
#include "harness/training/kept_file.h"
#include "models/config/own_config.h"
#include "models/distill/stage_fits.h"
#include "models/upcycle/part_importance.h"
#include "models/upcycle/upcycle.h"
#include "models/weights/number_types.h"

namespace hylo::harness {
namespace {

namespace fs = std::filesystem;

constexpr const char* recipe_room = "models/recipes";

/// A file of that name, or the shipped recipe.
fs::path recipe_file(const std::string& recipe) {
  if (fs::exists(recipe)) return recipe;
  const auto known = shipped_recipes();
  if (std::ranges::find(known, recipe) == known.end()) {
    fail("--recipe {}: no such file, and no recipe that ships; those are {}", recipe,
         fmt::join(known, ", "));
  }
  return shipped_file(recipe_room) / (recipe + ".json");
}

void set_evaluation(Json& recipe, const EvaluationRequest& wanted) {
  if (wanted.is_off) {
    recipe.erase("evaluation");
    return;
  }
  auto evaluation = recipe.value("evaluation", Json());
  if (!evaluation.is_null() && !evaluation.is_object()) return;  // Who reads it says so.
  if (!wanted.tasks.empty()) evaluation["tasks"] = wanted.tasks;
  if (wanted.every) evaluation["every"] = *wanted.every;
  if (wanted.limit) evaluation["limit"] = *wanted.limit;
  if (!wanted.sets.empty()) evaluation["sets"] = fs::absolute(wanted.sets).string();
  if (evaluation.is_null()) return;
  require(evaluation.contains("tasks"),
          "--eval-every, --eval-limit and --eval-sets: the recipe names no task to evaluate; name "
          "some with --eval-tasks");
  recipe["evaluation"] = evaluation;
}

models::Decoder decoder_of(const models::Checkpoint& checkpoint) {
  return {checkpoint.config, checkpoint.weights};
}

}  // namespace

std::vector<std::string> shipped_recipes() {
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(shipped_file(recipe_room))) {
    if (entry.path().extension() == ".json") names.push_back(entry.path().stem());
  }
  std::ranges::sort(names);
  return names;
}

models::Recipe open_recipe(const TrainingRequest& request) {
  const auto file = recipe_file(request.recipe);
  auto json = read_json_file(file);
  if (request.seed && json.is_object()) json["seed"] = *request.seed;
  if (json.is_object()) set_evaluation(json, request.evaluation);
  return models::read_recipe(json, file.string(), request.data_root);
}

PreparedTraining::PreparedTraining(const TrainingRequest& request, const TrainingNotices& notices)
    : request_(request), recipe_(open_recipe(request)) {
  open_models();
  open_tokenizer();
  check();
  note_other_tokenizer(notices);
  provenance_.recipe = recipe_.name;
  provenance_.seed = recipe_.seed;
  provenance_.commit = commit();
  if (!request_.reads_data) return;
  if (recipe_.evaluation) {
    evaluation_ = std::make_unique<StudentEvaluation>(
        recipe_, EvaluatedStudent{student_, tokenizer_, request_.out, request_.data_root});
  }
  lock_ = std::make_unique<FolderLock>(request_.out);
  const TrainingDataOptions options{.teacher = teacher(),
                                    .teacher_sha256 = provenance_.teacher_sha256,
                                    .folder = request_.out,
                                    .skip_bad_lines = request_.skip_bad_lines,
                                    .on_written = notices.on_written};
  data_ = read_training_data(recipe_, *tokenizer_, options);
  for (const auto& note : data_.notes) notices.on_note(note);
}

void PreparedTraining::keep_logits(const TrainingNotices& notices) {
  const TrainingDataOptions options{.teacher = teacher(),
                                    .teacher_sha256 = provenance_.teacher_sha256,
                                    .folder = request_.out,
                                    .on_kept = notices.on_kept};
  for (size_t i = 0; i < recipe_.stages.size(); ++i) {
    auto kept =
        keep_teacher_logits(recipe_, recipe_.stages[i], data_.sources, options, notices.on_note);
    if (!kept.empty()) likeliest_.emplace(i, std::move(kept));
  }
}

void PreparedTraining::open_models() {
  if (request_.base.empty()) request_.base = recipe_.base;
  if (request_.teacher.empty()) request_.teacher = recipe_.teacher;
  const auto* upcycled = std::get_if<models::UpcycledStudent>(&recipe_.student);
  require(!upcycled || !request_.base.empty(),
          "recipe '{}' makes its student of another model's layers; name that with --base",
          recipe_.name);
  if (!request_.base.empty()) {
    const auto base = models::open_checkpoint(request_.base, {.type = recipe_.type});
    base_ = decoder_of(base);
    provenance_.teacher = fs::absolute(request_.base).filename().string();
    provenance_.teacher_sha256 = models::hash_weights(base);
  }
  if (!request_.teacher.empty()) {
    const auto teacher = models::open_checkpoint(request_.teacher, {.type = recipe_.type});
    teacher_ = decoder_of(teacher);
    const auto* separator = base_ ? ", " : "";
    provenance_.teacher += separator + fs::absolute(request_.teacher).filename().string();
    provenance_.teacher_sha256 += separator + models::hash_weights(teacher);
  }
  if (upcycled) student_ = models::student_config(*upcycled, base_->config());
}

/// What can be known before data are read and a teacher writes for hours.
void PreparedTraining::check() const {
  const auto* upcycled = std::get_if<models::UpcycledStudent>(&recipe_.student);
  if (upcycled && !upcycled->narrow) models::check_student(base_->config(), student_);
  if (teacher()) models::check_vocabulary(teacher()->config(), student_);
  std::vector<std::string> sources;
  for (const auto& source : recipe_.data) sources.push_back(source.name);
  for (const auto& stage : recipe_.stages) {
    models::check_frozen(student_, stage.frozen);
    models::check_shares(stage, sources);
  }
}

void PreparedTraining::note_other_tokenizer(const TrainingNotices& notices) const {
  if (request_.teacher.empty() || !models::has_tokenizer(request_.teacher)) return;
  if (models::load_tokenizer(request_.teacher)->info().sha256 == tokenizer_->info().sha256) return;
  notices.on_note(fmt::format(
      "the files of {}'s tokenizer are not those of {}; the teacher is given the ids of "
      "the latter",
      request_.teacher.string(), tokenizer_place_.string()));
}

void PreparedTraining::open_tokenizer() {
  tokenizer_place_ = request_.tokenizer.empty() ? request_.base : request_.tokenizer;
  require(!tokenizer_place_.empty(),
          "recipe '{}' begins with a network of its own; name a tokenizer with --tokenizer",
          recipe_.name);
  tokenizer_ = models::load_tokenizer(tokenizer_place_);
  const auto& info = tokenizer_->info();
  if (const auto* fresh = std::get_if<models::FreshStudent>(&recipe_.student)) {
    student_ = models::student_config(*fresh, info.vocabulary_size);
    student_.bos = info.bos;
    if (info.eos) student_.eos = {*info.eos};
    student_.pad = info.pad;
    return;
  }
  (void)models::check_fits(info, student_.vocabulary_size);
}

models::ModelWeights PreparedTraining::initial() const {
  const auto* upcycled = std::get_if<models::UpcycledStudent>(&recipe_.student);
  if (!upcycled) {
    return models::random_weights(student_, models::NumberType::Float32, recipe_.seed);
  }
  // Conversions begin with the bits that are stored, whatever the type that is trained in.
  const auto base = models::open_checkpoint(request_.base, {.type = models::NumberType::Float32});
  if (upcycled->narrow) return narrowed(*upcycled->narrow, base);
  auto options = upcycled->options;
  options.seed = recipe_.seed;
  return models::upcycle(base.config, base.weights, student_, options);
}

/// Of the first texts to train on: those that are held out judge the student.
models::ModelWeights PreparedTraining::narrowed(const models::NarrowedStudent& narrow,
                                                const models::Checkpoint& base) const {
  std::vector<std::vector<int32_t>> sequences;
  for (const auto& source : data_.sources) {
    const auto& documents = *source.documents;
    if (documents.holds_pairs()) continue;
    for (int64_t i = 0; i < documents.size() && std::ssize(sequences) < narrow.sequences; ++i) {
      auto& ids = sequences.emplace_back();
      for (const auto& token : documents.at(i)) {
        if (std::ssize(ids) < narrow.tokens) ids.push_back(token.id());
      }
    }
  }
  require(std::ssize(sequences) == narrow.sequences,
          "student.narrow.sequences: expected at most the {} documents of the training, found {}",
          sequences.size(), narrow.sequences);
  const auto importance = models::part_importance(decoder_of(base), sequences);
  return models::narrowed(base.config, base.weights,
                          models::most_important(base.config, importance, narrow.sizes));
}

models::TrainingPlan PreparedTraining::plan() const {
  return {.recipe = recipe_.json,
          .stages = recipe_.stages,
          .seed = recipe_.seed,
          .type = recipe_.type,
          .base = base(),
          .teacher = teacher(),
          .student = student_,
          .initial = [this] { return initial(); },
          .sources = data_.sources,
          .held_out = data_.held_out,
          .held_out_pairs = data_.held_out_pairs,
          .likeliest = [this](int64_t stage) { return likeliest_of(stage); },
          .provenance = provenance_};
}

KeptLogits PreparedTraining::likeliest_of(int64_t stage) const {
  const auto found = likeliest_.find(stage);
  return found == likeliest_.end() ? KeptLogits() : found->second;
}

models::HeldOutLoss PreparedTraining::teachers_loss(const models::Training& training) const {
  const auto file = request_.out / "teacher-held-out.json";
  const auto key = key_of_teachers_loss();
  const auto kept = [&](const fs::path& from) -> std::optional<models::HeldOutLoss> {
    const auto json = read_json_file(from);
    JsonReader reader(json, from.string());
    if (reader.get<std::string>("measured_of") != key) return {};
    return models::HeldOutLoss{.num_labels = reader.get<int64_t>("num_labels"),
                               .cross_entropy = reader.get<double>("cross_entropy")};
  };
  if (fs::exists(file)) {
    if (auto found = read_kept(file, kept)) return *std::move(found);
  }
  const auto loss = training.validate(*teacher());
  write_json_file(file, {{"measured_of", key},
                         {"num_labels", loss.num_labels},
                         {"cross_entropy", loss.cross_entropy}});
  return loss;
}

/// A hash of all that it depends on.
std::string PreparedTraining::key_of_teachers_loss() const {
  const OrderedJson key{{"teacher", provenance_.teacher_sha256},
                        {"config", models::write_own_config(teacher()->config())},
                        {"type", models::type_name(recipe_.type)},
                        {"held_out", data_.held_out->sha256()},
                        {"context_length", models::longest_context(recipe_.stages)}};
  return sha256_hex(key.dump());
}

void PreparedTraining::release_base() {
  if (teacher_) base_.reset();
}

fs::path PreparedTraining::write_student(const models::Training& training) const {
  const auto& decoder = training.student().decoder();
  const auto folder = request_.out / "student";
  // The folder is locked, so what lies there is of a run of this training that was killed.
  fs::remove_all(unfinished_place(folder));
  write_folder(folder, [&](const fs::path& part) {
    models::write_checkpoint(part, decoder.config(), decoder.weights(),
                             {.format = models::CheckpointFormat::Own, .provenance = provenance_});
    if (const auto& spent = training.spent()) {
      write_json_file(part / "training.json",
                      {{"recipe", recipe_.name}, {"spent", models::spent_json(*spent)}});
    }
    if (fs::is_directory(tokenizer_place_)) {
      (void)copy_companion_files(tokenizer_place_, part);
    } else {
      fs::copy_file(tokenizer_place_, part / tokenizer_place_.filename());
    }
  });
  return folder;
}

}  // namespace hylo::harness
