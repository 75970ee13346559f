#include "tasks/ruler/ruler_spec.h"

#include <algorithm>
#include <array>
#include <string>
#include <vector>

#include "harness/base/error.h"
#include "harness/base/unicode.h"

namespace hylo::tasks::ruler {
namespace {

using enum Haystack;
using enum NeedlePart;

// name, description, family, new tokens, metric
constexpr std::array specs = std::to_array<RulerSpec>({
    {"niah_single_1", "one number in lines of noise",
     NiahSpec{.haystack = Noise, .key = Words, .value = Numbers}, 128, Metric::All},
    {"niah_single_2", "one number in essays",
     NiahSpec{.haystack = Essay, .key = Words, .value = Numbers}, 128, Metric::All},
    {"niah_single_3", "one UUID in essays",
     NiahSpec{.haystack = Essay, .key = Words, .value = Uuids}, 128, Metric::All},
    {"niah_multikey_1", "one number in essays, among those of three other keys",
     NiahSpec{.haystack = Essay, .key = Words, .value = Numbers, .num_keys = 4}, 128, Metric::All},
    {"niah_multikey_2", "one number in lines that all look like it",
     NiahSpec{.haystack = Needles, .key = Words, .value = Numbers}, 128, Metric::All},
    {"niah_multikey_3", "one UUID of a UUID in lines that all look like it",
     NiahSpec{.haystack = Needles, .key = Uuids, .value = Uuids}, 128, Metric::All},
    {"niah_multivalue", "four numbers of one key in essays",
     NiahSpec{.haystack = Essay, .key = Words, .value = Numbers, .num_values = 4}, 128,
     Metric::All},
    // Configured with one key; the generator raises the keys to the number of queries.
    {"niah_multiquery", "the numbers of four keys in essays",
     NiahSpec{.haystack = Essay, .key = Words, .value = Numbers, .num_keys = 4, .num_queries = 4},
     128, Metric::All},
    {"vt", "variables that were assigned one value, through four hops in noise", VtSpec{}, 30,
     Metric::All},
    {"cwe", "the ten most common words of a list", CweSpec{}, 120, Metric::All},
    {"fwe", "the three most frequent words of a coded text", FweSpec{}, 50, Metric::All},
    {"qa_1", "questions of SQuAD among paragraphs", QaSpec{QaSource::Squad}, 32, Metric::Part},
    {"qa_2", "questions of HotpotQA among paragraphs", QaSpec{QaSource::Hotpotqa}, 32,
     Metric::Part},
});

}  // namespace

std::span<const RulerSpec> ruler_specs() { return specs; }

const RulerSpec& find_ruler_spec(std::string_view name) {
  const auto* found = std::ranges::find(specs, name, &RulerSpec::name);
  if (found != specs.end()) return *found;
  std::vector<std::string> names;
  for (const auto& spec : specs) names.emplace_back(spec.name);
  const auto near = nearest(name, names);
  fail("{}: no task of RULER has this name; {}", name,
       near ? fmt::format("did you mean {}?", *near)
            : "there are niah_single_1..3, niah_multikey_1..3, niah_multivalue, niah_multiquery, "
              "vt, cwe, fwe, qa_1 and qa_2");
}

}  // namespace hylo::tasks::ruler
