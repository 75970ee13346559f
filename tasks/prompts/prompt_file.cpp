#include "tasks/prompts/prompt_file.h"

#include <algorithm>
#include <set>

#include "harness/base/files.h"
#include "harness/base/unicode.h"

namespace hylo::tasks {
namespace {

using Texts = std::vector<std::string>;

/// A text that must parse as a T; the message names the key.
template <class T>
T parse_text(JsonReader& reader, std::string_view key, const std::string& text) {
  try {
    return T(text);
  } catch (const Error& error) {
    fail("{}: {}", reader.path_of(key), error.what());
  }
}

template <class T>
T get_as(JsonReader& reader, std::string_view key) {
  return parse_text<T>(reader, key, reader.get<std::string>(key));
}

/// A list that says nothing when empty is left out instead.
Texts get_texts(JsonReader& reader, std::string_view key, const Texts& otherwise = {}) {
  auto texts = reader.get_or<Texts>(key, otherwise);
  require(!texts.empty() || !reader.has(key), "{}: expected at least one text, found none",
          reader.path_of(key));
  return texts;
}

template <class T>
std::vector<T> get_each(JsonReader& reader, std::string_view key, const Texts& texts) {
  std::vector<T> all;
  for (const auto& text : texts) {
    all.push_back(parse_text<T>(reader, key, text));
  }
  return all;
}

template <class T>
std::optional<T> get_optional(JsonReader& reader, std::string_view key) {
  if (!reader.has(key)) return std::nullopt;
  return get_as<T>(reader, key);
}

/// Of two keys that say the same in two ways one must be there and the other not.
void require_one_of(JsonReader& reader, std::string_view one, std::string_view other) {
  if (reader.has(one) != reader.has(other)) return;
  require(!reader.has(one), "{}: expected either this or {}, found both", reader.path_of(one),
          other);
  const auto unread = reader.unread();
  const auto near_one = nearest(one, unread);
  const auto near = near_one ? near_one : nearest(other, unread);
  fail("{}: expected either this or {}, found neither{}", reader.path_of(one), other,
       near ? fmt::format("; if {} is meant for it, call it '{}'", reader.path_of(*near),
                          near_one ? one : other)
            : "");
}

void read_questions(JsonReader& reader, ChoicePrompt& prompt) {
  require_one_of(reader, "question", "questions");
  if (reader.has("question")) {
    prompt.questions.push_back(get_as<TextTemplate>(reader, "question"));
    require_one_of(reader, "choices", "choice_texts");
    prompt.choices = get_each<FieldPath>(reader, "choices", get_texts(reader, "choices"));
    prompt.choice_texts = get_texts(reader, "choice_texts");
    return;
  }
  prompt.questions = get_each<TextTemplate>(reader, "questions", get_texts(reader, "questions"));
  prompt.continuation = get_as<TextTemplate>(reader, "continuation");
}

void read_answer(JsonReader& reader, ChoicePrompt& prompt) {
  require_one_of(reader, "answer", "gold");
  prompt.answer = get_optional<FieldPath>(reader, "answer");
  prompt.gold = reader.get_or<size_t>("gold", 0);
  prompt.first_number = reader.get_or<int64_t>("first_number", 0);
  require(!reader.has("labels") || !reader.has("label_texts"),
          "{}: expected either this or label_texts, found both", reader.path_of("labels"));
  prompt.labels = get_optional<FieldPath>(reader, "labels");
  prompt.label_texts = get_texts(reader, "label_texts");
}

AnswerFilter read_filter(const Json& json, const std::string& path) {
  JsonReader reader(json, path);
  AnswerFilter filter{.name = reader.get<std::string>("name"),
                      .pattern = get_as<Regex>(reader, "pattern"),
                      .take = Take::First};
  const auto take = reader.get<std::string>("take");
  require(take == "first" || take == "last", "{}: expected first or last, found '{}'",
          reader.path_of("take"), take);
  // A comma parts metric and filter in reports and on the command line.
  require(!filter.name.empty() && filter.name.find(',') == std::string::npos,
          "{}: expected a name without commas, found '{}'", reader.path_of("name"), filter.name);
  if (take == "last") filter.take = Take::Last;
  reader.done();
  return filter;
}

/// The whole response, stripped.
AnswerFilter whole_response() {
  return {.name = "none", .pattern = Regex("(?s).+"), .take = Take::First};
}

std::vector<AnswerFilter> read_filters(JsonReader& reader) {
  std::vector<AnswerFilter> filters;
  if (!reader.has("filters")) {
    filters.push_back(whole_response());
    return filters;
  }
  const Json& list = reader.at("filters");
  require(list.is_array() && !list.empty(), "{}: expected a list of filters, found {}",
          reader.path_of("filters"), list.dump());
  std::set<std::string> names;
  for (size_t i = 0; i < list.size(); ++i) {
    const auto path = fmt::format("{}[{}]", reader.path_of("filters"), i);
    filters.push_back(read_filter(list[i], path));
    require(names.insert(filters.back().name).second,
            "{}.name: expected a name of its own, found '{}' for a second time", path,
            filters.back().name);
  }
  return filters;
}

Texts read_stop(JsonReader& reader) {
  auto stop = reader.get<Texts>("stop");
  require(std::ranges::find(stop, "") == stop.end(),
          "{}: expected texts that end an answer, found an empty one", reader.path_of("stop"));
  return stop;
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

ChoicePrompt read_choice_prompt(JsonReader& reader) {
  ChoicePrompt prompt;
  prompt.description = reader.get_or<std::string>("description", "");
  read_questions(reader, prompt);
  read_answer(reader, prompt);
  const bool per_choice = prompt.continuation.has_value();
  // Texts of one length would make the normalised metrics acc again.
  prompt.metrics = get_texts(reader, "metrics",
                             per_choice ? Texts{"acc"} : Texts{"acc", "acc_norm", "acc_bytes"});
  prompt.cluster = get_optional<FieldPath>(reader, "cluster");
  return prompt;
}

GenerationPrompt read_generation_prompt(JsonReader& reader) {
  GenerationPrompt prompt{
      .question = get_as<TextTemplate>(reader, "question"),
      .answer = get_as<TextTemplate>(reader, "answer"),
      .stop = read_stop(reader),
      .max_new_tokens = reader.get<int64_t>("max_new_tokens"),
      .filters = read_filters(reader),
      .comparison = {.ignored =
                         get_each<Regex>(reader, "ignored", reader.get_or<Texts>("ignored", {})),
                     .ignores_case = reader.get_or<bool>("ignores_case", false)},
      .shots = reader.get_or<std::vector<Json>>("shots", {})};
  require(prompt.max_new_tokens > 0, "{}: expected 1 or more, found {}",
          reader.path_of("max_new_tokens"), prompt.max_new_tokens);
  require(!prompt.shots.empty() || !reader.has("shots"),
          "{}: expected at least one worked example, found none", reader.path_of("shots"));
  return prompt;
}

LastWordPrompt read_last_word_prompt(JsonReader& reader) {
  return {.question = get_as<TextTemplate>(reader, "question"),
          .target = get_as<TextTemplate>(reader, "target")};
}

PromptFile read_prompt_file(const std::filesystem::path& file) {
  const Json json = read_json_file(file);
  JsonReader reader(json, file.string());
  reader.ignore("attribution");
  PromptFile prompts{.source = reader.get<std::string>("source"),
                     .licence = reader.get<std::string>("licence"),
                     .choice = read_each(reader, "choice", read_choice_prompt),
                     .generation = read_each(reader, "generation", read_generation_prompt),
                     .last_word = read_each(reader, "last_word", read_last_word_prompt)};
  reader.done();
  return prompts;
}

PromptFile shipped_prompts(std::string_view file) {
  return read_prompt_file(shipped_file(std::filesystem::path("tasks/prompts") / file));
}

}  // namespace hylo::tasks
