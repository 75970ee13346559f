#include "models/distill/stage.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <cctype>
#include <cmath>

#include "harness/base/error.h"
#include "models/distill/read_numbers.h"

namespace hylo::models {
namespace {

AdamWOptions read_optimizer(JsonReader& stage) {
  const auto json = stage.get_or<Json>("optimizer", nullptr);
  if (json.is_null()) return {};
  JsonReader reader(json, stage.path_of("optimizer"));
  const auto kind = reader.get_or<std::string>("kind", "adamw");
  require(kind == "adamw", "{}: expected adamw, found '{}'", reader.path_of("kind"), kind);
  const auto betas = reader.get_or<std::vector<double>>("betas", {0.9, 0.95});
  require(betas.size() == 2 && std::ranges::all_of(betas, [](double b) { return b >= 0 && b < 1; }),
          "{}: expected two numbers from 0 to below 1, found [{}]", reader.path_of("betas"),
          fmt::join(betas, ", "));
  const AdamWOptions options{betas[0], betas[1], read_from_0(reader, "epsilon", 1e-8),
                             read_from_0(reader, "weight_decay", 0)};
  reader.done();
  return options;
}

/// Logits of routers are not kept of layers that are recomputed.
RouterLoss read_router(JsonReader& reader, const Stage& stage) {
  const auto json = reader.get_or<Json>("router", nullptr);
  if (json.is_null()) return {};
  JsonReader router(json, reader.path_of("router"));
  const RouterLoss loss{read_from_0(router, "balance_weight", 0),
                        read_from_0(router, "z_weight", 0)};
  router.done();
  require(!loss.is_active() || runs_whole_student(stage.objective),
          "{}: layers that are aligned one by one have no loss of routers",
          reader.path_of("router"));
  require(!loss.is_active() || !stage.recompute_layers,
          "{}: where layers are recomputed, logits of routers are not kept; leave out "
          "recompute_layers",
          reader.path_of("router"));
  return loss;
}

std::optional<Stretch> read_yarn(JsonReader& stage) {
  const auto json = stage.get_or<Json>("yarn", nullptr);
  if (json.is_null()) return {};
  JsonReader reader(json, stage.path_of("yarn"));
  const Stretch stretch{reader.get<double>("factor"), read_count(reader, "original_length", 1)};
  require(stretch.factor >= 1, "{}: expected a factor from 1 on, found {}",
          reader.path_of("factor"), stretch.factor);
  reader.done();
  return stretch;
}

std::map<std::string, double> read_shares(JsonReader& stage) {
  const auto shares = stage.get_or<std::map<std::string, double>>("data", {});
  for (const auto& [name, share] : shares) {
    require(share > 0, "{}.{}: expected a share above 0, found {}", stage.path_of("data"), name,
            share);
  }
  return shares;
}

/// A pair has two texts, neither of which is cut for want of rows.
void check_pairs(const JsonReader& reader, const Stage& stage) {
  const auto* prefer = std::get_if<Prefer>(&stage.objective);
  if (!prefer) return;
  require(prefer->max_prompt_tokens < stage.context_length,
          "{}: expected less than the context_length {}, found {}",
          reader.path_of("max_prompt_tokens"), stage.context_length, prefer->max_prompt_tokens);
  for (const auto& [key, rows] : {std::pair("tokens_per_pass", stage.tokens_per_pass),
                                  std::pair("tokens_per_step", stage.tokens_per_step)}) {
    require(rows >= 2 * stage.context_length,
            "{}: {} rows cannot hold the two texts of a pair of context_length {}",
            reader.path_of(key), rows, stage.context_length);
  }
}

void check_sizes(const JsonReader& reader, const Stage& stage) {
  require(!std::holds_alternative<AlignMixing>(stage.objective) ||
              stage.context_length <= AlignMixing::max_context,
          "{}: align_mixing holds a matrix of so many rows and columns for each head; expected at "
          "most {}, found {}",
          reader.path_of("context_length"), AlignMixing::max_context, stage.context_length);
  require(stage.tokens_per_pass >= stage.context_length,
          "{}: {} rows cannot hold one sequence of context_length {}",
          reader.path_of("tokens_per_pass"), stage.tokens_per_pass, stage.context_length);
  require(stage.tokens_per_step >= stage.context_length,
          "{}: {} rows cannot hold one sequence of context_length {}",
          reader.path_of("tokens_per_step"), stage.tokens_per_step, stage.context_length);
}

/// Names are parts of file names.
void check_name(const std::string& name, const std::string& path) {
  const bool is_plain = !name.empty() && std::ranges::all_of(name, [](unsigned char c) {
    return std::isalnum(c) != 0 || c == '-' || c == '_';
  });
  require(is_plain, "{}: expected letters, digits, - and _, found '{}'", path, name);
}

void check_warmup(const JsonReader& reader, const Stage& stage) {
  const auto* wsd = std::get_if<WarmupStableDecay>(&stage.schedule);
  const auto warmup =
      std::visit([](const auto& schedule) { return schedule.warmup_steps; }, stage.schedule);
  const auto taken = warmup + (wsd ? wsd->decay_steps : 0);
  require(warmup < stage.steps && taken <= stage.steps,
          "{}: {} steps of warm-up and decay do not fit in the stage's {}",
          reader.path_of("schedule"), taken, stage.steps);
}

template <class Spec>
void stretch_rope(Spec& spec, const Stretch& stretch) {
  if (spec.rope.width == 0) return;
  spec.rope.scaling = stretch.factor == 1 ? RopeScaling()
                                          : YarnScaling{.factor = stretch.factor,
                                                        .original_length = stretch.original_length};
}

}  // namespace

Stage read_stage(const Json& json, const std::string& path) {
  JsonReader reader(json, path);
  Stage stage{.name = reader.get<std::string>("name"), .objective = read_objective(reader)};
  check_name(stage.name, reader.path_of("name"));
  stage.steps = read_count(reader, "steps", 1);
  stage.context_length = read_count(reader, "context_length", 2);
  stage.tokens_per_step = read_count(reader, "tokens_per_step", 2);
  stage.tokens_per_pass = read_count_or(reader, "tokens_per_pass", stage.tokens_per_step);
  check_sizes(reader, stage);
  check_pairs(reader, stage);
  stage.peak_learning_rate = reader.get<double>("peak_learning_rate");
  require(stage.peak_learning_rate > 0, "{}: expected a number above 0, found {}",
          reader.path_of("peak_learning_rate"), stage.peak_learning_rate);
  stage.schedule = read_rate_schedule(reader.at("schedule"), reader.path_of("schedule"));
  check_warmup(reader, stage);
  stage.optimizer = read_optimizer(reader);
  stage.max_gradient_norm = read_from_0(reader, "max_gradient_norm", 1);
  stage.decays_vectors = reader.get_or<bool>("decays_vectors", false);
  stage.frozen = reader.get_or<std::vector<std::string>>("frozen", {});
  stage.recompute_layers = reader.get_or<bool>("recompute_layers", false);
  stage.router = read_router(reader, stage);
  stage.yarn = read_yarn(reader);
  stage.data = read_shares(reader);
  stage.validate_every = read_count_or(reader, "validate_every", 0);
  stage.checkpoint_every = read_count_or(reader, "checkpoint_every", 0);
  reader.done();
  return stage;
}

OrderedJson describe(const Stage& stage) {
  OrderedJson json{{"name", stage.name}};
  describe(stage.objective, json);
  json.update({{"steps", stage.steps},
               {"context_length", stage.context_length},
               {"tokens_per_step", stage.tokens_per_step},
               {"tokens_per_pass", stage.tokens_per_pass},
               {"peak_learning_rate", stage.peak_learning_rate},
               {"schedule", describe(stage.schedule)},
               {"optimizer",
                {{"kind", "adamw"},
                 {"betas", {stage.optimizer.beta1, stage.optimizer.beta2}},
                 {"epsilon", stage.optimizer.epsilon},
                 {"weight_decay", stage.optimizer.weight_decay}}},
               {"max_gradient_norm", stage.max_gradient_norm},
               {"decays_vectors", stage.decays_vectors},
               {"frozen", stage.frozen},
               {"recompute_layers", stage.recompute_layers},
               {"data", stage.data},
               {"validate_every", stage.validate_every},
               {"checkpoint_every", stage.checkpoint_every}});
  if (stage.router.is_active()) {
    json["router"] = {{"balance_weight", stage.router.balance_weight},
                      {"z_weight", stage.router.z_weight}};
  }
  if (stage.yarn) {
    json["yarn"] = {{"factor", stage.yarn->factor},
                    {"original_length", stage.yarn->original_length}};
  }
  return json;
}

void check_shares(const Stage& stage, const std::vector<std::string>& sources) {
  for (const auto& [name, share] : stage.data) {
    require(std::ranges::find(sources, name) != sources.end(),
            "stage '{}': data names '{}', which is no source of the recipe", stage.name, name);
  }
}

int64_t longest_context(std::span<const Stage> stages) {
  int64_t longest = 0;
  for (const auto& stage : stages) longest = std::max(longest, stage.context_length);
  return longest;
}

ModelConfig stretched(ModelConfig config, const Stretch& stretch) {
  for (auto& layer : config.layers) {
    if (auto* attention = std::get_if<AttentionSpec>(&layer.mixer)) {
      stretch_rope(*attention, stretch);
    } else if (auto* mla = std::get_if<MlaSpec>(&layer.mixer)) {
      stretch_rope(*mla, stretch);
    }
  }
  const auto reach = std::llround(stretch.factor * static_cast<double>(stretch.original_length));
  config.max_positions = std::max<int64_t>(config.max_positions, reach);
  return config;
}

}  // namespace hylo::models
