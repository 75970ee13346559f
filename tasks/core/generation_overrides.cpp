#include "tasks/core/generation_overrides.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "harness/base/json.h"
#include "harness/base/unicode.h"

namespace hylo::tasks {
namespace {

constexpr std::string_view option_name = "--gen-kwargs";
/// Of these the first that is given counts, as in lm-eval.
constexpr std::array<std::string_view, 4> length_keys{"max_gen_toks", "max_new_tokens",
                                                      "max_tokens", "max_completion_tokens"};
constexpr std::array<std::string_view, 8> other_keys{
    "until", "do_sample", "temperature", "top_k", "top_p", "min_p", "repetition_penalty", "seed"};

std::string where(std::string_view key) { return fmt::format("{} {}", option_name, key); }

/// A bare word is true, false or a number if it reads as one (Python's True and False too), else
/// text.
Json value_of_word(std::string_view word) {
  if (word == "True") return true;
  if (word == "False") return false;
  Json value = Json::parse(word, nullptr, /*allow_exceptions=*/false);
  return value.is_boolean() || value.is_number() ? value : Json(word);
}

Json from_pairs(std::string_view text) {
  Json settings = Json::object();
  for (const auto pair : split(text, ',')) {
    const size_t equals = pair.find('=');
    require(
        equals != std::string_view::npos && equals > 0,
        "{}: expected key=value, found '{}'; a stop string that holds a comma needs the JSON form "
        "{{\"until\": [...]}}",
        option_name, pair);
    const std::string key(python_strip(pair.substr(0, equals)));
    const auto word = pair.substr(equals + 1);
    if (key == "until") {
      settings[key].push_back(word);
      continue;
    }
    require(!settings.contains(key), "{}: given twice", where(key));
    settings[key] = value_of_word(word);
  }
  return settings;
}

void check_keys(const Json& settings) {
  std::vector<std::string> known(other_keys.begin(), other_keys.end());
  known.insert(known.end(), length_keys.begin(), length_keys.end());
  for (const auto& [key, value] : settings.items()) {
    if (std::ranges::find(known, key) != known.end()) continue;
    const auto near = nearest(key, known);
    fail("{}: unknown key '{}'{}", option_name, key,
         near ? fmt::format(", did you mean {}?", *near) : "");
  }
}

std::optional<double> number(const Json& settings, std::string_view key, const char* range,
                             bool (*is_in_range)(double)) {
  const auto found = settings.find(key);
  if (found == settings.end()) return std::nullopt;
  require(found->is_number() && std::isfinite(found->get<double>()) &&
              is_in_range(found->get<double>()),
          "{}: expected a number {}, found {}", where(key), range, found->dump());
  return found->get<double>();
}

std::optional<int64_t> whole_number(const Json& settings, std::string_view key, int64_t least) {
  const auto found = settings.find(key);
  if (found == settings.end()) return std::nullopt;
  require(found->is_number_integer() && found->get<int64_t>() >= least,
          "{}: expected a whole number from {} on, found {}", where(key), least, found->dump());
  return found->get<int64_t>();
}

std::optional<bool> truth(const Json& settings, std::string_view key) {
  const auto found = settings.find(key);
  if (found == settings.end()) return std::nullopt;
  require(found->is_boolean(), "{}: expected true or false, found {}", where(key), found->dump());
  return found->get<bool>();
}

std::optional<std::vector<std::string>> stop_strings(const Json& settings) {
  const auto found = settings.find("until");
  if (found == settings.end()) return std::nullopt;
  const Json list = found->is_array() ? *found : Json::array({*found});
  std::vector<std::string> stop;
  for (const auto& text : list) {
    require(text.is_string() && !text.get<std::string>().empty(),
            "{}: expected texts that are not empty, found {}", where("until"), text.dump());
    stop.push_back(text.get<std::string>());
  }
  return stop;
}

std::optional<int64_t> max_new_tokens(const Json& settings) {
  std::optional<int64_t> chosen;
  for (const auto key : length_keys) {
    const auto given = whole_number(settings, key, 1);
    if (!chosen) chosen = given;
  }
  return chosen;
}

bool samples(const GenerationOverrides& o) {
  return o.do_sample.value_or(o.temperature.value_or(0) > 0);
}

void check_together(const GenerationOverrides& o) {
  require(o.do_sample.value_or(true) || o.temperature.value_or(0) == 0,
          "{}: do_sample=false and temperature={} contradict each other; leave one out",
          option_name, o.temperature.value_or(0));
  require(!o.do_sample.value_or(false) || o.temperature.value_or(1) > 0,
          "{}: do_sample=true and temperature=0 contradict each other; leave one out", option_name);
  const bool narrows =
      o.top_k.value_or(0) > 0 || o.top_p.value_or(1) < 1 || o.min_p.value_or(0) > 0;
  require(samples(o) || !narrows,
          "{}: top_k, top_p and min_p have no effect on greedy decoding; add do_sample=true or a "
          "temperature above 0",
          option_name);
}

}  // namespace

GenerationOverrides parse_generation_overrides(std::string_view text) {
  const auto bare = python_strip(text);
  if (bare.empty()) return {};
  const Json settings =
      bare.front() == '{' ? parse_json(bare, std::string(option_name)) : from_pairs(text);
  require(settings.is_object(), "{}: expected a JSON object, found {}", option_name,
          settings.type_name());
  check_keys(settings);
  GenerationOverrides overrides{
      .stop = stop_strings(settings),
      .max_new_tokens = max_new_tokens(settings),
      .do_sample = truth(settings, "do_sample"),
      .temperature = number(settings, "temperature", "from 0 on", [](double x) { return x >= 0; }),
      .top_k = whole_number(settings, "top_k", 0),
      .top_p = number(settings, "top_p", "above 0 and up to 1",
                      [](double x) { return x > 0 && x <= 1; }),
      .min_p = number(settings, "min_p", "from 0 to 1", [](double x) { return x >= 0 && x <= 1; }),
      .repetition_penalty =
          number(settings, "repetition_penalty", "above 0", [](double x) { return x > 0; }),
      .seed = whole_number(settings, "seed", 0)};
  check_together(overrides);
  return overrides;
}

GenerateText with_overrides(GenerateText request, const GenerationOverrides& overrides) {
  Sampling& sampling = request.sampling;
  if (overrides.stop) request.stop = *overrides.stop;
  request.max_new_tokens = overrides.max_new_tokens.value_or(request.max_new_tokens);
  if (overrides.do_sample) sampling.temperature = *overrides.do_sample ? 1 : 0;
  sampling.temperature = overrides.temperature.value_or(sampling.temperature);
  sampling.top_k = overrides.top_k.value_or(sampling.top_k);
  sampling.top_p = overrides.top_p.value_or(sampling.top_p);
  sampling.min_p = overrides.min_p.value_or(sampling.min_p);
  sampling.repetition_penalty = overrides.repetition_penalty.value_or(sampling.repetition_penalty);
  sampling.seed = overrides.seed.value_or(sampling.seed);
  return request;
}

}  // namespace hylo::tasks
