// Objectives as keys of a stage.
#include "harness/base/error.h"
#include "harness/base/overloaded.h"
#include "models/distill/objective.h"

namespace hylo::models {
namespace {

double read_weight(JsonReader& reader, const char* key, double otherwise) {
  const auto weight = reader.get_or<double>(key, otherwise);
  require(weight >= 0, "{}: expected a weight from 0 on, found {}", reader.path_of(key), weight);
  return weight;
}

kernels::KlDirection read_direction(JsonReader& reader) {
  const auto name = reader.get_or<std::string>("direction", "forward");
  require(name == "forward" || name == "reverse", "{}: expected forward or reverse, found '{}'",
          reader.path_of("direction"), name);
  return name == "forward" ? kernels::KlDirection::Forward : kernels::KlDirection::Reverse;
}

/// {"top_k": 64}; 0 where the teacher runs beside the student.
int64_t read_teacher_logits(JsonReader& stage) {
  const auto json = stage.get_or<Json>("teacher_logits", nullptr);
  if (json.is_null()) return 0;
  JsonReader reader(json, stage.path_of("teacher_logits"));
  const auto top_k = reader.get<int64_t>("top_k");
  require(top_k > 0, "{}: expected 1 or more, found {}", reader.path_of("top_k"), top_k);
  reader.done();
  return top_k;
}

DistilLogits read_distil_logits(JsonReader& reader) {
  const DistilLogits objective{.kl_weight = read_weight(reader, "kl_weight", 1),
                               .ce_weight = read_weight(reader, "ce_weight", 0),
                               .temperature = reader.get_or<double>("temperature", 1),
                               .direction = read_direction(reader),
                               .only_labels = reader.get_or<bool>("only_labels", false),
                               .top_k = read_teacher_logits(reader)};
  require(objective.temperature > 0, "{}: expected a temperature above 0, found {}",
          reader.path_of("temperature"), objective.temperature);
  require(objective.kl_weight > 0,
          "{}: expected a weight above 0; without a teacher the kind is next_token",
          reader.path_of("kl_weight"));
  require(objective.top_k == 0 ||
              (objective.temperature == 1 && objective.direction == kernels::KlDirection::Forward),
          "{}: of the likeliest tokens there is the forward divergence at temperature 1 only",
          reader.path_of("teacher_logits"));
  return objective;
}

Prefer read_prefer(JsonReader& reader) {
  const auto word = reader.get_or<std::string>("reference", "student");
  require(word == "student" || word == "teacher", "{}: expected student or teacher, found '{}'",
          reader.path_of("reference"), word);
  const Prefer objective{
      .beta = reader.get_or<double>("beta", 0.1),
      .label_smoothing = read_weight(reader, "label_smoothing", 0),
      .reference = word == "student" ? Prefer::Reference::Student : Prefer::Reference::Teacher,
      .max_prompt_tokens = reader.get<int64_t>("max_prompt_tokens")};
  require(objective.beta > 0, "{}: expected a number above 0, found {}", reader.path_of("beta"),
          objective.beta);
  require(objective.label_smoothing < 0.5, "{}: expected less than 0.5, found {}",
          reader.path_of("label_smoothing"), objective.label_smoothing);
  require(objective.max_prompt_tokens > 0, "{}: expected 1 or more, found {}",
          reader.path_of("max_prompt_tokens"), objective.max_prompt_tokens);
  return objective;
}

}  // namespace

Objective read_objective(JsonReader& stage) {
  const auto kind = stage.get<std::string>("kind");
  if (kind == "align_layers") {
    return AlignLayers{read_weight(stage, "layer_weight", 1),
                       read_weight(stage, "mixer_weight", 1)};
  }
  if (kind == "align_mixing") return AlignMixing{};
  if (kind == "distill_logits") return read_distil_logits(stage);
  if (kind == "prefer") return read_prefer(stage);
  require(kind == "next_token",
          "{}: expected align_layers, align_mixing, distill_logits, next_token or prefer, found "
          "'{}'",
          stage.path_of("kind"), kind);
  return NextToken{read_weight(stage, "z_loss", 0)};
}

void describe(const Objective& objective, OrderedJson& stage) {
  stage["kind"] = name_of(objective);
  std::visit(overloaded{[&](const AlignLayers& o) {
                          stage["layer_weight"] = o.layer_weight;
                          stage["mixer_weight"] = o.mixer_weight;
                        },
                        [](const AlignMixing&) {},
                        [&](const DistilLogits& o) {
                          stage["kl_weight"] = o.kl_weight;
                          stage["ce_weight"] = o.ce_weight;
                          stage["temperature"] = o.temperature;
                          stage["direction"] =
                              o.direction == kernels::KlDirection::Forward ? "forward" : "reverse";
                          stage["only_labels"] = o.only_labels;
                          if (o.top_k > 0) stage["teacher_logits"] = {{"top_k", o.top_k}};
                        },
                        [&](const NextToken& o) { stage["z_loss"] = o.z_loss; },
                        [&](const Prefer& o) {
                          stage["beta"] = o.beta;
                          stage["label_smoothing"] = o.label_smoothing;
                          stage["reference"] =
                              o.reference == Prefer::Reference::Student ? "student" : "teacher";
                          stage["max_prompt_tokens"] = o.max_prompt_tokens;
                        }},
             objective);
}

}  // namespace hylo::models
