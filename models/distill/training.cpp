#include "models/distill/training.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <span>
#include <system_error>

#include "harness/base/clock.h"
#include "harness/base/error.h"
#include "harness/base/random.h"
#include "models/config/own_config.h"
#include "models/distill/plan.h"
#include "models/distill/stage_fits.h"
#include "models/distill/training_flop.h"
#include "models/weights/number_types.h"

namespace hylo::models {
namespace {

/// Rows of one validation call: enough for the products, few enough for the logits.
constexpr int64_t validation_rows = 4096;

const at::Tensor* tensor_named(const NamedTensors& tensors, const std::string& name) {
  const auto found = std::ranges::find(tensors, name, [](const auto& t) { return t.first; });
  return found == tensors.end() ? nullptr : &found->second;
}

void fill(const NamedTensors& views, const NamedTensors& stored,
          const std::filesystem::path& checkpoint) {
  require(views.size() == stored.size(), "{}: holds {} tensors of the optimiser, expected {}",
          checkpoint.string(), stored.size(), views.size());
  for (const auto& [name, view] : views) {
    const auto* found = tensor_named(stored, name);
    require(found && found->sizes() == view.sizes() && found->scalar_type() == view.scalar_type(),
            "{}: lacks the optimiser's '{}', or it has another shape or type", checkpoint.string(),
            name);
    view.copy_(*found);
  }
}

constexpr const char* held_out_name = "held_out";

/// Layers are aligned with those that they were made of.
const Decoder* teacher_of(const TrainingPlan& plan, const Stage& stage) {
  return aligns_with_base(stage.objective) ? plan.base : plan.teacher;
}

}  // namespace

Json lasting_part(Json recipe) {
  for (const auto* key : {"notes", "evaluation"}) recipe.erase(key);
  for (auto& stage : recipe["stages"]) {
    for (const auto* key : {"validate_every", "checkpoint_every"}) stage.erase(key);
  }
  return recipe;
}

Training::Training(TrainingPlan plan, std::filesystem::path folder)
    : plan_(std::move(plan)),
      folder_(std::move(folder)),
      checkpoints_(folder_ / "checkpoints"),
      data_description_(describe_data()) {
  check();
  std::error_code failure;
  std::filesystem::create_directories(folder_ / "checkpoints", failure);
  require(!failure, "{}: cannot be made: {}", folder_.string(), failure.message());
  if (const auto newest = checkpoints_.newest()) {
    resume(*newest);
  } else {
    begin();
  }
}

void Training::check() const {
  require(!plan_.stages.empty(), "the recipe has no stages");
  std::vector<std::string> sources;
  for (const auto& source : plan_.sources) sources.push_back(source.name);
  for (const auto& stage : plan_.stages) {
    require(!needs_teacher(stage.objective) || teacher_of(plan_, stage),
            "stage '{}' ({}) learns from a teacher; name one", stage.name,
            name_of(stage.objective));
    check_shares(stage, sources);
    for (const auto& source : sources_of(stage)) {
      require(source.documents->holds_pairs() == std::holds_alternative<Prefer>(stage.objective),
              "stage '{}' ({}): source '{}' holds {}pairs of preferences", stage.name,
              name_of(stage.objective), source.name, source.documents->holds_pairs() ? "" : "no ");
    }
  }
  check_stages();
  if (plan_.teacher) check_vocabulary(plan_.teacher->config(), plan_.student);
}

void Training::check_stages() const {
  for (int64_t i = 0; i < std::ssize(plan_.stages); ++i) {
    const auto& stage = plan_.stages[static_cast<size_t>(i)];
    check_fits(stage, plan_.base ? &plan_.base->config() : nullptr, plan_.student);
    const auto reach = config_of(i).max_positions;
    require(reach == 0 || stage.context_length <= reach,
            "stage '{}': a context_length of {} is beyond the {} positions of the student; stretch "
            "them with \"yarn\"",
            stage.name, stage.context_length, reach);
  }
}

/// What must be as it was. Files may lie elsewhere: data are told by their hashes.
Json Training::description() const {
  auto recipe = lasting_part(plan_.recipe);
  for (const auto* key : {"name", "source", "base", "teacher", "data", "held_out"}) {
    recipe.erase(key);
  }
  const auto config_json = [](const ModelConfig& config) {
    return Json::parse(write_own_config(config).dump());
  };
  Json description{{"recipe", recipe},
                   {"student", config_json(plan_.student)},
                   {"weights_of_teachers", plan_.provenance.teacher_sha256},
                   {"type", type_name(plan_.type)},
                   {"seed", plan_.seed},
                   {"data", data_description_}};
  if (plan_.teacher) description["teacher"] = config_json(plan_.teacher->config());
  if (plan_.held_out_pairs) description["held_out_pairs"] = plan_.held_out_pairs->sha256();
  return description;
}

Json Training::describe_data() const {
  auto data = Json::object();
  for (const auto& source : plan_.sources) {
    data[source.name] = {{"sha256", source.documents->sha256()},
                         {"tokenizer", source.documents->tokenizer_sha256()},
                         {"weight", source.weight}};
  }
  return data;
}

/// The student's, with the frequencies that this stage or the last one before it asks for.
ModelConfig Training::config_of(int64_t stage) const {
  for (auto i = std::min<int64_t>(stage, std::ssize(plan_.stages) - 1); i >= 0; --i) {
    const auto& yarn = plan_.stages[static_cast<size_t>(i)].yarn;
    if (yarn) return stretched(plan_.student, *yarn);
  }
  return plan_.student;
}

void Training::make_student(const ModelWeights& weights, const Stage& stage) {
  student_ =
      std::make_unique<TrainedModel>(config_of(place_.stage), weights,
                                     TrainedModelOptions{.type = scalar_type(plan_.type),
                                                         .frozen = stage.frozen,
                                                         .decays_vectors = stage.decays_vectors});
}

void Training::begin() { make_student(plan_.initial(), plan_.stages.front()); }

void Training::resume(const std::filesystem::path& checkpoint) {
  state_ = TrainingCheckpoints::read(checkpoint);
  const auto changed = differences(description(), state_->plan);
  require(changed.empty(),
          "{}: belongs to another training; what differs:\n  {}\nname another output folder, or "
          "take the change back",
          checkpoint.string(), fmt::join(changed, "\n  "));
  place_ = state_->place;
  spent_ = state_->spent;
  const bool is_end = place_ == TrainingPlace{std::ssize(plan_.stages), 0};
  const bool is_within = place_.stage >= 0 && place_.stage < std::ssize(plan_.stages) &&
                         place_.next_step >= 0 &&
                         place_.next_step <= plan_.stages[static_cast<size_t>(place_.stage)].steps;
  require(is_end || is_within, "{}: step {} of stage {} is none of the recipe's",
          checkpoint.string(), place_.next_step, place_.stage);
  const auto last = std::min<int64_t>(place_.stage, std::ssize(plan_.stages) - 1);
  make_student(open_checkpoint(checkpoint).weights, plan_.stages[static_cast<size_t>(last)]);
  resumed_from_ = checkpoint;
}

/// Those that the stage names, or all of its kind.
std::vector<TokenSource> Training::sources_of(const Stage& stage) const {
  const bool wants_pairs = std::holds_alternative<Prefer>(stage.objective);
  std::vector<TokenSource> sources;
  for (const auto& source : plan_.sources) {
    if (stage.data.empty()) {
      if (source.documents->holds_pairs() == wants_pairs) sources.push_back(source);
    } else if (const auto share = stage.data.find(source.name); share != stage.data.end()) {
      sources.push_back({source.name, source.documents, share->second});
    }
  }
  require(!sources.empty(), "stage '{}' ({}): the recipe's data hold {} for it", stage.name,
          name_of(stage.objective), wants_pairs ? "no pairs of preferences" : "no texts");
  return sources;
}

TokenStream Training::stream_of(const Stage& stage) const {
  const auto* prefer = std::get_if<Prefer>(&stage.objective);
  return {sources_of(stage),
          {.context_length = stage.context_length,
           .tokens_per_batch = stage.tokens_per_step,
           // Each stage reads in an order of its own.
           .seed = CounterRandom(plan_.seed, static_cast<uint64_t>(place_.stage)).next(),
           .keeps_pieces = kept_top_k(stage.objective) > 0,
           .max_prompt_tokens = prefer ? prefer->max_prompt_tokens : 0}};
}

/// Of all pairs of the stage, from the student as it is now or from the teacher.
NamedTensors Training::reference_of(const Stage& stage) const {
  const auto* prefer = std::get_if<Prefer>(&stage.objective);
  if (!prefer) return {};
  const bool is_teacher = prefer->reference == Prefer::Reference::Teacher;
  const auto& reference = is_teacher ? *plan_.teacher : student_->decoder();
  const auto of = [&](const TokenDocuments& pairs) {
    return reference_likelihoods(
        reference, pairs, {stage.context_length, prefer->max_prompt_tokens}, stage.tokens_per_pass);
  };
  NamedTensors likelihoods;
  for (const auto& source : sources_of(stage)) {
    likelihoods.emplace_back(reference_name(source.name), of(*source.documents));
  }
  if (plan_.held_out_pairs) likelihoods.emplace_back(held_out_name, of(*plan_.held_out_pairs));
  return likelihoods;
}

/// The same from the checkpoint, whose student is not the reference any more.
NamedTensors Training::stored_reference(const Stage& stage) const {
  if (!std::holds_alternative<Prefer>(stage.objective)) return {};
  const auto check_pairs = [&](const std::string& name, const TokenDocuments& pairs) {
    const auto* found = tensor_named(state_->reference, name);
    require(found && found->scalar_type() == at::kDouble &&
                found->sizes() == at::IntArrayRef({pairs.size(), 2}),
            "{}: lacks what the reference gave the pairs of '{}'", resumed_from_->string(), name);
  };
  for (const auto& source : sources_of(stage)) {
    check_pairs(reference_name(source.name), *source.documents);
  }
  if (plan_.held_out_pairs) check_pairs(held_out_name, *plan_.held_out_pairs);
  return state_->reference;
}

NamedTensors Training::likeliest_of(const Stage& stage) const {
  const auto top_k = kept_top_k(stage.objective);
  if (top_k == 0) return {};
  const auto kept = plan_.likeliest ? plan_.likeliest(place_.stage) : NamedTensors();
  require(!kept.empty(), "stage '{}': nothing was kept of its teacher", stage.name);
  for (const auto& source : sources_of(stage)) {
    const auto* rows = tensor_named(kept, source.name);
    require(rows && rows->sizes() == at::IntArrayRef({source.documents->num_tokens(), 2, top_k}),
            "stage '{}': of its teacher not {} tokens for each of the {} of '{}' were kept",
            stage.name, top_k, source.documents->num_tokens(), source.name);
  }
  return kept;
}

void Training::report_validation(const Stage& stage, const StageRun& run,
                                 const TrainingEvents& events) const {
  const auto& student = student_->decoder();
  if (plan_.held_out) events.on_validation({place_, validate(student)});
  const auto* prefer = std::get_if<Prefer>(&stage.objective);
  if (!prefer || !plan_.held_out_pairs || !events.on_preferences) return;
  events.on_preferences({place_, score_preferences(student, *prefer, *plan_.held_out_pairs,
                                                   *tensor_named(run.reference(), held_out_name),
                                                   stage.context_length, stage.tokens_per_pass)});
}

void Training::tell_if_base_is_done(const TrainingEvents& events) {
  if (!plan_.base) return;
  const auto rest = std::span(plan_.stages).subspan(static_cast<size_t>(place_.stage));
  if (any_aligns_with_base(rest)) return;
  plan_.base = nullptr;
  if (events.on_base_done) events.on_base_done();
}

void Training::run(const TrainingEvents& events) {
  while (!is_complete()) {
    tell_if_base_is_done(events);
    const auto before = place_;
    run_stage(events);
    if (place_.stage == before.stage) return;  // Asked to stop.
    if (is_complete()) return;
    // The optimiser and the graph of the stage are gone by now.
    const auto weights = student_->weights();
    student_.reset();
    make_student(weights, plan_.stages[static_cast<size_t>(place_.stage)]);
  }
}

void Training::run_stage(const TrainingEvents& events) {
  const auto& stage = plan_.stages[static_cast<size_t>(place_.stage)];
  auto stream = stream_of(stage);
  const bool goes_on = state_ && place_.next_step > 0;
  StageRun run(stage, teacher_of(plan_, stage), *student_, folder_,
               {.reference = goes_on ? stored_reference(stage) : reference_of(stage),
                .likeliest = likeliest_of(stage)});
  if (goes_on) {
    fill(run.optimizer_state(), state_->optimizer, *resumed_from_);
    stream.seek(state_->stream_position);
    run.continue_at(place_.next_step);
  }
  state_.reset();
  if (goes_on && !is_seen(events)) return save(&run, &stream, events);
  const auto is_due = [&](int64_t every) { return every > 0 && place_.next_step % every == 0; };
  const auto row_flop = flop_of_row_in(stage);
  while (!run.is_done()) {
    const Stopwatch watch;
    const auto report = run.step(*stream.next());
    if (spent_) {
      spent_->tokens += report.num_rows;
      spent_->flop += row_flop.of(report.num_rows, report.num_labels).total();
      spent_->seconds += watch.seconds();
    }
    place_.next_step = run.next_step();
    events.on_step(place_.stage, report);
    if (!is_seen(events)) return save(&run, &stream, events);
    if (run.is_done()) break;
    if (is_due(stage.validate_every)) report_validation(stage, run, events);
    const bool stops = events.should_stop && events.should_stop();
    if (stops || is_due(stage.checkpoint_every)) save(&run, &stream, events);
    if (stops) return;
  }
  report_validation(stage, run, events);
  place_ = {place_.stage + 1, 0};
  save(nullptr, nullptr, events);
}

bool Training::is_seen(const TrainingEvents& events) const {
  return !events.on_student || events.on_student(place_, *student_);
}

/// As planned: operations of one row.
RowFlop Training::flop_of_row_in(const Stage& stage) const {
  const StageModels models{plan_.student, plan_.base ? &plan_.base->config() : nullptr,
                           plan_.teacher ? &plan_.teacher->config() : nullptr};
  return flop_of_row(stage, models);
}

void Training::save(const StageRun* run, const TokenStream* stream,
                    const TrainingEvents& events) const {
  check_finite_weights();
  TrainingCheckpoint state{.place = place_, .plan = description(), .spent = spent_};
  if (run) {
    state.optimizer = run->optimizer_state();
    state.reference = run->reference();
  }
  if (stream) state.stream_position = stream->position();
  const auto folder = checkpoints_.write(state, student_->decoder().config(), student_->weights(),
                                         plan_.provenance);
  events.on_checkpoint(place_, folder);
}

/// A step may break what the loss before it did not show.
void Training::check_finite_weights() const {
  for (const auto& tensor : student_->tensors()) {
    require(std::isfinite(norm_of(std::span(&tensor.value, 1))),
            "stage {}, step {}: '{}' is not finite any more, so nothing is saved; train into "
            "another folder with a lower peak_learning_rate, a longer warm-up or a smaller "
            "max_gradient_norm",
            place_.stage, place_.next_step, tensor.name);
  }
}

HeldOutLoss Training::validate(const Decoder& model) const {
  invariant(plan_.held_out != nullptr, "nothing is held out");
  const auto longest = longest_context(plan_.stages);
  TokenWalk walk(plan_.held_out, longest, std::max(longest, validation_rows));
  return held_out_loss(model, walk);
}

}  // namespace hylo::models
