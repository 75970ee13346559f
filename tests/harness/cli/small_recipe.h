// A training of a few steps for the story model, as tests of the verbs and of whole runs do it.
#pragma once

#include "harness/base/json.h"

namespace hylo::tests {

inline constexpr const char* placement =
    R"([{"layers": [0, 3], "mixer": {"kind": "mla", "latent_rank": 12}},)"
    R"( {"layers": "rest", "mixer": {"kind": "gated_delta", "num_key_heads": 2, "num_heads": 2,)"
    R"( "key_width": 8, "value_width": 8}}])";

/// A recipe of a few steps on texts that the teacher writes.
inline OrderedJson small_recipe() {
  auto recipe = OrderedJson::parse(R"({
    "name": "small",
    "seed": 1,
    "student": {},
    "data": [{"name": "written", "kind": "teacher", "documents": 12, "max_tokens": 40}],
    "held_out": {"share": 0.3},
    "stages": [
      {"name": "align", "kind": "align_layers", "steps": 3, "context_length": 64,
       "tokens_per_step": 128, "peak_learning_rate": 1e-3, "schedule": {"kind": "constant"}},
      {"name": "distil", "kind": "distill_logits", "steps": 4, "context_length": 64,
       "tokens_per_step": 128, "peak_learning_rate": 1e-3,
       "schedule": {"kind": "cosine", "warmup_steps": 1}, "validate_every": 2}]})");
  recipe["student"]["placement"] = OrderedJson::parse(placement);
  return recipe;
}

}  // namespace hylo::tests
