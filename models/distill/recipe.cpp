#include "models/distill/recipe.h"

#include <algorithm>
#include <numeric>
#include <set>

#include "harness/base/error.h"
#include "models/config/catalog.h"
#include "models/config/check_spec.h"
#include "models/config/placement_json.h"

namespace hylo::models {
namespace {

namespace fs = std::filesystem;

int64_t read_positive(JsonReader& reader, const char* key) {
  const auto value = reader.get<int64_t>(key);
  require(value > 0, "{}: expected 1 or more, found {}", reader.path_of(key), value);
  return value;
}

EndToken read_end_token(JsonReader& reader, const char* key, EndToken otherwise) {
  if (!reader.has(key)) {
    reader.ignore(key);
    return otherwise;
  }
  const auto word = reader.get<std::string>(key);
  if (word == "always") return EndToken::Always;
  if (word == "never") return EndToken::Never;
  require(word == "as_tokenizer", "{}: expected always, never or as_tokenizer, found '{}'",
          reader.path_of(key), word);
  return EndToken::AsTokenizer;
}

std::vector<fs::path> read_files(JsonReader& reader, const fs::path& root) {
  std::vector<fs::path> files;
  for (const auto& file : reader.get<std::vector<std::string>>("files")) {
    files.push_back(root / file);
  }
  require(!files.empty(), "{}: names no file", reader.path_of("files"));
  return files;
}

datasets::TextSource read_text_source(JsonReader& reader, const std::string& kind,
                                      const fs::path& root) {
  if (kind == "text") {
    return datasets::PlainText{.files = read_files(reader, root),
                               .separator = reader.get_or<std::string>("separator", ""),
                               .drop_unclosed = reader.get_or<bool>("drop_unclosed", false)};
  }
  if (kind == "json_lines") {
    return datasets::JsonLinesText{.files = read_files(reader, root),
                                   .field = reader.get_or<std::string>("field", "text")};
  }
  if (kind == "chat") return datasets::ChatLines{.files = read_files(reader, root)};
  if (kind == "preferences") {
    return datasets::PreferenceLines{
        .files = read_files(reader, root),
        .prompt = reader.get_or<std::string>("prompt", "prompt"),
        .chosen = reader.get_or<std::string>("chosen", "chosen"),
        .rejected = reader.get_or<std::string>("rejected", "rejected")};
  }
  require(kind == "folder",
          "{}: expected text, json_lines, chat, preferences, folder or teacher, found '{}'",
          reader.path_of("kind"), kind);
  using Texts = std::vector<std::string>;
  return datasets::FolderText{.folder = root / reader.get<std::string>("folder"),
                              .header = reader.get_or<std::string>("header", ""),
                              .only = reader.get_or<Texts>("only", {}),
                              .ignore = reader.get_or<Texts>("ignore", {}),
                              .reads_gitignore = reader.get_or<bool>("reads_gitignore", true),
                              .max_file_bytes = reader.get_or<int64_t>("max_file_bytes", 1 << 20)};
}

TextData read_text(JsonReader& reader, const std::string& kind, const fs::path& root) {
  return {.text = read_text_source(reader, kind, root),
          .tokens = {.bos = read_end_token(reader, "bos", EndToken::AsTokenizer),
                     .eos = read_end_token(reader, "eos", EndToken::Always)}};
}

TeacherData read_teacher_data(JsonReader& reader, const std::string& path) {
  TeacherData data{.num_documents = read_positive(reader, "documents"),
                   .max_tokens = read_positive(reader, "max_tokens"),
                   .sampling = {.temperature = reader.get_or<double>("temperature", 1),
                                .top_k = reader.get_or<int64_t>("top_k", 0),
                                .top_p = reader.get_or<double>("top_p", 1)},
                   .prompt = reader.get_or<std::string>("prompt", "")};
  try {
    check(data.sampling);
  } catch (const Error& error) {
    fail("{}: {}", path, error.what());
  }
  return data;
}

DataSource read_source(const Json& json, const std::string& path, const fs::path& root) {
  JsonReader reader(json, path);
  DataSource source{.name = reader.get<std::string>("name"),
                    .weight = reader.get_or<double>("weight", 1)};
  require(source.weight > 0, "{}: expected a weight above 0, found {}", reader.path_of("weight"),
          source.weight);
  const auto kind = reader.get<std::string>("kind");
  if (kind == "teacher") {
    source.data = read_teacher_data(reader, path);
  } else {
    source.data = read_text(reader, kind, root);
  }
  reader.done();
  return source;
}

std::vector<DataSource> read_data(JsonReader& recipe, const fs::path& root) {
  const auto& list = recipe.at("data");
  const auto path = recipe.path_of("data");
  require(list.is_array() && !list.empty(), "{}: expected a list of sources, found {}", path,
          found_value(list));
  std::vector<DataSource> sources;
  std::set<std::string> names;
  for (size_t i = 0; i < list.size(); ++i) {
    const auto here = fmt::format("{}[{}]", path, i);
    sources.push_back(read_source(list[i], here, root));
    require(names.insert(sources.back().name).second, "{}.name: '{}' is another source's already",
            here, sources.back().name);
  }
  return sources;
}

std::optional<HeldOut> read_held_out(JsonReader& recipe, const fs::path& root) {
  const auto json = recipe.get_or<Json>("held_out", nullptr);
  if (json.is_null()) return {};
  JsonReader reader(json, recipe.path_of("held_out"));
  HeldOut held_out;
  if (reader.has("share")) {
    held_out.share = reader.get<double>("share");
    require(held_out.share > 0 && held_out.share < 1,
            "{}: expected a share of the documents above 0 and below 1, found {}",
            reader.path_of("share"), held_out.share);
  } else {
    held_out.text = read_text(reader, reader.get<std::string>("kind"), root);
  }
  reader.done();
  return held_out;
}

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
      .spec = {.num_experts = read_positive(reader, "num_experts"),
               .experts_per_token = read_positive(reader, "experts_per_token"),
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

UpcycledStudent read_upcycled(JsonReader& reader) {
  UpcycledStudent student;
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
  FreshStudent student{.width = read_positive(reader, "width"),
                       .num_layers = read_positive(reader, "num_layers"),
                       .feed_forward_width = read_positive(reader, "feed_forward_width")};
  auto& attention = student.attention;
  attention.num_heads = read_positive(reader, "num_heads");
  attention.num_kv_heads = reader.get_or<int64_t>("num_kv_heads", attention.num_heads);
  attention.head_width = reader.get_or<int64_t>("head_width", student.width / attention.num_heads);
  attention.rope = {.theta = reader.get_or<double>("rope_theta", 10000),
                    .width = attention.head_width};
  check_mixer(attention, reader.path_of("num_heads"));
  require(attention.rope.theta > 0, "{}: expected a number above 0, found {}",
          reader.path_of("rope_theta"), attention.rope.theta);
  student.tied_head = reader.get_or<bool>("tied_head", true);
  student.max_positions = read_positive(reader, "max_positions");
  student.placement = reader.get_or<Json>("placement", nullptr);
  return student;
}

std::variant<UpcycledStudent, FreshStudent> read_student(JsonReader& recipe) {
  require(
      recipe.has("student") != recipe.has("model"),
      "{}: expected either \"student\" (made from a teacher) or \"model\" (from random weights)",
      recipe.path_of("student"));
  const bool is_upcycled = recipe.has("student");
  const auto* key = is_upcycled ? "student" : "model";
  recipe.ignore(is_upcycled ? "model" : "student");
  JsonReader reader(recipe.at(key), recipe.path_of(key));
  std::variant<UpcycledStudent, FreshStudent> student;
  if (is_upcycled) {
    student = read_upcycled(reader);
  } else {
    student = read_fresh(reader);
  }
  reader.done();
  return student;
}

std::vector<Stage> read_stages(JsonReader& recipe) {
  const auto& list = recipe.at("stages");
  const auto path = recipe.path_of("stages");
  require(list.is_array() && !list.empty(), "{}: expected a list of stages, found {}", path,
          found_value(list));
  std::vector<Stage> stages;
  std::set<std::string> names;
  for (size_t i = 0; i < list.size(); ++i) {
    const auto here = fmt::format("{}[{}]", path, i);
    stages.push_back(read_stage(list[i], here));
    require(names.insert(stages.back().name).second, "{}.name: '{}' is another stage's already",
            here, stages.back().name);
  }
  return stages;
}

bool holds_pairs(const DataSource& source) {
  const auto* data = std::get_if<TextData>(&source.data);
  return data && std::holds_alternative<datasets::PreferenceLines>(data->text);
}

/// Stages that learn preferences read pairs, all others read none.
void check_kinds_of_data(const Stage& stage, const std::vector<DataSource>& data) {
  const bool wants_pairs = std::holds_alternative<Prefer>(stage.objective);
  int64_t num_sources = 0;
  for (const auto& source : data) {
    const bool fits = holds_pairs(source) == wants_pairs;
    require(fits || !stage.data.contains(source.name),
            "stage '{}' ({}): data names '{}', which holds {}pairs of preferences", stage.name,
            name_of(stage.objective), source.name, wants_pairs ? "no " : "");
    num_sources += fits ? 1 : 0;
  }
  require(num_sources > 0, "stage '{}' ({}): expected a source of {} among data, found none",
          stage.name, name_of(stage.objective),
          wants_pairs ? "kind preferences" : "texts or of the teacher's");
}

NumberType read_type(JsonReader& recipe) {
  const auto word = recipe.get_or<std::string>("number_type", "float32");
  const auto type = type_named(word);
  // Gradients of float16 would have to be scaled, lest they vanish.
  require(type == NumberType::Float32 || type == NumberType::BFloat16,
          "{}: expected float32 or bfloat16, found '{}'", recipe.path_of("number_type"), word);
  return *type;
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
  if (student.placement.is_null()) return place(teacher, {});
  return place(teacher, read_placement(student.placement, "student.placement", teacher));
}

}  // namespace

Recipe read_recipe(const Json& json, const std::string& where, const fs::path& data_root) {
  JsonReader reader(json, where);
  Recipe recipe{.name = reader.get<std::string>("name"),
                .json = json,
                .base = reader.get_or<std::string>("base", ""),
                .teacher = reader.get_or<std::string>("teacher", ""),
                .type = read_type(reader),
                .seed = reader.get_or<uint64_t>("seed", 0),
                .student = read_student(reader)};
  for (const auto* text : {"notes", "source"}) reader.ignore(text);
  recipe.data = read_data(reader, data_root);
  recipe.held_out = read_held_out(reader, data_root);
  recipe.stages = read_stages(reader);
  reader.done();
  for (const auto& stage : recipe.stages) check_kinds_of_data(stage, recipe.data);
  return recipe;
}

ModelConfig student_config(const UpcycledStudent& student, const ModelConfig& teacher) {
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
