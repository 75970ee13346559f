#include "models/config/families/attention_keys.h"

#include "models/config/families/base_fields.h"

namespace hylo::models {

AttentionSpec read_attention(JsonReader& reader, int64_t model_width,
                             const AttentionDefaults& defaults) {
  AttentionSpec spec;
  spec.num_heads = positive<int64_t>(reader, "num_attention_heads");
  spec.num_kv_heads = positive_or<int64_t>(reader, "num_key_value_heads",
                                           defaults.num_kv_heads.value_or(spec.num_heads));
  spec.head_width = positive_or<int64_t>(
      reader, "head_dim", defaults.head_width.value_or(model_width / spec.num_heads));
  spec.input_bias = spec.output_bias = reader.get_or<bool>("attention_bias", false);
  expect_divides(reader.path_of("num_key_value_heads"), "num_attention_heads", spec.num_heads,
                 "num_key_value_heads", spec.num_kv_heads);
  if (defaults.rotates) spec.rope = read_rope(reader, spec.head_width, defaults.rope);
  return spec;
}

std::optional<int64_t> read_window(JsonReader& reader) {
  const auto window = given<int64_t>(reader, "sliding_window");
  if (window) {
    require(*window > 0, "{}: expected at least 1, found {}", reader.path_of("sliding_window"),
            *window);
  }
  return window;
}

}  // namespace hylo::models
