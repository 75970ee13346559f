#include <algorithm>
#include <memory>

#include "harness/base/unicode.h"
#include "tasks/ruler/strict_designs.h"
#include "tasks/ruler/strict_draws.h"
#include "tasks/ruler/text_pieces.h"

namespace hylo::tasks::ruler {
namespace {

constexpr int64_t example_tokens = 500;  // of the worked example, as the benchmark has it
constexpr int example_letters = 3;
constexpr int name_letters = 5;
constexpr int64_t min_example_lines = 5;

/// Chains of assignments; the first one is asked for.
struct Chains {
  std::vector<std::vector<std::string>> names;
  std::vector<std::string> lines;  ///< chain after chain, each in its order
  std::string value;               ///< of the first chain
};

/// A prompt and what answers it.
struct Instance {
  std::string task, answer_prefix;
  Chains chains;
};

class VtDesign {
 public:
  VtDesign(const VtSpec& spec, const DesignInput& input)
      : spec_(spec), input_(input), noise_({input.prompts.noise}, "\n", input.count) {
    UniqueTexts texts;
    const auto frame = example(min_example_lines, texts, CounterRandom(0));
    const double left = static_cast<double>(example_tokens - input.count(frame));
    num_example_lines_ =
        min_example_lines + static_cast<int64_t>(noise_.num_fitting(0, std::max(0.0, left)));
  }

  [[nodiscard]] Sample draw(int64_t index, int64_t target_tokens) const {
    auto random = sample_random(input_.request, index);
    const CounterRandom example_random(random.next());
    CounterRandom names_random(random.next());
    CounterRandom slots_random(random.next());
    UniqueTexts texts;  // of both: the example must not answer the question
    const auto chains = draw_chains(name_letters, texts, names_random);
    const auto shown = example(num_example_lines_, texts, example_random);

    const auto bare = instance(chains, join(chains.lines, {}, 0));
    const double others = static_cast<double>(input_.count(shown + bare.task + bare.answer_prefix));
    const auto num_units = std::max<int64_t>(
        min_haystack_units,
        static_cast<int64_t>(noise_.num_fitting(0, static_cast<double>(target_tokens) - others)));
    auto strata = strata_of(input_.request, index, static_cast<int64_t>(chains.lines.size()));
    std::ranges::sort(strata);  // a higher stratum never has a lower slot: strata belong to depths
    const auto slots = slots_in_order(strata, num_units, slots_random);
    auto made = instance(chains, join(chains.lines, slots, num_units));
    Sample sample{.input = shown + made.task,
                  .answer_prefix = std::move(made.answer_prefix),
                  .references = chains.names.front()};
    auto depths = OrderedJson::array();
    for (const auto slot : slots) {
      depths.push_back(static_cast<double>(slot) / static_cast<double>(num_units));
    }
    sample.meta = {{"depths", depths}, {"strata", strata}, {"units", num_units}};
    return sample;
  }

 private:
  [[nodiscard]] Chains draw_chains(int letters, UniqueTexts& texts, CounterRandom& random) const {
    Chains chains;
    for (int64_t c = 0; c < spec_.num_chains; ++c) {
      const auto value =
          texts.draw([&] { return std::to_string(10'000 + random.below(90'000)); }, "values");
      if (c == 0) chains.value = value;
      auto& names = chains.names.emplace_back();
      for (int64_t hop = 0; hop <= spec_.num_hops; ++hop) {
        names.push_back(draw_name(letters, texts, random));
        // The blank behind a variable's name is the benchmark's.
        chains.lines.push_back(hop == 0 ? fmt::format("VAR {} = {}", names[0], value)
                                        : fmt::format("VAR {} = VAR {} ", names.back(),
                                                      names[static_cast<size_t>(hop) - 1]));
      }
    }
    return chains;
  }

  static std::string draw_name(int letters, UniqueTexts& texts, CounterRandom& random) {
    return texts.draw(
        [&] {
          auto name = draw_letters(random, letters, 'A');
          while (name == "VAR") name = draw_letters(random, letters, 'A');
          return name;
        },
        "names of variables");
  }

  /// Slots for lines whose order matters within a chain: each stratum gives one, in rising order.
  static std::vector<int64_t> slots_in_order(const std::vector<int64_t>& strata, int64_t num_units,
                                             CounterRandom& random) {
    std::vector<int64_t> slots;
    for (const auto stratum : strata) slots.push_back(slot_in_stratum(stratum, num_units, random));
    std::ranges::sort(slots);
    return slots;
  }

  [[nodiscard]] std::string join(const std::vector<std::string>& lines,
                                 const std::vector<int64_t>& slots, int64_t num_units) const {
    std::string context;
    size_t next = 0;
    for (int64_t unit = 0; unit <= num_units; ++unit) {
      while (next < lines.size() && (slots.empty() || slots[next] == unit)) {
        context += lines[next++] + "\n";
      }
      if (unit < num_units) context += input_.prompts.noise + "\n";
    }
    context.pop_back();
    return replace_all(context, ". \n", ".\n");
  }

  [[nodiscard]] Instance instance(const Chains& chains, const std::string& context) const {
    const auto& prompt = input_.prompts.vt;
    return {.task = fill(prompt.task, {{"context", context}, {"query", chains.value}}),
            .answer_prefix = fill(
                prompt.answer_prefix,
                {{"num_v", std::to_string(chains.names.front().size())}, {"query", chains.value}}),
            .chains = chains};
  }

  /// A worked example with the blank line behind it.
  [[nodiscard]] std::string example(int64_t num_lines, UniqueTexts& texts,
                                    CounterRandom random) const {
    const auto chains = draw_chains(example_letters, texts, random);
    std::vector<int64_t> slots;
    for (size_t i = 0; i < chains.lines.size(); ++i) {
      slots.push_back(static_cast<int64_t>(random.below(static_cast<uint64_t>(num_lines) + 1)));
    }
    std::ranges::sort(slots);
    auto made = instance(chains, join(chains.lines, slots, num_lines));
    std::string text = made.task + made.answer_prefix;
    for (const auto& name : chains.names.front()) text += " " + name;
    return text + "\n\n";
  }

  VtSpec spec_;
  const DesignInput& input_;
  PieceTable noise_;
  int64_t num_example_lines_ = min_example_lines;
};

}  // namespace

DrawSample vt_design(const VtSpec& spec, const DesignInput& input) {
  const auto design = std::make_shared<VtDesign>(spec, input);
  return [design](int64_t index, int64_t target) { return design->draw(index, target); };
}

}  // namespace hylo::tasks::ruler
