// Needles in a haystack. Source: NVIDIA/RULER c3f5e3b, scripts/data/synthetic/niah.py.
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <numeric>
#include <optional>

#include "tasks/ruler/compat/build.h"
#include "tasks/ruler/essay_haystack.h"
#include "tasks/ruler/needle_parts.h"
#include "tasks/ruler/word_pairs.h"

namespace hylo::tasks::ruler::compat {
namespace {

/// 40 values from 0 to 100, evenly spaced and rounded.
constexpr std::array depths{0,  3,  5,  8,  10, 13, 15, 18, 21, 23, 26, 28, 31, 33,
                            36, 38, 41, 44, 46, 49, 51, 54, 56, 59, 62, 64, 67, 69,
                            72, 74, 77, 79, 82, 85, 87, 90, 92, 95, 97, 100};

/// Of getrandbits(128), whose low half is drawn first.
std::string uuid(PythonRandom& random) {
  const uint64_t low = random.getrandbits(64);
  return version_4_uuid(random.getrandbits(64), low);
}

struct Needles {
  std::vector<std::string> keys;
  std::vector<std::vector<std::string>> values;  ///< of each key
  std::vector<std::string> sentences;            ///< in the order in which they are hidden
  std::vector<size_t> numbers;                   ///< of each sentence, as it was drawn
};

/// The haystack with the needles in it, and where each needle lies, as a share of the haystack.
struct Hidden {
  std::string context;
  std::vector<double> depths;
};

class NiahDraws {
 public:
  NiahDraws(Build& build, const NiahSpec& spec)
      : build_(build), spec_(spec), pairs_(build.sources.words), prompt_(build.prompts.niah) {
    if (spec.haystack == Haystack::Essay) essay_.emplace(build.sources.essay, Punkt::english());
    if (has_one_answer()) prompt_ = in_the_singular(prompt_);
  }

  Attempt draw(int64_t units) {
    const Needles needles = draw_needles();
    const bool in_essay = spec_.haystack == Haystack::Essay;
    if (!in_essay && units < static_cast<int64_t>(needles.sentences.size())) {
      return NoDraft{.why = fmt::format("have no room for {} needles", needles.sentences.size())};
    }
    return ask(needles, in_essay ? hide_in_essay(needles, units) : hide_in_lines(needles, units));
  }

 private:
  [[nodiscard]] bool has_one_answer() const { return spec_.num_queries * spec_.num_values == 1; }

  std::string draw_part(NeedlePart part) {
    auto& random = build_.streams.python;
    switch (part) {
      case NeedlePart::Words:
        return pairs_.at(random.randbelow(pairs_.size()));
      case NeedlePart::Numbers:
        return std::to_string(random.randint(1'000'000, 9'999'999));
      case NeedlePart::Uuids:
        return uuid(random);
    }
    return "";
  }

  [[nodiscard]] std::string needle(std::string_view key, std::string_view value) const {
    return fill(build_.prompts.needle,
                {{"type_needle_v", name_of(spec_.value)}, {"key", key}, {"value", value}});
  }

  Needles draw_needles() {
    Needles needles;
    for (int64_t k = 0; k < spec_.num_keys; ++k) {
      needles.keys.push_back(draw_part(spec_.key));
      auto& values = needles.values.emplace_back();
      for (int64_t v = 0; v < spec_.num_values; ++v) {
        values.push_back(draw_part(spec_.value));
        needles.sentences.push_back(needle(needles.keys.back(), values.back()));
      }
    }
    needles.numbers.resize(needles.sentences.size());
    std::iota(needles.numbers.begin(), needles.numbers.end(), size_t{0});
    build_.streams.shuffle_afresh(needles.sentences);
    build_.streams.shuffle_afresh(needles.numbers);
    return needles;
  }

