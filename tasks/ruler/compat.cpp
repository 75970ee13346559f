#include "tasks/ruler/compat.h"

#include <algorithm>

#include "harness/base/overloaded.h"
#include "harness/base/unicode.h"
#include "tasks/ruler/compat/build.h"

namespace hylo::tasks::ruler {
namespace {

const FamilyPrompt& prompt_of(const RulerPrompts& prompts, const FamilySpec& family) {
  return *std::visit(overloaded{[&](const NiahSpec&) { return &prompts.niah; },
                                [&](const VtSpec&) { return &prompts.vt; },
                                [&](const CweSpec&) { return &prompts.cwe; },
                                [&](const FweSpec&) { return &prompts.fwe; },
                                [&](const QaSpec&) { return &prompts.qa; }},
                     family);
}

/// Splits where the last one of the first ten characters of the answer prefix begins.
Sample sample_of(compat::Fitted fitted, std::string_view answer_prefix) {
  auto& [draft, tokens] = fitted;
  constexpr size_t num_characters_looked_for = 10;
  const size_t cut = draft.text.rfind(answer_prefix.substr(0, num_characters_looked_for));
  invariant(cut != std::string::npos, "no answer prefix in the prompt");
  Sample sample;
  sample.answer_prefix = draft.text.substr(cut);
  draft.text.resize(cut);
  sample.input = std::move(draft.text);
  sample.references = std::move(draft.references);
  sample.num_tokens = tokens;
  sample.cluster = std::move(draft.cluster);
  sample.meta = std::move(draft.meta);
  return sample;
}

std::vector<Fit> build_family(compat::Build& build, const FamilySpec& family) {
  return std::visit(
      overloaded{[&](const NiahSpec& spec) { return compat::build_niah(build, spec); },
                 [&](const VtSpec& spec) { return compat::build_vt(build, spec); },
                 [&](const CweSpec& spec) { return compat::build_cwe(build, spec); },
                 [&](const FweSpec& spec) { return compat::build_fwe(build, spec); },
                 [&](const QaSpec& spec) { return compat::build_qa(build, spec); }},
      family);
}

/// Python's json.dumps of one value.
std::string dumped(const Json& value) { return value.dump(-1, ' ', true); }

std::string dumped_list(const std::vector<std::string>& texts) {
  std::string list = "[";
  for (const auto& text : texts) list += (list.size() > 1 ? ", " : "") + dumped(text);
  return list + "]";
}

}  // namespace

bool CompatTrace::is_near_the_smallest() const {
  constexpr int64_t few_steps = 6;
  const Fit& of_samples = fits.back();
  return of_samples.final_units < few_steps * of_samples.step;
}

void check_enough_questions(const BuildRequest& request, const Sources& sources) {
  const QaSet* set = compat::questions_of(request.spec, sources);
  if (!set) return;
  require(request.num_samples <= std::ssize(set->questions),
          "{}: {} samples of {} questions; the reference generator would never end; ask for fewer "
          "samples or give more questions",
          request.spec.name, request.num_samples, set->questions.size());
}

CompatTrace build_compat(const BuildRequest& request, const Sources& sources,
                         const CountTokens& count, const OnSample& on_sample, int64_t max_redraws) {
  check_enough_questions(request, sources);
  compat::Build build{.request = request,
                      .sources = sources,
                      .count = count,
                      .max_redraws = max_redraws,
                      .prompts = read_ruler_prompts(),
                      .streams = compat::Streams(request.seed),
                      .on_sample = {}};
  const auto& prefix = prompt_of(build.prompts, request.spec.family).answer_prefix;
  build.on_sample = [&](compat::Fitted fitted) { on_sample(sample_of(std::move(fitted), prefix)); };
  CompatTrace trace;
  trace.fits = build_family(build, request.spec.family);
  trace.next_random = build.streams.python.random();
  trace.next_numpy = build.streams.numpy.randint(10000, 99999);
  return trace;
}

int64_t smallest_compat_length(const RulerSpec& spec, const Sources& sources,
                               const CountTokens& count, uint64_t seed) {
  const QaSet* set = compat::questions_of(spec, sources);
  const auto num_samples =
      set ? std::min(num_smallest_samples, std::ssize(set->questions)) : num_smallest_samples;
  return compat_length_needed({spec, 0, num_samples, seed}, sources, count);
}

int64_t compat_length_needed(const BuildRequest& request, const Sources& sources,
                             const CountTokens& count) {
  check_enough_questions(request, sources);
  constexpr int64_t max_redraws = 64;
  constexpr int64_t longest = int64_t{1} << 22;
  std::string reason;
  const auto can_be_made = [&](int64_t length) {
    try {
      build_compat(
          {request.spec, length, request.num_samples, request.seed}, sources, count,
          [](const Sample&) {}, max_redraws);
      return true;
    } catch (const Error& error) {
      reason = error.what();
      return false;
    }
  };
  int64_t too_small = 64;
  int64_t enough = 2 * too_small;
  for (; !can_be_made(enough); enough *= 2) {
    require(enough < longest, "{}", reason);
    too_small = enough;
  }
  while (enough - too_small > 1) {
    const int64_t middle = (too_small + enough) / 2;
    (can_be_made(middle) ? enough : too_small) = middle;
  }
  return enough;
}

std::string compat_record(const RulerSpec& spec, const Sample& sample, int64_t number,
                          const CountTokens& count) {
  const bool is_niah = std::holds_alternative<NiahSpec>(spec.family);
  const size_t found = is_niah ? sample.input.find(sample.references.front()) : 0;
  invariant(found != std::string::npos, "{}: a reference is not in its prompt", spec.name);
  const std::string_view before = std::string_view(sample.input).substr(0, found);
  const int64_t length = sample.num_tokens + spec.max_new_tokens;
  auto line = fmt::format(
      R"({{"index": {}, "input": {}, "outputs": {}, "length": {}, "length_w_model_temp": {}, "answer_prefix": {})",
      is_niah ? static_cast<int64_t>(count_code_points(before)) : number, dumped(sample.input),
      dumped_list(sample.references), length, length, dumped(sample.answer_prefix));
  if (is_niah) line += fmt::format(R"(, "token_position_answer": {})", count(before));
  return line + "}";
}

}  // namespace hylo::tasks::ruler
