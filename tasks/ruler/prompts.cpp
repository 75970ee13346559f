#include "tasks/ruler/prompts.h"

#include <algorithm>

#include "harness/base/files.h"
#include "harness/base/json.h"
#include "harness/base/unicode.h"

namespace hylo::tasks::ruler {
namespace {

FamilyPrompt read_family(JsonReader& reader) {
  return {.task = reader.get<std::string>("task"),
          .answer_prefix = reader.get<std::string>("answer_prefix")};
}

std::string text_of(std::string_view name, std::initializer_list<Place> places,
                    std::string_view text) {
  const auto* found = std::ranges::find(places, name, &Place::first);
  require(found != places.end(), "prompt '{}': nothing is known for the place {{{}}}", text, name);
  return std::string(found->second);
}

std::string singular(std::string text) {
  using Change = std::pair<std::string_view, std::string_view>;
  constexpr Change changes[] = {
      {"Some", "A"}, {"are all", "is"}, {"are", "is"}, {"answers", "answer"}};
  for (const auto& [from, to] : changes) text = replace_all(text, from, to);
  return text;
}

}  // namespace

RulerPrompts read_ruler_prompts(const std::filesystem::path& file) {
  const Json json = read_json_file(file);
  JsonReader reader(json, file.string());
  reader.ignore("attribution");
  RulerPrompts prompts;
  prompts.source = reader.get<std::string>("source");
  prompts.licence = reader.get<std::string>("licence");
  prompts.noise = reader.get<std::string>("noise");
  const auto family = [&](std::string_view name, FamilyPrompt& prompt, std::string_view extra = {},
                          std::string* text = nullptr) {
    JsonReader inner(reader.at(name), reader.path_of(name));
    prompt = read_family(inner);
    if (text) *text = inner.get<std::string>(extra);
    inner.done();
  };
  family("niah", prompts.niah, "needle", &prompts.needle);
  family("vt", prompts.vt);
  family("cwe", prompts.cwe);
  family("fwe", prompts.fwe);
  family("qa", prompts.qa, "document", &prompts.document);
  reader.done();
  return prompts;
}

RulerPrompts read_ruler_prompts() {
  return read_ruler_prompts(shipped_file("tasks/ruler/ruler.json"));
}

std::string fill(std::string_view text, std::initializer_list<Place> places) {
  size_t num_bytes = text.size();
  for (const auto& place : places) num_bytes += 2 * std::min<size_t>(place.second.size(), 512);
  std::string out;
  out.reserve(num_bytes);
  for (std::string_view rest = text; !rest.empty();) {
    const size_t open = rest.find('{');
    out += rest.substr(0, open);
    if (open == std::string_view::npos) break;
    const size_t close = rest.find('}', open);
    require(close != std::string_view::npos, "prompt '{}': a brace is not closed", text);
    out += text_of(rest.substr(open + 1, close - open - 1), places, text);
    rest.remove_prefix(close + 1);
  }
  return out;
}

FamilyPrompt in_the_singular(const FamilyPrompt& prompt) {
  return {.task = singular(prompt.task), .answer_prefix = singular(prompt.answer_prefix)};
}

std::string query_list(const std::vector<std::string>& keys) {
  std::string list = keys.front();
  for (size_t i = 1; i + 1 < keys.size(); ++i) list += ", " + keys[i];
  return keys.size() > 1 ? list + ", and " + keys.back() : list;
}

}  // namespace hylo::tasks::ruler
