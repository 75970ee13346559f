#include "models/upcycle/conversions.h"

#include <fmt/ranges.h>

#include "harness/base/error.h"
#include "harness/base/overloaded.h"
#include "models/upcycle/attention_to_discrete_mamba2.h"
#include "models/upcycle/attention_to_gated_delta.h"
#include "models/upcycle/attention_to_jet_block.h"
#include "models/upcycle/attention_to_mamba2.h"
#include "models/upcycle/weight_slots.h"

namespace hylo::models {
namespace {

/// Students that attention becomes, as kind_name() calls them. What the visits below convert.
const std::vector<MixerSpec> students_of_attention{MlaSpec{}, Mamba2Spec{}, GatedDeltaSpec{},
                                                   JetBlockSpec{}, DiscreteMamba2Spec{}};

[[noreturn]] void fail_without_rule(const MixerSpec& teacher, const MixerSpec& student,
                                    const std::string& where) {
  std::vector<std::string> rules;
  for (const auto& spec : students_of_attention) {
    rules.push_back(fmt::format("attention to {}", kind_name(spec)));
  }
  fail("{}: there is no rule that makes {} of {}; there are {}, and any mixer may stay as it is",
       where, kind_name(student), kind_name(teacher), fmt::join(rules, ", "));
}

}  // namespace

bool keeps_tensors(const MixerSpec& teacher, const MixerSpec& student) {
  if (teacher.index() != student.index()) return false;
  auto alike = student;
  if (auto* attention = std::get_if<AttentionSpec>(&alike)) {
    const auto& own = std::get<AttentionSpec>(teacher);
    attention->window = own.window;
    attention->rope = own.rope;
    attention->scale = own.scale;
  } else if (auto* mla = std::get_if<MlaSpec>(&alike)) {
    const auto& own = std::get<MlaSpec>(teacher);
    mla->rope = own.rope;
    mla->scale = own.scale;
  }
  return alike == teacher;
}

void check_conversion(const MixerSpec& teacher, const MixerSpec& student, int64_t model_width,
                      const std::string& where) {
  if (teacher.index() == student.index()) {
    check_same_slots(mixer_slots(teacher, where, model_width),
                     mixer_slots(student, where, model_width));
    require(
        keeps_tensors(teacher, student),
        "{}: tensors have the teacher's shapes, but {} is not the teacher's in its heads, norms "
        "or other settings; expected the same",
        where, kind_name(student));
    return;
  }
  const auto* attention = std::get_if<AttentionSpec>(&teacher);
  if (!attention) fail_without_rule(teacher, student, where);
  require(!attention->output_gate,
          "{}: the teacher's attention has an output gate, for which no conversion has a place",
          where);
  std::visit(
      overloaded{
          [&](const MlaSpec& s) { check_attention_to_mla(*attention, s, model_width, where); },
          [&](const Mamba2Spec& s) { check_attention_to_mamba2(*attention, s, where); },
          [&](const GatedDeltaSpec& s) { check_attention_to_gated_delta(s, where); },
          [](const JetBlockSpec&) {},
          [](const DiscreteMamba2Spec&) {},
          [&](const KimiDeltaSpec&) { fail_without_rule(teacher, student, where); },
          [&](const AttentionSpec&) { fail_without_rule(teacher, student, where); },
      },
      student);
}

std::vector<std::string> dropped_by_conversion(const MixerSpec& teacher, const MixerSpec& student) {
  const auto* attention = std::get_if<AttentionSpec>(&teacher);
  if (!attention || std::holds_alternative<AttentionSpec>(student)) return {};
  const auto* mla = std::get_if<MlaSpec>(&student);
  std::vector<std::string> dropped;
  if (attention->input_bias) dropped.emplace_back("the biases of queries, keys and values");
  if (attention->output_bias && !(mla && mla->bias)) dropped.emplace_back("the output's bias");
  if (attention->head_norms != HeadNorms::None && !(mla && mla->head_norms)) {
    dropped.emplace_back("the norms of queries and keys");
  }
  if (attention->window) dropped.emplace_back("the window");
  if (!mla && attention->rope.width > 0) dropped.emplace_back("the rotation by positions");
  return dropped;
}

MixerWeights convert_mixer(const MixerSpec& teacher, const MixerWeights& weights,
                           const MixerSpec& student, MixerWeights initial, RopeRows rope_rows) {
  const AttentionTeacher attention{std::get<AttentionSpec>(teacher),
                                   std::get<AttentionWeights>(weights)};
  const auto no_rule = [&]() -> MixerWeights {
    fail_without_rule(teacher, student, "convert_mixer");
  };
  return std::visit(
      overloaded{
          [&](const MlaSpec& s) -> MixerWeights {
            return attention_to_mla(attention, s, std::get<MlaWeights>(std::move(initial)),
                                    rope_rows);
          },
          [&](const Mamba2Spec& s) -> MixerWeights {
            return attention_to_mamba2(attention, s, std::get<Mamba2Weights>(std::move(initial)));
          },
          [&](const GatedDeltaSpec&) -> MixerWeights {
            return attention_to_gated_delta(attention,
                                            std::get<GatedDeltaWeights>(std::move(initial)));
          },
          [&](const JetBlockSpec&) -> MixerWeights {
            return attention_to_jet_block(attention, std::get<JetBlockWeights>(std::move(initial)));
          },
          [&](const DiscreteMamba2Spec& s) -> MixerWeights {
            return attention_to_discrete_mamba2(
                attention, s, std::get<DiscreteMamba2Weights>(std::move(initial)));
          },
          [&](const KimiDeltaSpec&) { return no_rule(); },
          [&](const AttentionSpec&) { return no_rule(); },
      },
      student);
}

}  // namespace hylo::models
