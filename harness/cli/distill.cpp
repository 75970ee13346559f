// hylo distill, hylo train: a recipe carried out, stage by stage.

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <atomic>
#include <filesystem>
#include <memory>
#include <string>

#include "harness/base/clock.h"
#include "harness/base/error.h"
#include "harness/base/units.h"
#include "harness/cli/facts.h"
#include "harness/cli/interrupt.h"
#include "harness/cli/numbers.h"
#include "harness/cli/output.h"
#include "harness/cli/own_command_line.h"
#include "harness/cli/places.h"
#include "harness/cli/plan_facts.h"
#include "harness/cli/progress_line.h"
#include "harness/cli/student_facts.h"
#include "harness/cli/training_evaluation.h"
#include "harness/cli/verb.h"
#include "harness/system/machine_record.h"
#include "harness/training/prepared_training.h"
#include "harness/training/training_recorder.h"
#include "models/distill/heap.h"
#include "models/engine/engine.h"
#include "reports/store/store.h"

namespace hylo::cli {
namespace {

namespace fs = std::filesystem;

struct TrainingVerbOptions {
  std::string recipe, base, teacher, tokenizer, data, out, name, store, device;
  std::optional<uint64_t> seed;
  std::optional<int64_t> threads;
  TrainingEvaluationOptions evaluation;
  bool is_fresh = false;  ///< hylo train: from random weights
  bool skip_bad_lines = false, dry_run = false, json = false;
};

/// What is told while a training runs: a line that is written over, and lines that stay.
class Narrator {
 public:
  Narrator(harness::PreparedTraining& prepared, harness::TrainingRecorder& recorder,
           reports::Store& store, harness::EvaluationLabels labels)
      : prepared_(prepared), recorder_(recorder), store_(store), labels_(std::move(labels)) {}

  void begin(const models::Training& training) {
    if (training.is_resumed()) {
      const auto [index, step] = training.place();
      say("goes on from step {} of stage '{}'", step, stage(index).name);
    }
    if (!prepared_.data().held_out) return;
    if (prepared_.teacher()) {
      teachers_ = prepared_.teachers_loss(training);
      recorder_.set_teachers(*teachers_);
      say("held out: the teacher's perplexity is {:.4g} over {} tokens", teachers_->perplexity(),
          with_thousands(teachers_->num_labels));
    }
  }

  models::TrainingEvents events(const std::atomic<bool>& stop) {
    return {
        .on_step = [this](int64_t stage, const models::StepReport& r) { on_step(stage, r); },
        .on_validation = [this](const models::Validation& v) { on_validation(v); },
        .on_preferences =
            [this](const models::PreferenceValidation& v) {
              recorder_.add(v);
              say("  '{}' step {}: of {} held-out pairs {:.1f} % the right way round, margin "
                  "{:.4g} nats",
                  stage(v.place.stage).name, v.place.next_step, with_thousands(v.score.num_pairs),
                  100 * v.score.accuracy, v.score.margin);
            },
        .on_checkpoint =
            [this](const models::TrainingPlace& place, const fs::path& folder) {
              recorder_.add(place, folder);
              checkpoint_ = folder;
            },
        .on_base_done = [this] { prepared_.release_base(); },
        .on_student =
            [this, &stop](const models::TrainingPlace& place, const models::TrainedModel& student) {
              return evaluate(place, student, stop);
            },
        .should_stop = [&stop] { return stop.load(); }};
  }

  [[nodiscard]] const std::optional<models::Validation>& last_validation() const { return last_; }
  [[nodiscard]] const std::optional<models::HeldOutLoss>& teachers() const { return teachers_; }
  [[nodiscard]] const fs::path& checkpoint() const { return checkpoint_; }
  void clear() { line_.clear(); }

 private:
  template <class... Args>
  void say(fmt::format_string<Args...> text, Args&&... args) {
    line_.clear();
    fmt::print(stderr, "{}\n", fmt::format(text, std::forward<Args>(args)...));
  }
  [[nodiscard]] const models::Stage& stage(int64_t index) const {
    return prepared_.recipe().stages[static_cast<size_t>(index)];
  }

