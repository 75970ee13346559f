// Questions about documents. Source: NVIDIA/RULER c3f5e3b, scripts/data/synthetic/qa.py.
#include <algorithm>

#include "tasks/ruler/compat/build.h"

namespace hylo::tasks::ruler::compat {
namespace {

class QaDraws {
 public:
  QaDraws(Build& build, const QaSet& set) : build_(build), set_(set) {}

  Attempt draw(int64_t num_documents, size_t sample) {
    const Question& question = set_.questions[sample];
    const auto wanted = static_cast<size_t>(num_documents);
    if (wanted >= set_.documents.size()) return ask(question, repeated(wanted));
    if (wanted < question.golden.size()) {
      return NoDraft{.why = fmt::format("are fewer than the {} that the question needs",
                                        question.golden.size())};
    }
    const size_t num_others = wanted - question.golden.size();
    auto documents = question.golden;
    if (num_others <= question.related.size()) {
      append_drawn(documents, question.related, num_others);
      return ask(question, std::move(documents));
    }
    documents.insert(documents.end(), question.related.begin(), question.related.end());
    const auto unrelated = all_except(documents);
    const size_t num_unrelated = num_others - question.related.size();
    if (num_unrelated > unrelated.size()) return NoDraft{.why = "are more than there are"};
    append_drawn(documents, unrelated, num_unrelated);
    return ask(question, std::move(documents));
  }

 private:
  /// All documents, from the first again where they end.
  [[nodiscard]] std::vector<size_t> repeated(size_t wanted) const {
    std::vector<size_t> documents(wanted);
    for (size_t i = 0; i < wanted; ++i) documents[i] = i % set_.documents.size();
    return documents;
  }

  [[nodiscard]] std::vector<size_t> all_except(const std::vector<size_t>& taken) const {
    std::vector<bool> is_taken(set_.documents.size());
    for (const size_t document : taken) is_taken[document] = true;
    std::vector<size_t> others;
    for (size_t i = 0; i < is_taken.size(); ++i) {
      if (!is_taken[i]) others.push_back(i);
    }
    return others;
  }

  void append_drawn(std::vector<size_t>& documents, const std::vector<size_t>& from, size_t count) {
    for (const size_t i : build_.streams.python.sample(from.size(), count)) {
      documents.push_back(from[i]);
    }
  }

  Attempt ask(const Question& question, std::vector<size_t> documents) {
    build_.streams.shuffle_afresh(documents);
    const auto gold = std::ranges::find_first_of(documents, question.golden);
    std::string context;
    for (size_t i = 0; i < documents.size(); ++i) {
      if (i) context += "\n\n";
      context += fill(build_.prompts.document,
                      {{"i", std::to_string(i + 1)}, {"document", set_.documents[documents[i]]}});
    }
    const auto& prompt = build_.prompts.qa;
    Draft draft{.text = fill(prompt.task + prompt.answer_prefix,
                             {{"context", context}, {"query", question.text}}),
                .references = question.answers,
                .cluster = question.article};
    if (gold != documents.end()) draft.meta["gold_position"] = gold - documents.begin();
    return draft;
  }

  Build& build_;
  const QaSet& set_;
};

}  // namespace

const QaSet* questions_of(const RulerSpec& spec, const Sources& sources) {
  const auto* qa = std::get_if<QaSpec>(&spec.family);
  if (!qa) return nullptr;
  return qa->source == QaSource::Squad ? &sources.squad : &sources.hotpotqa;
}

std::vector<Fit> build_qa(Build& build, const QaSpec& /*spec*/) {
  QaDraws draws(build, *questions_of(build.request.spec, build.sources));
  const Fitting fitting = build.fitting("documents", 10);
  const Draw draw = [&](int64_t units, size_t sample) { return draws.draw(units, sample); };
  const Fit fit = search(fitting, draw, build.count);
  build.make_samples(fitting, fit.final_units, draw);
  return {fit};
}

}  // namespace hylo::tasks::ruler::compat
