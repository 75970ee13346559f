// Variable tracking. Source: NVIDIA/RULER c3f5e3b, scripts/data/synthetic/variable_tracking.py.
#include <fmt/ranges.h>

#include <algorithm>
#include <optional>
#include <set>

#include "harness/base/unicode.h"
#include "tasks/ruler/compat/build.h"

namespace hylo::tasks::ruler::compat {
namespace {

// The worked example: its budget in tokens, its step, the letters of its names and its value.
constexpr int64_t example_length = 500;
constexpr int64_t example_step = 5;
constexpr size_t example_letters = 3;
constexpr size_t letters = 5;
constexpr std::string_view example_value = "12345";

std::string draw_name(PythonRandom& random, size_t num_letters) {
  std::string name;
  for (const size_t i : random.choices(26, num_letters)) name += static_cast<char>('A' + i);
  return name;
}

std::string draw_value(NumpyRandom& random) { return std::to_string(random.randint(10000, 99999)); }

struct Chain {
  std::vector<std::string> names;
  std::string value;
};

/// The worked example and the names in it.
struct Example {
  std::string text;
  std::vector<std::string> names;
};

class VtDraws {
 public:
  VtDraws(Build& build, const VtSpec& spec)
      : build_(build), num_names_(static_cast<size_t>(spec.num_hops + 1)) {
    invariant(spec.num_chains == 1, "vt: {} chains, expected 1", spec.num_chains);
  }

  Attempt draw_example(int64_t units) { return prompt_of(draw_chain(example_letters), units); }
  Attempt draw_probe(int64_t units) { return prompt_of(draw_chain(letters), units); }

  /// The prompt after a worked example whose names and value are drawn anew.
  Attempt draw_sample(int64_t units, const Example& example) {
    auto attempt = draw_probe(units);
    if (auto* draft = std::get_if<Draft>(&attempt)) draft->text.insert(0, redrawn(example));
    return attempt;
  }

 private:
  /// Nothing when two names are alike: names are appended until there are enough, but the twins
  /// stay, and what is left over breaks the reference as a chain that is too short; by then it has
  /// drawn a value for it.
  std::optional<Chain> draw_chain(size_t num_letters) {
    auto& streams = build_.streams;
    Chain chain;
    for (size_t i = 0; i < num_names_; ++i) {
      chain.names.push_back(draw_name(streams.python, num_letters));
    }
    std::set<std::string> distinct(chain.names.begin(), chain.names.end());
    const bool has_twins = distinct.size() < num_names_;
    while (distinct.size() < num_names_) distinct.insert(draw_name(streams.python, num_letters));
    const bool is_example = num_letters == example_letters;
    chain.value = is_example ? std::string(example_value) : draw_value(streams.numpy);
    if (!has_twins) return chain;
    if (!is_example) (void)draw_value(streams.numpy);
    return std::nullopt;
  }

  /// Its assignments. A hop ends in a space.
  static std::vector<std::string> assignments(const Chain& chain) {
    std::vector<std::string> lines{fmt::format("VAR {} = {}", chain.names[0], chain.value)};
    for (size_t i = 1; i < chain.names.size(); ++i) {
      lines.push_back(fmt::format("VAR {} = VAR {} ", chain.names[i], chain.names[i - 1]));
    }
    return lines;
  }

  Attempt prompt_of(const std::optional<Chain>& chain, int64_t units) {
    if (!chain) return NoDraft{.why = "two names were alike", .by_chance = true};
    if (units < static_cast<int64_t>(num_names_)) {
      return NoDraft{.why = fmt::format("have no room for {} assignments", num_names_)};
    }
    std::vector<std::string> lines(static_cast<size_t>(units), build_.prompts.noise);
    auto places = build_.streams.python.sample(lines.size(), num_names_);
    std::ranges::sort(places);
    const auto hops = assignments(*chain);
    for (size_t i = 0; i < hops.size(); ++i) {
      lines.insert(lines.begin() + static_cast<std::ptrdiff_t>(places[i] + i), hops[i]);
    }
    const auto context = replace_all(fmt::format("{}", fmt::join(lines, "\n")), ". \n", ".\n");
    const auto num_v = std::to_string(num_names_);
    const auto& prompt = build_.prompts.vt;
    Draft draft{.text = fill(prompt.task + prompt.answer_prefix,
                             {{"context", context}, {"query", chain->value}, {"num_v", num_v}}),
                .references = chain->names};
    auto& depths = draft.meta["depths"] = OrderedJson::array();
    for (const size_t place : places) {
      depths.push_back(static_cast<double>(place) / static_cast<double>(units));
    }
    return draft;
  }

  /// By replacement of text, name after name: a name that is part of another word damages it.
  std::string redrawn(const Example& example) {
    std::string text = example.text;
    for (const auto& name : example.names) {
      text = replace_all(text, name, draw_name(build_.streams.python, name.size()));
    }
    return replace_all(text, example_value, draw_value(build_.streams.numpy));
  }

  Build& build_;
  size_t num_names_;
};

/// The worked example: found by a search of its own, which allows for no new tokens.
Example make_example(Build& build, VtDraws& draws, std::vector<Fit>& fits) {
  Fitting fitting = build.fitting("lines of the worked example", example_step);
  fitting.length = example_length;
  fitting.max_new_tokens = 0;
  fitting.what_to_do =
      "its size is fixed, so that with this tokenizer there is no length at which the task can be "
      "made in the mode compat";
  const Draw draw = [&](int64_t units, size_t) { return draws.draw_example(units); };
  fits.push_back(search(fitting, draw, build.count));
  const SampleLoop loop{fitting, build.streams, draw, build.count, build.max_redraws};
  const Draft draft = make_sample(loop, fits.back().final_units, 0).draft;
  return {.text = fmt::format("{} {}\n\n", draft.text, fmt::join(draft.references, " ")),
          .names = draft.references};
}

}  // namespace

std::vector<Fit> build_vt(Build& build, const VtSpec& spec) {
  VtDraws draws(build, spec);
  std::vector<Fit> fits;
  const Example example = make_example(build, draws, fits);
  Fitting fitting = build.fitting("lines", build.is_short() ? 5 : 10);
  fitting.example_tokens = build.count(example.text);
  const Draw probe = [&](int64_t units, size_t) { return draws.draw_probe(units); };
  fits.push_back(search(fitting, probe, build.count));
  const Draw sample = [&](int64_t units, size_t) { return draws.draw_sample(units, example); };
  build.make_samples(fitting, fits.back().final_units, sample);
  return fits;
}

}  // namespace hylo::tasks::ruler::compat