  void on_step(int64_t index, const models::StepReport& report) {
    recorder_.add(index, report);
    const auto& now = stage(index);
    if (index != announced_) {
      announced_ = index;
      num_rows_ = -report.num_rows;  // The watch begins behind this step.
      watch_ = Stopwatch();
      seconds_evaluating_ = 0;
      say("stage {}/{} '{}' ({}): {} steps of {} tokens", index + 1,
          prepared_.recipe().stages.size(), now.name, models::name_of(now.objective), now.steps,
          with_thousands(now.tokens_per_step));
    }
    num_rows_ += report.num_rows;
    const auto text = step_text(now, report);
    if (line_.is_terminal()) return line_.show(text);
    // Into a file: a line now and then.
    constexpr double seconds_between_lines = 60;
    if (since_line_.seconds() < seconds_between_lines) return;
    since_line_ = Stopwatch();
    say("  {}", text);
  }

  /// False: it was interrupted.
  bool evaluate(const models::TrainingPlace& place, const models::TrainedModel& student,
                const std::atomic<bool>& stop) {
    auto* evaluation = prepared_.evaluation();
    if (!evaluation || !evaluation->is_due(place)) return true;
    const Stopwatch watch;
    const auto outcome = evaluation->evaluate(
        student, place, store_, labels_,
        {.on_begun = [&](int64_t run) { recorder_.add_evaluation(place, run); },
         .runner = {.on_progress = [&](const harness::RunProgress& p) { line_.show(p); },
                    .stop = &stop}});
    for (const auto& text : evaluation_lines(evaluation->total_step(place), outcome)) {
      say("{}", text);
    }
    recorder_.rest();
    seconds_evaluating_ += watch.seconds();
    return outcome.end == harness::RunEnd::Complete;
  }

  [[nodiscard]] std::string step_text(const models::Stage& now,
                                      const models::StepReport& report) const {
    auto text = fmt::format("{} {}/{}, loss {:.4g}, gradient {:.3g}, rate {:.2e}, {}", now.name,
                            report.step + 1, now.steps, report.loss.total, report.gradient_norm,
                            report.learning_rate, human_bytes(harness::resident_bytes()));
    if (report.num_pairs > 0) {
      text += fmt::format(", {:.0f} % of {} pairs the right way round, {} cut",
                          100 * report.loss.accuracy, report.num_pairs, report.num_cut_pairs);
    }
    if (num_rows_ <= 0) return text;
    const double rate = static_cast<double>(num_rows_) / (watch_.seconds() - seconds_evaluating_);
    const auto rows_left = (now.steps - report.step - 1) * now.tokens_per_step;
    return text + fmt::format(", {} tokens/s, {} left of this stage",
                              with_thousands(static_cast<int64_t>(rate)),
                              human_seconds(static_cast<double>(rows_left) / rate));
  }

  void on_validation(const models::Validation& validation) {
    recorder_.add(validation);
    last_ = validation;
    auto text = fmt::format("  '{}' step {}: held-out perplexity {:.4g}",
                            stage(validation.place.stage).name, validation.place.next_step,
                            validation.loss.perplexity());
    if (teachers_) {
      text += fmt::format(", {:.3f} times the teacher's",
                          validation.loss.perplexity() / teachers_->perplexity());
    }
    say("{}", text);
  }

