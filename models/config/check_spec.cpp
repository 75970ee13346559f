#include "models/config/check_spec.h"

#include <initializer_list>

#include "harness/base/error.h"
#include "harness/base/overloaded.h"

namespace hylo::models {
namespace {

struct Size {
  const char* name;
  int64_t value;
};

/// The checks of one mixer or feed-forward.
struct Check {
  const std::string& where;

  void positive(std::initializer_list<Size> sizes) const {
    for (const auto& [name, value] : sizes) {
      require(value > 0, "{}.{}: expected a number above 0, found {}", where, name, value);
    }
  }
  void divides(Size whole, Size part) const {
    require(whole.value % part.value == 0, "{}: {} {} is not a multiple of {} {}", where,
            whole.name, whole.value, part.name, part.value);
  }
  void rotates(const RopeSpec& rope, int64_t at_most) const {
    require(rope.width >= 0 && rope.width % 2 == 0 && rope.width <= at_most,
            "{}.rope.width: {} of {} dims; expected an even number of them, or 0", where,
            rope.width, at_most);
  }

  void operator()(const AttentionSpec& s) const {
    positive({{"num_heads", s.num_heads},
              {"num_kv_heads", s.num_kv_heads},
              {"head_width", s.head_width},
              {"window", s.window.value_or(1)}});
    divides({"num_heads", s.num_heads}, {"num_kv_heads", s.num_kv_heads});
    rotates(s.rope, s.head_width);
  }
  void operator()(const MlaSpec& s) const {
    positive({{"num_heads", s.num_heads},
              {"num_kv_heads", s.num_kv_heads},
              {"latent_rank", s.latent_rank},
              {"nope_width", s.nope_width},
              {"rope_width", s.rope_width},
              {"value_width", s.value_width},
              {"query_rank + 1", s.query_rank + 1}});
    require(s.scale > 0, "{}.scale: expected a number above 0, found {}", where, s.scale);
    divides({"num_heads", s.num_heads}, {"num_kv_heads", s.num_kv_heads});
    rotates(s.rope, s.rope_width);
    require(s.rope.width == 0 || s.rope.width == s.rope_width,
            "{}.rope.width: {}, expected rope_width {} or 0", where, s.rope.width, s.rope_width);
  }
  void operator()(const Mamba2Spec& s) const {
    positive({{"num_heads", s.num_heads},
              {"num_value_heads", s.num_value_heads},
              {"num_key_heads", s.num_key_heads},
              {"num_query_heads", s.num_query_heads},
              {"key_width", s.key_width},
              {"value_width", s.value_width},
              {"conv_width", s.conv_width},
              {"norm_groups", s.norm_groups}});
    divides({"num_heads", s.num_heads}, {"num_value_heads", s.num_value_heads});
    divides({"num_heads", s.num_heads}, {"num_key_heads", s.num_key_heads});
    divides({"num_heads", s.num_heads}, {"num_query_heads", s.num_query_heads});
    divides({"num_heads * value_width", s.inner_width()}, {"norm_groups", s.norm_groups});
  }
  void operator()(const DiscreteMamba2Spec& s) const {
    positive({{"num_heads", s.num_heads},
              {"num_key_heads", s.num_key_heads},
              {"key_width", s.key_width},
              {"value_width", s.value_width},
              {"conv_width", s.conv_width}});
    divides({"num_heads", s.num_heads}, {"num_key_heads", s.num_key_heads});
  }
  void operator()(const GatedDeltaSpec& s) const {
    positive({{"num_heads", s.num_heads},
              {"num_key_heads", s.num_key_heads},
              {"key_width", s.key_width},
              {"value_width", s.value_width},
              {"conv_width", s.conv_width}});
    divides({"num_heads", s.num_heads}, {"num_key_heads", s.num_key_heads});
  }
  void operator()(const KimiDeltaSpec& s) const {
    positive(
        {{"num_heads", s.num_heads}, {"head_width", s.head_width}, {"conv_width", s.conv_width}});
  }
  void operator()(const JetBlockSpec& s) const {
    positive({{"num_heads", s.num_heads},
              {"key_width", s.key_width},
              {"value_width", s.value_width},
              {"conv_width", s.conv_width},
              {"generator_width", s.generator_width}});
  }
  void operator()(const NoFeedForward&) const {}
  void operator()(const SwiGluSpec& s) const { positive({{"width", s.width}}); }
  void operator()(const MoeSpec& s) const {
    positive({{"num_experts", s.num_experts},
              {"experts_per_token", s.experts_per_token},
              {"width", s.width},
              {"shared_width + 1", s.shared_width + 1},
              {"router.num_groups", s.router.num_groups},
              {"router.top_groups", s.router.top_groups}});
    require(s.experts_per_token <= s.num_experts, "{}.experts_per_token: {} of {} experts", where,
            s.experts_per_token, s.num_experts);
    divides({"num_experts", s.num_experts}, {"router.num_groups", s.router.num_groups});
    require(s.router.top_groups <= s.router.num_groups, "{}.router.top_groups: {} of {} groups",
            where, s.router.top_groups, s.router.num_groups);
  }
};

}  // namespace

void check_mixer(const MixerSpec& mixer, const std::string& where) {
  std::visit(Check{where}, mixer);
}

void check_feed_forward(const FeedForwardSpec& feed_forward, const std::string& where) {
  std::visit(Check{where}, feed_forward);
}

}  // namespace hylo::models
