#include "models/distill/student.h"

#include <numeric>

#include "harness/base/error.h"
#include "models/config/catalog.h"
#include "models/config/check_spec.h"
#include "models/config/placement_json.h"
#include "models/distill/read_numbers.h"

namespace hylo::models {
namespace {

RopeRows read_rope_rows(JsonReader& reader) {
  const auto word = reader.get_or<std::string>("rope_rows", "filled");
  require(word == "filled" || word == "kept", "{}: expected filled or kept, found '{}'",
          reader.path_of("rope_rows"), word);
  return word == "filled" ? RopeRows::Filled : RopeRows::Kept;
}

RouterKind read_router_kind(JsonReader& reader) {
  const auto word = reader.get_or<std::string>("router", "softmax_then_top");
  if (word == "softmax_then_top") return RouterKind::SoftmaxThenTop;
  if (word == "top_then_softmax") return RouterKind::TopThenSoftmax;
  require(word == "sigmoid",
          "{}: expected softmax_then_top, top_then_softmax or sigmoid, found '{}'",
          reader.path_of("router"), word);
  return RouterKind::Sigmoid;
}

UpcycledExperts read_experts(JsonReader& student, SparseUpcycling& options) {
  JsonReader reader(student.at("experts"), student.path_of("experts"));
  UpcycledExperts experts{
      .layers = reader.get_or<std::vector<int64_t>>("layers", {}),
      .spec = {.num_experts = read_count(reader, "num_experts"),
               .experts_per_token = read_count(reader, "experts_per_token"),
               .router = {.kind = read_router_kind(reader),
                          .normalised = reader.get_or<bool>("normalised", true)},
               .shared_gate = reader.get_or<bool>("shared_gate", false)},
      .has_shared = reader.get_or<bool>("shared", false)};
  const auto read = [&](const char* key, double& value) {
    value = reader.get_or<double>(key, value);
  };
  read("router_deviation", options.router_deviation);
  read("noise_deviation", options.noise_deviation);
  read("noise_share", options.noise_share);
  read("drop_share", options.drop_share);
  reader.done();
  require(experts.spec.experts_per_token <= experts.spec.num_experts,
          "{}: expected at most the {} experts, found {}", reader.path_of("experts_per_token"),
          experts.spec.num_experts, experts.spec.experts_per_token);
  require(experts.has_shared || !experts.spec.shared_gate, "{}: there is no shared expert to weigh",
          reader.path_of("shared_gate"));
  return experts;
}

NarrowedStudent read_narrow(JsonReader& student) {
  JsonReader reader(student.at("narrow"), student.path_of("narrow"));
  const auto size = [&](const char* key) {
    return reader.has(key) ? read_count(reader, key) : reader.get_or<int64_t>(key, 0);
  };
  const NarrowedStudent narrow{.sizes = {.width = size("width"),
                                         .num_kv_heads = size("num_kv_heads"),
                                         .feed_forward_width = size("feed_forward_width"),
                                         .num_layers = size("num_layers")},
                               .sequences = read_count(reader, "sequences"),
                               .tokens = read_count(reader, "tokens")};
  // Every head's weights of attention are held, tokens x tokens.
  constexpr int64_t max_tokens = 4096;
  require(narrow.tokens <= max_tokens, "{}: expected at most {}, found {}",
          reader.path_of("tokens"), max_tokens, narrow.tokens);
  reader.done();
  return narrow;
}

UpcycledStudent read_upcycled(JsonReader& reader) {
  UpcycledStudent student;
  if (reader.has("narrow")) {
    student.narrow = read_narrow(reader);
    return student;  // Other keys are unknown then.
  }
  reader.ignore("narrow");
  student.like = reader.get_or<std::string>("like", "");
  if (reader.has("experts")) student.experts = read_experts(reader, student.options.experts);
  reader.ignore("experts");
  const bool has_mixers = !student.like.empty() || reader.has("placement");
  require(student.like.empty() || !reader.has("placement"),
          "{}: expected either \"placement\" or \"like\"", reader.path_of("placement"));
  require(has_mixers || student.experts,
          "{}: expected either \"placement\" or \"like\", or \"experts\"",
          reader.path_of("placement"));
  student.placement = reader.get_or<Json>("placement", nullptr);
  student.options.rope_rows = read_rope_rows(reader);
  student.options.random_mixers = reader.get_or<bool>("random_mixers", false);
  return student;
}

FreshStudent read_fresh(JsonReader& reader) {
  FreshStudent student{.width = read_count(reader, "width"),
                       .num_layers = read_count(reader, "num_layers"),
                       .feed_forward_width = read_count(reader, "feed_forward_width")};
  auto& attention = student.attention;
  attention.num_heads = read_count(reader, "num_heads");
  attention.num_kv_heads = reader.get_or<int64_t>("num_kv_heads", attention.num_heads);
  attention.head_width = reader.get_or<int64_t>("head_width", student.width / attention.num_heads);
  attention.rope = {.theta = reader.get_or<double>("rope_theta", 10000),
                    .width = attention.head_width};
  check_mixer(attention, reader.path_of("num_heads"));
  require(attention.rope.theta > 0, "{}: expected a number above 0, found {}",
          reader.path_of("rope_theta"), attention.rope.theta);
  student.tied_head = reader.get_or<bool>("tied_head", true);
  student.max_positions = read_count(reader, "max_positions");
  student.placement = reader.get_or<Json>("placement", nullptr);
  return student;
}

/// Mixers of a row of the catalogue, and a head of its own where the row has one; everything else
/// stays the teacher's.
ModelConfig with_mixers_of(const ModelConfig& teacher, const CatalogEntry& entry) {
  require(entry.config.layers.size() == teacher.layers.size(),
          "student.like: '{}' has {} layers, the teacher {}", entry.name,
          entry.config.layers.size(), teacher.layers.size());
  auto student = teacher;
  student.family = entry.config.family;
  student.backbone = teacher.backbone.value_or(teacher.family);
  student.tied_head = teacher.tied_head && entry.config.tied_head;
  for (size_t i = 0; i < student.layers.size(); ++i) {
    student.layers[i].mixer = entry.config.layers[i].mixer;
  }
  return student;
}

/// The student with experts in the place of dense feed-forwards, each as wide as what it copies.
ModelConfig with_experts(ModelConfig student, const UpcycledExperts& experts) {
  auto layers = experts.layers;
  if (layers.empty()) {
    layers.resize(student.layers.size());
    std::iota(layers.begin(), layers.end(), 0);
  }
  for (const auto i : layers) {
    require(i >= 0 && i < std::ssize(student.layers),
            "student.experts.layers: layer {} is outside of the model, whose {} layers are 0 to {}",
            i, student.layers.size(), student.layers.size() - 1);
    auto& layer = student.layers[static_cast<size_t>(i)];
    const auto* dense = std::get_if<SwiGluSpec>(&layer.feed_forward);
    require(dense != nullptr,
            "student.experts.layers: layer {} has no dense feed-forward to make experts of, or is "
            "named twice",
            i);
    auto spec = experts.spec;
    spec.width = dense->width;
    spec.shared_width = experts.has_shared ? dense->width : 0;
    layer.feed_forward = spec;
  }
  return student;
}

ModelConfig with_mixers(const UpcycledStudent& student, const ModelConfig& teacher) {
  if (!student.like.empty()) return with_mixers_of(teacher, find_model(student.like));
  const bool keeps_mixers = student.placement.is_null() || student.placement == Json::array();
  if (keeps_mixers) return place(teacher, {});
  return place(teacher, read_placement(student.placement, "student.placement", teacher));
}

/// As place() has it for other students.
ModelConfig with_own_family(ModelConfig student) {
  student.backbone = student.backbone.value_or(student.family);
  student.family = Family::Hylo;
  return student;
}

}  // namespace

Student read_student(JsonReader& recipe) {
  require(
      recipe.has("student") != recipe.has("model"),
      "{}: expected either \"student\" (made from a teacher) or \"model\" (from random weights)",
      recipe.path_of("student"));
  const bool is_upcycled = recipe.has("student");
  const auto* key = is_upcycled ? "student" : "model";
  recipe.ignore(is_upcycled ? "model" : "student");
  JsonReader reader(recipe.at(key), recipe.path_of(key));
  Student student;
  if (is_upcycled) {
    student = read_upcycled(reader);
  } else {
    student = read_fresh(reader);
  }
  reader.done();
  return student;
}

ModelConfig student_config(const UpcycledStudent& student, const ModelConfig& teacher) {
  if (student.narrow) return with_own_family(narrower_config(teacher, student.narrow->sizes));
  auto config = with_mixers(student, teacher);
  return student.experts ? with_experts(std::move(config), *student.experts) : config;
}

ModelConfig student_config(const FreshStudent& student, int64_t vocabulary_size) {
  const LayerSpec layer{student.attention, SwiGluSpec{.width = student.feed_forward_width}};
  ModelConfig config{
      .vocabulary_size = vocabulary_size,
      .width = student.width,
      .layers = std::vector<LayerSpec>(static_cast<size_t>(student.num_layers), layer),
      .norm = {.epsilon = 1e-5},
      .tied_head = student.tied_head,
      .max_positions = student.max_positions,
      .stored = NumberType::Float32};
  if (student.placement.is_null()) return config;
  return place(config, read_placement(student.placement, "model.placement", config));
}

}  // namespace hylo::models