  harness::PreparedTraining& prepared_;
  harness::TrainingRecorder& recorder_;
  reports::Store& store_;
  harness::EvaluationLabels labels_;
  ProgressLine line_;
  int64_t announced_ = -1, num_rows_ = 0;
  Stopwatch watch_, since_line_;
  double seconds_evaluating_ = 0;  ///< since watch_ began
  std::optional<models::Validation> last_;
  std::optional<models::HeldOutLoss> teachers_;
  fs::path checkpoint_;
};

harness::TrainingRequest request_of(const TrainingVerbOptions& options) {
  return {.recipe = options.recipe,
          .base = options.base,
          .teacher = options.teacher,
          .tokenizer = options.tokenizer,
          .data_root = data_root(options.data),
          .out = options.out,
          .seed = options.seed,
          .evaluation = request_of(options.evaluation),
          .skip_bad_lines = options.skip_bad_lines,
          .reads_data = !options.dry_run};
}

void print_plan(const harness::PreparedTraining& prepared, const TrainingVerbOptions& options) {
  std::optional<models::Device> device;
  if (!options.device.empty()) device = device_for(options.device, prepared.recipe().type);
  const auto* base = prepared.base();
  const auto* teacher = prepared.teacher();
  FactPage page;
  if (base) page.push_back(student_facts(base->config(), prepared.student()));
  const models::StageModels models{.student = prepared.student(),
                                   .base = base ? &base->config() : nullptr,
                                   .teacher = teacher != base ? &teacher->config() : nullptr};
  const auto planned = plan_facts(prepared.recipe(), models, device);
  page.insert(page.end(), planned.begin(), planned.end());
  print_facts(page, options.json);
}

void tell_student(const harness::PreparedTraining& prepared, const models::Training& training) {
  print_out(fmt::format("student: {}\n", prepared.write_student(training).string()));
}

void tell_result(const Narrator& narrator) {
  const auto& last = narrator.last_validation();
  if (!last) return;
  auto text = fmt::format("held-out perplexity {:.4f}", last->loss.perplexity());
  if (const auto& teachers = narrator.teachers()) {
    text += fmt::format(", the teacher's {:.4f}, ratio {:.4f}", teachers->perplexity(),
                        last->loss.perplexity() / teachers->perplexity());
  }
  print_out(text + "\n");
}

void refuse_another_verbs_recipe(const TrainingVerbOptions& options) {
  const auto recipe = harness::open_recipe(request_of(options));
  const bool is_fresh = std::holds_alternative<models::FreshStudent>(recipe.student);
  require(is_fresh == options.is_fresh, "recipe '{}' {}; `hylo {}` carries it out", recipe.name,
          is_fresh ? "begins with random weights" : "makes its student of another model",
          is_fresh ? "train" : "distill");
}

/// The first error is the one to be told, whatever the store says.
void note_failure(harness::TrainingRecorder& recorder, const std::exception& error) {
  try {
    recorder.fail(error.what());
  } catch (const std::exception& second) {
    fmt::print(stderr, "hylo: the failure could not be recorded: {}\n", second.what());
  }
}

harness::EvaluationLabels evaluation_labels(const TrainingVerbOptions& options,
                                            const harness::TrainingRecorder& recorder) {
  return {
      .training = options.name.empty() ? fmt::format("training-{}", recorder.id()) : options.name,
      .argv = own_command_line()};
}

void end_on_interrupt(ProgressLine& line, const char* how_it_goes_on) {
  if (!end_cleanly_on_interrupt()) return;
  line.clear();
  fmt::print(stderr, "hylo: interrupted; the same command {}\n", how_it_goes_on);
  throw CLI::RuntimeError(interrupted_exit_code());
}

harness::TrainingNotices notices_on(ProgressLine& line) {
  return {.on_note =
              [&](const std::string& note) {
                line.clear();
                fmt::print(stderr, "{}\n", note);
              },
          .on_written =
              [&](const std::string& source, int64_t done, int64_t all) {
                line.show(fmt::format("{}: the teacher has written {} of {} documents", source,
                                      with_thousands(done), with_thousands(all)));
                end_on_interrupt(line, "goes on with the pieces that the teacher has finished");
              },
          .on_kept =
              [&](const std::string& source, int64_t done, int64_t all) {
                line.show(fmt::format("{}: the teacher's logits are kept for {} of {} tokens",
                                      source, with_thousands(done), with_thousands(all)));
                end_on_interrupt(line, "begins the file of these logits anew");
              }};
}

void train(const TrainingVerbOptions& options) {
  require(options.dry_run || !options.out.empty(),
          "expected --out FOLDER for checkpoints and the student, or --dry-run");
  require(options.dry_run || (options.device.empty() && !options.json),
          "--device and --json are for --dry-run");
  refuse_another_verbs_recipe(options);
  if (options.threads) models::Engine::set_num_threads(static_cast<int>(*options.threads));
  ProgressLine writing;
  const auto notices = notices_on(writing);
  harness::PreparedTraining prepared(request_of(options), notices);
  if (options.dry_run) return print_plan(prepared, options);
  models::give_large_blocks_back();
  models::Training training(prepared.plan(), options.out);
  if (training.is_complete()) {
    fmt::print(stderr, "every stage is done{}\n",
               prepared.evaluation()
                   ? "; what was not asked meanwhile, `hylo eval` asks the student"
                   : "");
    return tell_student(prepared, training);
  }
  prepared.keep_logits(notices);
  writing.clear();
  auto store = reports::Store::open(store_file(options.store));
  harness::TrainingRecorder recorder(store, prepared, training,
                                     {options.name, own_command_line(), options.out});
  Narrator narrator(prepared, recorder, store, evaluation_labels(options, recorder));
  try {
    narrator.begin(training);
    training.run(narrator.events(end_cleanly_on_interrupt()));
  } catch (const std::exception& error) {
    note_failure(recorder, error);
    throw;
  }
  narrator.clear();
  if (training.is_complete()) {
    recorder.finish();
    tell_result(narrator);
    return tell_student(prepared, training);
  }
  recorder.stop();
  fmt::print(stderr, "hylo: interrupted; the same command goes on from {}\n",
             narrator.checkpoint().string());
  throw CLI::RuntimeError(interrupted_exit_code());
}

void add_training_options(CLI::App& verb, const std::shared_ptr<TrainingVerbOptions>& options) {
  verb.add_option("--recipe", options->recipe, "a file, or the name of a recipe that ships")
      ->required();
  verb.add_option("--tokenizer", options->tokenizer, "folder or file, if not the base's");
  verb.add_option("--data", options->data,
                  "folder in which paths of data begin, and the tasks' data lie; else HYLO_DATA");
  verb.add_option("--out", options->out,
                  "folder of checkpoints and, in the end, the student; where it holds checkpoints "
                  "of this training, it goes on from the newest");
  verb.add_option("--name", options->name, "of the run in the store");
  verb.add_option("--store", options->store, "SQLite file; else HYLO_STORE, else hylo.db");
  verb.add_option("--seed", options->seed, "instead of the recipe's");
  verb.add_option("--threads", options->threads, "threads to run on, else all")
      ->check(whole_number(1, 1024));
  add_evaluation_options(verb, options->evaluation);
  verb.add_flag("--skip-bad-lines", options->skip_bad_lines,
                "count lines that are no document and go on");
  verb.add_flag("--dry-run", options->dry_run,
                "open the models, print what each stage takes: tokens, operations, memory; read no "
                "data, write nothing");
  verb.add_option(
      "--device", options->device,
      "with --dry-run: device-hours on this one, here (measured now) or mi300x, h100-sxm, "
      "...");
  verb.add_flag("--json", options->json, "with --dry-run: one JSON document");
  verb.callback([options] { train(*options); });
}

}  // namespace

void add_distill(CLI::App& program) {
  auto& verb = add_verb(
      program, "distill", "train a hybrid with the guidance of the model that it was made of",
      {{"hylo distill --recipe stories-demo --base tests/fixtures/stories260k --out ./run",
        "made, aligned and distilled; again the same command goes on where it stopped"},
       {"hylo distill --recipe hylo-llama-1b-4mla12gdn-8k --base ~/Llama-3.2-1B --teacher "
        "~/Llama-3.1-8B --out "
        "./run",
        "logits from a larger teacher of the same vocabulary"},
       {"hylo distill --recipe stories-demo --base tests/fixtures/stories260k --out ./run "
        "--eval-tasks story_openings --eval-every 100",
        "the student answers a task of `hylo eval` every 100 steps and at the end"}});
  const auto options = std::make_shared<TrainingVerbOptions>();
  verb.add_option("--base", options->base, "checkpoint of whose layers the student is made");
  verb.add_option("--teacher", options->teacher, "checkpoint that gives the logits, else the base");
  add_training_options(verb, options);
}

void add_train(CLI::App& program) {
  auto& verb = add_verb(program, "train", "train a small network from random weights",
                        {{"hylo train --recipe ./tiny.json --tokenizer ./tokenizer --out ./teacher",
                          "a teacher to try things on"}});
  const auto options = std::make_shared<TrainingVerbOptions>();
  options->is_fresh = true;
  add_training_options(verb, options);
}

}  // namespace hylo::cli
