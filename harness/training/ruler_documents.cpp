#include "harness/training/ruler_documents.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <thread>

#include "harness/base/error.h"
#include "harness/runner/token_counter.h"
#include "tasks/ruler/strict.h"

namespace hylo::harness {
namespace {

namespace ruler = tasks::ruler;

/// All references of a task that asks for all, else the first.
std::string answer_of(const ruler::Sample& sample, ruler::Metric metric) {
  const auto& references = sample.references;
  const auto used =
      std::span(references).first(metric == ruler::Metric::All ? references.size() : 1);
  return fmt::format(" {}.", fmt::join(used, ", "));
}

datasets::TrainingDocument document_of(ruler::Sample sample, const ruler::RulerSpec& spec,
                                       bool learns_prompt) {
  auto answer = answer_of(sample, spec.metric);
  return {.spans = {{std::move(sample.input) + sample.answer_prefix, learns_prompt},
                    {std::move(answer), true}},
          .origin = std::string(spec.name)};
}

/// The first of all, then the second of all, ...: stages that read only a part read of everything.
std::vector<datasets::TrainingDocument> taking_turns(
    std::vector<std::vector<datasets::TrainingDocument>> sets) {
  std::vector<datasets::TrainingDocument> all;
  for (size_t i = 0; !sets.empty() && i < sets.front().size(); ++i) {
    for (auto& set : sets) all.push_back(std::move(set[i]));
  }
  return all;
}

}  // namespace

std::vector<datasets::TrainingDocument> ruler_documents(const models::RulerData& data,
                                                        const models::Tokenizer& tokenizer,
                                                        uint64_t seed) {
  const auto sources = ruler::read_sources({});
  check_has_characters(tokenizer, "the recipe's tokenizer", sources);
  const auto threads = static_cast<int>(std::max(1U, std::thread::hardware_concurrency()));
  std::vector<std::vector<datasets::TrainingDocument>> sets;
  for (const auto& name : data.tasks) {
    const auto& spec = ruler::find_ruler_spec(name);
    for (const auto prompt_tokens : data.prompt_tokens) {
      auto& set = sets.emplace_back();
      // A sample's length has room for all that a model might write.
      const ruler::BuildRequest request{spec, prompt_tokens + spec.max_new_tokens,
                                        data.num_documents, seed};
      ruler::build_strict(
          request, sources, counter_of(tokenizer),
          [&](ruler::Sample sample) {
            set.push_back(document_of(std::move(sample), spec, !data.only_answers));
          },
          threads);
    }
  }
  return taking_turns(std::move(sets));
}

}  // namespace hylo::harness