  Hidden hide_in_essay(const Needles& needles, int64_t units) {
    const auto& essay = essay_->sentences_of(units);
    const size_t num_sentences = essay.sentences.size();
    const size_t num_needles = needles.sentences.size();
    std::vector<size_t> places;
    for (const size_t depth : build_.streams.python.sample(depths.size(), num_needles)) {
      places.push_back(static_cast<size_t>(static_cast<double>(num_sentences) *
                                           (static_cast<double>(depths.at(depth)) / 100.0)));
    }
    std::ranges::sort(places);
    Hidden hidden{.context = {}, .depths = std::vector<double>(num_needles)};
    hidden.context.reserve(essay.text.size() + 256 * num_needles);
    size_t begin = 0;
    for (size_t i = 0; i < num_needles; ++i) {
      hidden.context.append(essay.group(begin, places[i])).append(1, ' ');
      hidden.context.append(needles.sentences[i]).append(1, ' ');
      begin = places[i];
      hidden.depths[needles.numbers[i]] =
          num_sentences == 0 ? 0 : static_cast<double>(begin) / static_cast<double>(num_sentences);
    }
    hidden.context += essay.group(begin, num_sentences);
    return hidden;
  }

  std::vector<std::string> lines_of_haystack(int64_t units) {
    const auto num_lines = static_cast<size_t>(units);
    if (spec_.haystack == Haystack::Noise) return {num_lines, build_.prompts.noise};
    std::vector<std::string> lines;
    for (size_t i = 0; i < num_lines; ++i) {
      const auto key = draw_part(spec_.key);
      lines.push_back(needle(key, draw_part(spec_.value)));
    }
    return lines;
  }

  /// Needles go in from the back, each before the line that has its number.
  Hidden hide_in_lines(const Needles& needles, int64_t units) {
    auto lines = lines_of_haystack(units);
    auto places = build_.streams.python.sample(lines.size(), needles.sentences.size());
    std::ranges::sort(places, std::greater{});
    Hidden hidden{.context = {}, .depths = std::vector<double>(places.size())};
    for (size_t i = 0; i < places.size(); ++i) {
      lines.insert(lines.begin() + static_cast<std::ptrdiff_t>(places[i]), needles.sentences[i]);
      hidden.depths[needles.numbers[i]] =
          static_cast<double>(places[i]) / static_cast<double>(units);
    }
    hidden.context = fmt::format("{}", fmt::join(lines, "\n"));
    return hidden;
  }

  Draft ask(const Needles& needles, const Hidden& hidden) {
    Draft draft;
    std::vector<std::string> keys;
    auto& found_at = draft.meta["depths"] = OrderedJson::array();
    for (const size_t k : build_.streams.python.sample(needles.keys.size(),
                                                       static_cast<size_t>(spec_.num_queries))) {
      keys.push_back(needles.keys[k]);
      for (size_t v = 0; v < needles.values[k].size(); ++v) {
        draft.references.push_back(needles.values[k][v]);
        found_at.push_back(hidden.depths[k * needles.values[k].size() + v]);
      }
    }
    const auto query = query_list(keys);
    auto kind = name_of(spec_.value);
    if (has_one_answer()) kind.remove_suffix(1);
    draft.text = fill(prompt_.task + prompt_.answer_prefix,
                      {{"type_needle_v", kind}, {"context", hidden.context}, {"query", query}});
    return draft;
  }

  Build& build_;
  NiahSpec spec_;
  WordPairs pairs_;
  FamilyPrompt prompt_;
  std::optional<EssayHaystack> essay_;
};

}  // namespace

std::vector<Fit> build_niah(Build& build, const NiahSpec& spec) {
  NiahDraws draws(build, spec);
  const bool in_essay = spec.haystack == Haystack::Essay;
  const int64_t lines_a_step = build.is_short() ? 5 : 25;
  const auto fitting =
      in_essay ? build.fitting("words", 500) : build.fitting("lines", lines_a_step);
  const Draw draw = [&](int64_t units, size_t) { return draws.draw(units); };
  const Fit fit = search(fitting, draw, build.count);
  build.make_samples(fitting, fit.final_units, draw);
  return {fit};
}

}  // namespace hylo::tasks::ruler::compat
