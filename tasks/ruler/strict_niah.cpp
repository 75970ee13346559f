#include <algorithm>
#include <memory>
#include <optional>

#include "harness/base/overloaded.h"
#include "tasks/ruler/needle_parts.h"
#include "tasks/ruler/punkt.h"
#include "tasks/ruler/strict_designs.h"
#include "tasks/ruler/strict_draws.h"
#include "tasks/ruler/text_pieces.h"

namespace hylo::tasks::ruler {
namespace {

constexpr size_t lines_for_an_estimate = 256;

/// Keys and values of one prompt, none of them twice, the lines of a haystack of needles included.
class NeedleMaker {
 public:
  NeedleMaker(const NiahSpec& spec, const DesignInput& input, CounterRandom random)
      : spec_(spec), input_(input), random_(random) {}

  std::string key() { return drawn(keys_, spec_.key, "keys"); }
  std::string value() { return drawn(values_, spec_.value, "values"); }
  [[nodiscard]] std::string line(std::string_view key, std::string_view value) const {
    return fill(input_.prompts.needle,
                {{"type_needle_v", name_of(spec_.value)}, {"key", key}, {"value", value}});
  }
  std::string line() {
    const auto of_key = key();
    return line(of_key, value());
  }

 private:
  std::string drawn(UniqueTexts& texts, NeedlePart part, std::string_view what) {
    return texts.draw([&] { return draw(part); }, what);
  }
  std::string draw(NeedlePart part) {
    if (part == NeedlePart::Numbers) return draw_number(random_);
    if (part == NeedlePart::Uuids) return draw_uuid(random_);
    const auto& words = input_.sources.words;
    const auto& adjective = words.adjectives.at(random_.below(words.adjectives.size()));
    return adjective + "-" + words.nouns.at(random_.below(words.nouns.size()));
  }

  const NiahSpec& spec_;
  const DesignInput& input_;
  CounterRandom random_;
  UniqueTexts keys_, values_;
};

PieceTable haystack_pieces(const NiahSpec& spec, const DesignInput& input) {
  if (spec.haystack == Haystack::Noise) return {{input.prompts.noise}, "\n", input.count};
  std::vector<std::string> pieces;
  if (spec.haystack == Haystack::Essay) {
    const auto essay = with_single_blanks(input.sources.essay);
    for (const auto [begin, end] : Punkt::english().sentences(essay)) {
      for (const auto part : pieces_of(std::string_view(essay).substr(begin, end - begin))) {
        pieces.emplace_back(part);
      }
    }
    return {std::move(pieces), " ", input.count};
  }
  // The lines of a sample are drawn anew; these only tell what one costs on average.
  NeedleMaker maker(spec, input, CounterRandom(0));
  for (size_t i = 0; i < lines_for_an_estimate; ++i) pieces.push_back(maker.line());
  return {std::move(pieces), "\n", input.count};
}

struct Needle {
  std::string line;
  int64_t slot = 0;  ///< it stands before this unit of the haystack
};

class NiahDesign {
 public:
  NiahDesign(const NiahSpec& spec, const DesignInput& input)
      : spec_(spec),
        input_(input),
        pieces_(haystack_pieces(spec, input)),
        joint_(spec.haystack == Haystack::Essay ? " " : "\n") {
    const bool one_answer = spec.num_queries * spec.num_values == 1;
    prompt_ = one_answer ? in_the_singular(input.prompts.niah) : input.prompts.niah;
    type_ = name_of(spec.value);
    if (one_answer) type_.pop_back();
  }

  [[nodiscard]] Sample draw(int64_t index, int64_t target_tokens) const {
    auto random = sample_random(input_.request, index);
    NeedleMaker maker(spec_, input_, CounterRandom(random.next()));
    auto slots_random = CounterRandom(random.next());
    const size_t first_piece = random.below(pieces_.size());

    Sample sample;
    std::vector<std::string> queries;
    auto needles = draw_needles(maker, sample, queries);
    const auto query = query_list(queries);
    set_prompt(sample, query, "");
    double others = static_cast<double>(input_.count(sample.input + sample.answer_prefix));
    for (const auto& needle : needles) {
      others += static_cast<double>(input_.count(std::string(joint_) + needle.line));
    }
    const auto num_units = std::max<int64_t>(
        min_haystack_units, static_cast<int64_t>(pieces_.num_fitting(
                                first_piece, static_cast<double>(target_tokens) - others)));
    place(needles, index, num_units, slots_random, sample);
    set_prompt(sample, query, context_of(needles, num_units, first_piece, maker));
    return sample;
  }

 private:
  std::vector<Needle> draw_needles(NeedleMaker& maker, Sample& sample,
                                   std::vector<std::string>& queries) const {
    std::vector<Needle> needles;
    for (int64_t k = 0; k < spec_.num_keys; ++k) {
      const auto key = maker.key();
      const bool is_asked = k < spec_.num_queries;
      if (is_asked) queries.push_back(key);
      for (int64_t v = 0; v < spec_.num_values; ++v) {
        const auto value = maker.value();
        needles.push_back({.line = maker.line(key, value)});
        if (is_asked) sample.references.push_back(value);
      }
    }
    return needles;
  }

  void place(std::vector<Needle>& needles, int64_t index, int64_t num_units, CounterRandom& random,
             Sample& sample) const {
    const auto strata = strata_of(input_.request, index, static_cast<int64_t>(needles.size()));
    auto depths = OrderedJson::array();
    for (size_t j = 0; j < needles.size(); ++j) {
      needles[j].slot = slot_in_stratum(strata[j], num_units, random);
      depths.push_back(static_cast<double>(needles[j].slot) / static_cast<double>(num_units));
    }
    sample.meta = {{"depths", depths}, {"strata", strata}, {"units", num_units}};
  }

  std::string context_of(std::vector<Needle> needles, int64_t num_units, size_t first_piece,
                         NeedleMaker& maker) const {
    std::ranges::stable_sort(needles, {}, &Needle::slot);
    std::string context;
    const auto append = [&](std::string_view unit) {
      if (!context.empty()) context += joint_;
      context += unit;
    };
    size_t next = 0;
    for (int64_t unit = 0; unit <= num_units; ++unit) {
      while (next < needles.size() && needles[next].slot == unit) append(needles[next++].line);
      if (unit == num_units) break;
      if (spec_.haystack == Haystack::Needles) {
        append(maker.line());
      } else {
        append(pieces_.piece(first_piece + static_cast<size_t>(unit)));
      }
    }
    return context;
  }

  void set_prompt(Sample& sample, std::string_view query, std::string_view context) const {
    sample.input =
        fill(prompt_.task, {{"type_needle_v", type_}, {"context", context}, {"query", query}});
    sample.answer_prefix =
        fill(prompt_.answer_prefix, {{"type_needle_v", type_}, {"query", query}});
  }

  NiahSpec spec_;
  const DesignInput& input_;
  PieceTable pieces_;
  std::string_view joint_;
  FamilyPrompt prompt_;
  std::string type_;
};

}  // namespace

DrawSample niah_design(const NiahSpec& spec, const DesignInput& input) {
  const auto design = std::make_shared<NiahDesign>(spec, input);
  return [design](int64_t index, int64_t target) { return design->draw(index, target); };
}

}  // namespace hylo::tasks::ruler
