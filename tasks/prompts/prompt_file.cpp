#include "tasks/prompts/prompt_file.h"

namespace hylo::tasks {
namespace {

std::vector<FieldPath> paths_of(const std::vector<std::string>& texts) {
  return {texts.begin(), texts.end()};
}

std::vector<Regex> regexes_of(const std::vector<std::string>& patterns) {
  return {patterns.begin(), patterns.end()};
}

ChoicePrompt read_choice(JsonReader& reader) {
  ChoicePrompt prompt{.question = TextTemplate(reader.get<std::string>("question")),
                      .choices = paths_of(reader.get<std::vector<std::string>>("choices")),
                      .labels = {},
                      .answer = FieldPath(reader.get<std::string>("answer"))};
  if (reader.has("labels")) prompt.labels.emplace(reader.get<std::string>("labels"));
  return prompt;
}

AnswerFilter read_filter(const Json& json, const std::string& path) {
  JsonReader reader(json, path);
  AnswerFilter filter{.name = reader.get<std::string>("name"),
                      .pattern = Regex(reader.get<std::string>("pattern")),
                      .take = Take::First};
  const auto take = reader.get<std::string>("take");
  require(take == "first" || take == "last", "{}: expected first or last, found '{}'",
          reader.path_of("take"), take);
  if (take == "last") filter.take = Take::Last;
  reader.done();
  return filter;
}

GenerationPrompt read_generation(JsonReader& reader) {
  GenerationPrompt prompt{
      .question = TextTemplate(reader.get<std::string>("question")),
      .answer = FieldPath(reader.get<std::string>("answer")),
      .stop = reader.get<std::vector<std::string>>("stop"),
      .max_new_tokens = reader.get<int64_t>("max_new_tokens"),
      .filters = {},
      .comparison = {.ignored = regexes_of(reader.get<std::vector<std::string>>("ignored")),
                     .ignores_case = reader.get<bool>("ignores_case")}};
  const Json& filters = reader.at("filters");
  for (size_t i = 0; i < filters.size(); ++i) {
    prompt.filters.push_back(
        read_filter(filters[i], fmt::format("{}[{}]", reader.path_of("filters"), i)));
  }
  return prompt;
}

template <class Read>
auto read_each(JsonReader& file, std::string_view key, Read read) {
  std::map<std::string, decltype(read(file)), std::less<>> prompts;
  if (!file.has(key)) return prompts;
  for (const auto& [name, json] : file.at(key).items()) {
    JsonReader reader(json, fmt::format("{}.{}", file.path_of(key), name));
    prompts.emplace(name, read(reader));
    reader.done();
  }
  return prompts;
}

}  // namespace

PromptFile read_prompt_file(const std::filesystem::path& file) {
  const Json json = read_json_file(file);
  JsonReader reader(json, file.string());
  reader.ignore("attribution");
  PromptFile prompts{.source = reader.get<std::string>("source"),
                     .licence = reader.get<std::string>("licence"),
                     .choice = read_each(reader, "choice", read_choice),
                     .generation = read_each(reader, "generation", read_generation)};
  reader.done();
  return prompts;
}

}  // namespace hylo::tasks
