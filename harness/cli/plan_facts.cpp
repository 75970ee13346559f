#include "harness/cli/plan_facts.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <span>
#include <utility>
#include <vector>

#include "harness/base/units.h"
#include "models/engine/machine.h"

namespace hylo::cli {
namespace {

using models::StagePlan;

std::string flop_text(double flop) {
  constexpr std::pair<double, const char*> units[] = {
      {1e18, "EFLOP"}, {1e15, "PFLOP"}, {1e12, "TFLOP"}, {1e9, "GFLOP"}};
  for (const auto& [size, name] : units) {
    if (flop >= size) return fmt::format("{:.3g} {}", flop / size, name);
  }
  return fmt::format("{:.3g} MFLOP", flop / 1e6);
}

Fact flop_fact(const models::StageFlop& flop, bool is_at_most) {
  return {"flop",
          {{"total", flop.total()},
           {"forward", flop.forward},
           {"backward", flop.backward},
           {"recomputation", flop.recomputation},
           {"teacher", flop.teacher},
           {"is_at_most", is_at_most}},
          fmt::format("{}: forward {}, backward {}, computed again {}, teacher {}{}",
                      flop_text(flop.total()), flop_text(flop.forward), flop_text(flop.backward),
                      flop_text(flop.recomputation), flop_text(flop.teacher),
                      is_at_most ? "\nat most: rows without a label form fewer logits, and how many "
                                   "of the data's have one is not looked at"
                                 : "")};
}

std::vector<std::pair<const char*, int64_t>> parts_of(const models::MomentMemory& memory) {
  return {{"student", memory.weights},
          {"masters", memory.masters},
          {"teachers", memory.teachers},
          {"optimizer", memory.optimizer},
          {"gradients", memory.gradients},
          {"head_gradient", memory.head_gradient},
          {"activations", memory.activations},
          {"teacher_rows", memory.teacher_rows},
          {"loss", memory.loss},
          {"scratch", memory.scratch}};
}

Fact memory_fact(const StagePlan& plan, const std::optional<models::Device>& device) {
  const auto& largest = plan.largest();
  OrderedJson json{{"peak_bytes", largest.total()}, {"moment", largest.moment}};
  std::vector<std::string> texts;
  for (const auto& [name, bytes] : parts_of(largest)) {
    json[name] = bytes;
    auto words = std::string(name);
    std::ranges::replace(words, '_', ' ');
    if (bytes > 0) texts.push_back(fmt::format("{} {}", words, human_bytes(bytes)));
  }
  const bool is_too_much = device && largest.total() > device->memory_bytes;
  const auto room =
      is_too_much ? fmt::format("; {} has {}", device->name, human_bytes(device->memory_bytes))
                  : std::string();
  return {"memory", std::move(json),
          fmt::format("{} at its largest ({}){}\n{}", human_bytes(largest.total()), largest.moment,
                      room, fmt::join(texts, ", ")),
          is_too_much};
}

double device_seconds(const models::StageFlop& flop, const models::Device& device,
                      models::NumberType type) {
  return flop.total() / (device.flop_per_second(type) * models::planned_utilisation);
}

Fact time_fact(double seconds) {
  return {"device_hours", seconds / 3600,
          fmt::format("{:.3g} ({} on one device)", seconds / 3600, human_seconds(seconds))};
}

FactSection stage_section(const models::Stage& stage, const StagePlan& plan,
                          const models::Recipe& recipe,
                          const std::optional<models::Device>& device) {
  FactSection section{
      "stage_" + stage.name,
      {{"kind", models::name_of(stage.objective), models::name_of(stage.objective)},
       {"tokens", plan.tokens,
        fmt::format("{}: {} steps of {}, context {}", with_thousands(plan.tokens),
                    with_thousands(stage.steps), with_thousands(stage.tokens_per_step),
                    with_thousands(stage.context_length))},
       flop_fact(plan.flop, models::labels_decide_logits(stage.objective)),
       memory_fact(plan, device)}};
  if (device) {
    section.facts.push_back(time_fact(device_seconds(plan.flop, *device, recipe.type)));
  }
  return section;
}

FactSection device_section(const models::Device& device, const models::Recipe& recipe,
                           double seconds) {
  const double peak = device.flop_per_second(recipe.type);
  return {"device",
          {fact("name", device.name),
           {"product_peak", peak,
            fmt::format("{:.4g} TFLOP/s in {}", peak / 1e12, models::type_name(recipe.type))},
           {"memory_bytes", device.memory_bytes, human_bytes(device.memory_bytes)},
           {"utilisation", models::planned_utilisation,
            fmt::format("{:.0f} % of the peak, assumed", 100 * models::planned_utilisation)},
           fact("source", device.source),
           time_fact(seconds)}};
}

}  // namespace

models::Device device_for(const std::string& name, models::NumberType type) {
  if (name != "here") return models::device_named(name);
  constexpr double max_seconds = 3;
  const auto peak = models::measure_product_peak(type, max_seconds);
  const auto machine = models::describe_machine();
  return {.name = "here",
          .half_flop_per_second = peak.median,
          .float32_flop_per_second = peak.median,
          .memory_bytes = machine.memory_bytes,
          .source = fmt::format("measured now: {} samples of {} on {}", peak.num_samples, peak.of,
                                machine.cpu_name)};
}

FactPage plan_facts(const models::Recipe& recipe, const models::StageModels& models,
                    const std::optional<models::Device>& device) {
  FactPage page;
  double seconds = 0;
  for (size_t i = 0; i < recipe.stages.size(); ++i) {
    const auto& stage = recipe.stages[i];
    auto there = models;
    if (there.teacher && !models::any_aligns_with_base(std::span(recipe.stages).subspan(i))) {
      there.base = nullptr;
    }
    const auto plan = models::plan_stage(stage, there, recipe.type);
    if (device) seconds += device_seconds(plan.flop, *device, recipe.type);
    page.push_back(stage_section(stage, plan, recipe, device));
  }
  if (device) page.push_back(device_section(*device, recipe, seconds));
  return page;
}

}  // namespace hylo::cli
