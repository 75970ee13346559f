#include "tasks/custom/custom_task.h"

#include <utility>

#include "harness/base/error.h"
#include "harness/base/json.h"
#include "tasks/choice/choice_task.h"
#include "tasks/generation/generation_task.h"

namespace hylo::tasks {
namespace {

constexpr const char* data_split = "data";
constexpr const char* fewshot_split = "fewshot";
constexpr const char* fixed_split = "fixed";
constexpr std::string_view signs_of_names =
    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-";

/// A task of the catalog's classes whose data set the task file describes.
template <class Base>
class Custom final : public Base {
 public:
  template <class Prompt>
  Custom(TaskInfo info, Prompt prompt, datasets::Manifest manifest)
      : Base(std::move(info), std::move(prompt)), manifest_(std::move(manifest)) {}
  [[nodiscard]] datasets::Manifest manifest() const override { return manifest_; }

 private:
  datasets::Manifest manifest_;
};

datasets::ManifestFile read_file(JsonReader& reader, const char* split) {
  datasets::ManifestFile file{
      .path = reader.get<std::string>("file"),
      .split = split,
      .format = datasets::format_named(reader.get_or<std::string>("format", "json_lines"),
                                       reader.path_of("format"))};
  if (reader.has("sha256")) {
    file.sha256 =
        datasets::checked_sha256(reader.get<std::string>("sha256"), reader.path_of("sha256"));
  }
  return file;
}

Sampler read_sampler(JsonReader& reader, const char* otherwise) {
  const auto name = reader.get_or<std::string>("sampler", otherwise);
  require(name == "default" || name == "first_n", "{}: expected default or first_n, found '{}'",
          reader.path_of("sampler"), name);
  return name == "default" ? Sampler::Default : Sampler::FirstN;
}

/// Worked examples in the prompt itself.
int64_t count_shots(JsonReader& file) {
  const Json& prompt = file.at("prompt");
  const bool has_shots = prompt.is_object() && prompt.contains("shots");
  return has_shots ? std::ssize(prompt["shots"]) : 0;
}

/// All shots of the prompt in their order, unless the file says otherwise.
void read_use_of_shots(JsonReader& file, int64_t num_shots, TaskInfo& info) {
  info.fewshot_split = fixed_split;
  info.default_num_fewshot = num_shots;
  info.sampler = Sampler::FirstN;
  if (!file.has("fewshot")) return;
  const Json& json = file.at("fewshot");
  JsonReader reader(json, file.path_of("fewshot"));
  require(!reader.has("file"),
          "{}: expected no file beside the {} worked examples of prompt.shots, found one; leave "
          "one of them out",
          reader.path_of("file"), num_shots);
  info.default_num_fewshot = reader.get_or<int64_t>("count", num_shots);
  require(info.default_num_fewshot >= 0 && info.default_num_fewshot <= num_shots,
          "{}: expected 0 to {}, as many as prompt.shots has; found {}", reader.path_of("count"),
          num_shots, info.default_num_fewshot);
  info.sampler = read_sampler(reader, "first_n");
  reader.done();
}

/// Worked examples from a file of their own, or from the evaluated one without the document itself.
void read_fewshot(JsonReader& file, TaskInfo& info, datasets::Manifest& manifest) {
  if (const auto num_shots = count_shots(file); num_shots > 0) {
    return read_use_of_shots(file, num_shots, info);
  }
  if (!file.has("fewshot")) return;
  const Json& json = file.at("fewshot");
  JsonReader reader(json, file.path_of("fewshot"));
  info.default_num_fewshot = reader.get_or<int64_t>("count", 0);
  require(info.default_num_fewshot >= 0, "{}: expected 0 or more, found {}",
          reader.path_of("count"), info.default_num_fewshot);
  info.sampler = read_sampler(reader, "default");
  if (reader.has("file")) {
    manifest.files.push_back(read_file(reader, fewshot_split));
    info.fewshot_split = fewshot_split;
  } else {
    info.fewshot_split = data_split;
    info.leaves_itself_out = true;
  }
  reader.done();
}

TaskInfo read_info(JsonReader& reader, const std::filesystem::path& file) {
  TaskInfo info{.name = reader.get<std::string>("name"),
                .version = reader.get<std::string>("version"),
                .description = reader.get_or<std::string>("description", ""),
                .source = reader.get_or<std::string>("source", file.string()),
                .licence = reader.get_or<std::string>("licence", ""),
                .dataset = {},
                .split = data_split,
                .fewshot_split = {}};
  require(!info.name.empty() && info.name.find_first_not_of(signs_of_names) == std::string::npos,
          "{}: expected letters, digits, _, . and -, found '{}'", reader.path_of("name"),
          info.name);
  info.dataset = info.name;
  return info;
}

datasets::Manifest read_data(JsonReader& file, const TaskInfo& info,
                             const std::filesystem::path& path) {
  const Json& json = file.at("data");
  JsonReader reader(json, file.path_of("data"));
  datasets::Manifest manifest{.name = info.name,
                              .source = path.string(),
                              .licence = info.licence,
                              .attribution = {},
                              .notes = {},
                              .place = datasets::Place::Beside,
                              .folder = path.parent_path(),
                              .hub = {},
                              .fields = {},
                              .files = {read_file(reader, data_split)}};
  reader.done();
  return manifest;
}

/// A description is the same for all documents, so a brace in it was meant otherwise.
ChoicePrompt read_own_choice_prompt(JsonReader& reader) {
  auto prompt = read_choice_prompt(reader);
  require(prompt.description.find_first_of("{}") == std::string::npos,
          "{}: expected a text without braces, found '{}'; it is the same for every document and "
          "has no places",
          reader.path_of("description"), prompt.description);
  prompt.refuses_blank_choices = true;
  return prompt;
}

template <class Base, class Read>
std::unique_ptr<Task> task_of(JsonReader& file, TaskInfo info, datasets::Manifest manifest,
                              Read read_prompt) {
  const Json& json = file.at("prompt");
  JsonReader reader(json, file.path_of("prompt"));
  auto prompt = read_prompt(reader);
  reader.done();
  file.done();
  try {
    return std::make_unique<Custom<Base>>(std::move(info), std::move(prompt), std::move(manifest));
  } catch (const Error& error) {
    fail("{}: {}", reader.path_of("metrics"), error.what());
  }
}

}  // namespace

bool is_task_file(std::string_view name) { return name.ends_with(".json"); }

std::unique_ptr<Task> read_custom_task(const std::filesystem::path& file) {
  const Json json = read_json_file(file);
  require(json.is_object(), "{}: expected a JSON object, found {}", file.string(),
          json.type_name());
  JsonReader reader(json, file.string());
  auto info = read_info(reader, file);
  auto manifest = read_data(reader, info, file);
  read_fewshot(reader, info, manifest);
  const auto kind = reader.get<std::string>("kind");
  require(kind == "choice" || kind == "generation", "{}: expected choice or generation, found '{}'",
          reader.path_of("kind"), kind);
  if (kind == "choice") {
    return task_of<ChoiceTask>(reader, std::move(info), std::move(manifest),
                               read_own_choice_prompt);
  }
  return task_of<GenerationTask>(reader, std::move(info), std::move(manifest),
                                 read_generation_prompt);
}

}  // namespace hylo::tasks
