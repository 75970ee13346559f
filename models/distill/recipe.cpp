#include "models/distill/recipe.h"

#include <algorithm>
#include <set>

#include "harness/base/error.h"
#include "models/distill/read_numbers.h"

namespace hylo::models {
namespace {

namespace fs = std::filesystem;

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
  require(
      kind == "folder",
      "{}: expected text, json_lines, chat, preferences, folder, ruler, copies or teacher, found "
      "'{}'",
      reader.path_of("kind"), kind);
  using Texts = std::vector<std::string>;
  return datasets::FolderText{.folder = root / reader.get<std::string>("folder"),
                              .header = reader.get_or<std::string>("header", ""),
                              .only = reader.get_or<Texts>("only", {}),
                              .ignore = reader.get_or<Texts>("ignore", {}),
                              .reads_gitignore = reader.get_or<bool>("reads_gitignore", true),
                              .max_file_bytes = reader.get_or<int64_t>("max_file_bytes", 1 << 20)};
}

TokenizeOptions read_end_tokens(JsonReader& reader, EndToken eos = EndToken::Always) {
  return {.bos = read_end_token(reader, "bos", EndToken::AsTokenizer),
          .eos = read_end_token(reader, "eos", eos)};
}

TextData read_text(JsonReader& reader, const std::string& kind, const fs::path& root) {
  return {.text = read_text_source(reader, kind, root), .tokens = read_end_tokens(reader)};
}

RulerData read_ruler_data(JsonReader& reader) {
  RulerData data{.tasks = reader.get<std::vector<std::string>>("tasks"),
                 .prompt_tokens = reader.get<std::vector<int64_t>>("prompt_tokens"),
                 .num_documents = read_count(reader, "documents"),
                 .only_answers = reader.get_or<bool>("only_answers", false),
                 .tokens = read_end_tokens(reader)};
  require(!data.tasks.empty(), "{}: names no task", reader.path_of("tasks"));
  require(!data.prompt_tokens.empty() &&
              std::ranges::all_of(data.prompt_tokens, [](int64_t n) { return n > 0; }),
          "{}: expected lengths of 1 or more", reader.path_of("prompt_tokens"));
  return data;
}

CopiesData read_copies_data(JsonReader& reader) {
  CopiesData data{.num_documents = read_count(reader, "documents"),
                  .num_digits = read_count(reader, "digits")};
  constexpr int64_t fewest = 6;  // Of a word of 1 digit and what can be learnt of it.
  require(data.num_digits >= fewest, "{}: expected {} or more, found {}", reader.path_of("digits"),
          fewest, data.num_digits);
  const auto range = reader.get<std::vector<int64_t>>("copied");
  require(
      range.size() == 2 && range[0] >= 1 && range[0] <= range[1] && range[1] <= data.num_digits - 4,
      "{}: expected the least and the most digits that are said over, from 1 to {} (4 less "
      "than a document), found {}",
      reader.path_of("copied"), data.num_digits - 4, found_value(reader.at("copied")));
  data.least_copied = range[0];
  data.most_copied = range[1];
  // Where a document ends follows from nothing that stands in it.
  data.tokens = read_end_tokens(reader, EndToken::Never);
  return data;
}

TeacherData read_teacher_data(JsonReader& reader, const std::string& path) {
  TeacherData data{.num_documents = read_count(reader, "documents"),
                   .max_tokens = read_count(reader, "max_tokens"),
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
  } else if (kind == "ruler") {
    source.data = read_ruler_data(reader);
  } else if (kind == "copies") {
    source.data = read_copies_data(reader);
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

std::optional<Evaluation> read_evaluation(JsonReader& recipe, const fs::path& root) {
  const auto json = recipe.get_or<Json>("evaluation", nullptr);
  if (json.is_null()) return {};
  JsonReader reader(json, recipe.path_of("evaluation"));
  Evaluation evaluation{.tasks = reader.get<std::vector<std::string>>("tasks"),
                        .every = read_count_or(reader, "every", 0)};
  require(!evaluation.tasks.empty(), "{}: names no task", reader.path_of("tasks"));
  reader.ignore("limit");
  if (reader.has("limit")) evaluation.limit = read_count(reader, "limit");
  const auto sets = reader.get_or<std::string>("sets", "");
  if (!sets.empty()) evaluation.sets = root / sets;
  reader.done();
  return evaluation;
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

/// What is held out is what some stage learns from.
void check_kind_of_held_out(const Recipe& recipe) {
  if (!recipe.held_out || !recipe.held_out->text) return;
  const bool are_pairs =
      std::holds_alternative<datasets::PreferenceLines>(recipe.held_out->text->text);
  require(std::ranges::any_of(recipe.stages,
                              [&](const Stage& stage) {
                                return std::holds_alternative<Prefer>(stage.objective) == are_pairs;
                              }),
          "held_out.kind: {} of preferences, but no stage learns from {}",
          are_pairs ? "pairs" : "no pairs", are_pairs ? "such (prefer)" : "other documents");
}

NumberType read_type(JsonReader& recipe) {
  const auto word = recipe.get_or<std::string>("number_type", "float32");
  const auto type = type_named(word);
  // Gradients of float16 would have to be scaled, lest they vanish.
  require(type == NumberType::Float32 || type == NumberType::BFloat16,
          "{}: expected float32 or bfloat16, found '{}'", recipe.path_of("number_type"), word);
  return *type;
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
  recipe.evaluation = read_evaluation(reader, data_root);
  reader.done();
  for (const auto& stage : recipe.stages) check_kinds_of_data(stage, recipe.data);
  check_kind_of_held_out(recipe);
  return recipe;
}

}  // namespace hylo::models
