#include <algorithm>
#include <memory>
#include <numeric>
#include <set>

#include "harness/base/unicode.h"
#include "tasks/ruler/punkt.h"
#include "tasks/ruler/strict_designs.h"
#include "tasks/ruler/strict_draws.h"
#include "tasks/ruler/text_pieces.h"

namespace hylo::tasks::ruler {
namespace {

constexpr std::string_view between_documents = "\n\n";

std::vector<size_t> ends_of_words(std::string_view text) {
  std::vector<size_t> ends;
  for (const auto word : words_of(text)) {
    ends.push_back(static_cast<size_t>(word.data() + word.size() - text.data()));
  }
  return ends;
}

/// What stands in a prompt: whole documents and, last, perhaps the beginning of one.
struct Chosen {
  std::vector<size_t> documents;
  size_t num_golden = 0;      ///< the first so many
  size_t num_supporting = 0;  ///< of these, the first so many
  std::optional<std::string> cut;
  [[nodiscard]] size_t size() const { return documents.size() + (cut ? 1 : 0); }
};

/// Documents that are not golden, in the order in which a prompt takes them: of the same article
/// first, then all others; when all are in, they come again.
class Fillers {
 public:
  Fillers(const QaSet& set, const Question& question, CounterRandom random) {
    const std::set<size_t> golden(question.golden.begin(), question.golden.end());
    std::set<size_t> related(question.related.begin(), question.related.end());
    for (const size_t document : golden) related.erase(document);
    order_.assign(related.begin(), related.end());
    shuffle(order_, random);
    std::vector<size_t> others;
    for (size_t i = 0; i < set.documents.size(); ++i) {
      if (!golden.contains(i) && !related.contains(i)) others.push_back(i);
    }
    shuffle(others, random);
    order_.insert(order_.end(), others.begin(), others.end());
  }
  [[nodiscard]] bool empty() const { return order_.empty(); }
  [[nodiscard]] size_t at(size_t i) const { return order_[i % order_.size()]; }

 private:
  std::vector<size_t> order_;
};

/// The golden documents, those that the answer needs in front: the one that holds it first.
std::vector<size_t> golden_in_order(const Question& question) {
  auto golden = question.supporting;
  for (const size_t document : question.golden) {
    if (!std::ranges::count(golden, document)) golden.push_back(document);
  }
  return golden;
}

/// What is known of the golden document whose place is drawn.
std::string_view kind_of_gold(const Question& question) {
  if (question.has_answer_document) return gold_holds_answer;
  return question.supporting.empty() ? "any" : "supporting";
}

class QaDesign {
 public:
  QaDesign(const QaSpec& spec, const DesignInput& input)
      : input_(input),
        set_(spec.source == QaSource::Squad ? input.sources.squad : input.sources.hotpotqa),
        order_(input.request, set_.questions.size()) {
    require(!set_.questions.empty(), "{}: there are no questions", input.request.spec.name);
    require_answers();
    for (const auto& text : set_.documents) {
      document_tokens_.push_back(
          static_cast<double>(input.count(text + std::string(between_documents))));
    }
    for (int64_t first = 1; first < 10'000'000; first *= 10) {
      heading_tokens_.push_back(static_cast<double>(input.count(
          fill(input.prompts.document, {{"i", std::to_string(first)}, {"document", ""}}))));
    }
  }

  [[nodiscard]] Sample draw(int64_t index, int64_t target_tokens) const {
    auto random = sample_random(input_.request, index);
    const CounterRandom fillers_random(random.next());
    CounterRandom places_random(random.next());
    const size_t number = order_.at(index);
    const auto& question = set_.questions[number];
    const auto& prompt = input_.prompts.qa;
    const auto frame =
        fill(prompt.task, {{"context", ""}, {"query", question.text}}) + prompt.answer_prefix;
    const auto chosen = choose(question, Fillers(set_, question, fillers_random),
                               static_cast<double>(target_tokens - input_.count(frame)));
    const auto stratum = strata_of(input_.request, index, 1).front();
    const auto order = arrange(chosen, stratum, places_random);

    Sample sample;
    sample.input =
        fill(prompt.task, {{"context", context_of(chosen, order)}, {"query", question.text}});
    sample.answer_prefix = prompt.answer_prefix;
    sample.references = question.answers;
    sample.cluster = question.article;
    describe(sample, chosen, order, number, stratum);
    return sample;
  }

 private:
  /// An empty answer is found in every prediction.
  void require_answers() const {
    for (size_t i = 0; i < set_.questions.size(); ++i) {
      const auto& question = set_.questions[i];
      const auto is_empty = [](const std::string& answer) { return python_strip(answer).empty(); };
      require(
          std::ranges::none_of(question.answers, is_empty),
          "{}: question {} of its file, '{}': expected answers, found an empty one, which every "
          "prediction would hold; leave it out of the file",
          input_.request.spec.name, i, question.text);
    }
  }

  [[nodiscard]] double heading_tokens(size_t number) const {
    const auto digits = std::to_string(number).size();
    return heading_tokens_.at(digits - 1);
  }

  [[nodiscard]] Chosen choose(const Question& question, const Fillers& fillers,
                              double max_tokens) const {
    Chosen chosen{.documents = golden_in_order(question),
                  .num_supporting = question.supporting.size()};
    chosen.num_golden = chosen.documents.size();
    double tokens = 0;
    for (size_t i = 0; i < chosen.documents.size(); ++i) {
      tokens += document_tokens_[chosen.documents[i]] + heading_tokens(i + 1);
    }
    for (size_t i = 0; !fillers.empty(); ++i) {
      const size_t next = fillers.at(i);
      const double heading = heading_tokens(chosen.documents.size() + 1);
      if (tokens + heading + document_tokens_[next] > max_tokens) {
        chosen.cut = beginning_of(set_.documents[next], max_tokens - tokens - heading);
        break;
      }
      tokens += heading + document_tokens_[next];
      chosen.documents.push_back(next);
    }
    return chosen;
  }

  /// A gap of this share of the length is closed behind a word rather than left.
  static constexpr double gap_that_shows = 0.02;

  /// As many sentences as fit; where the next one is so long that a gap would show, words of it.
  [[nodiscard]] std::optional<std::string> beginning_of(const std::string& text,
                                                        double max_tokens) const {
    const auto longest = [&](const std::vector<size_t>& ends) {
      std::string_view fitting;
      for (const size_t end : ends) {
        const auto candidate = std::string_view(text).substr(0, end);
        if (static_cast<double>(input_.count(candidate) + 1) > max_tokens) break;
        fitting = candidate;
      }
      return fitting;
    };
    std::vector<size_t> ends;
    for (const auto& sentence : punkt_.sentences(text)) ends.push_back(sentence.end);
    auto fitting = longest(ends);
    const double gap =
        max_tokens - (fitting.empty() ? 0.0 : static_cast<double>(input_.count(fitting)));
    if (gap > gap_that_shows * static_cast<double>(input_.request.length)) {
      fitting = longest(ends_of_words(text));
    }
    if (fitting.empty()) return std::nullopt;
    return std::string(fitting);
  }

  /// Which of the chosen stands where: the first one, which is golden, in its stratum, the others
  /// anywhere.
  static std::vector<size_t> arrange(const Chosen& chosen, int64_t stratum, CounterRandom& random) {
    const auto count = static_cast<double>(chosen.size());
    const double share = (static_cast<double>(stratum) + random.uniform()) / num_strata;
    const auto place = static_cast<std::ptrdiff_t>(share * count);
    std::vector<size_t> order(chosen.size() - 1);
    std::iota(order.begin(), order.end(), size_t{1});
    shuffle(order, random);
    order.insert(order.begin() + place, size_t{0});
    return order;
  }

  [[nodiscard]] std::string context_of(const Chosen& chosen,
                                       const std::vector<size_t>& order) const {
    std::string context;
    for (size_t i = 0; i < order.size(); ++i) {
      if (i > 0) context += between_documents;
      const auto& text = order[i] < chosen.documents.size()
                             ? set_.documents[chosen.documents[order[i]]]
                             : *chosen.cut;
      context += fill(input_.prompts.document, {{"i", std::to_string(i + 1)}, {"document", text}});
    }
    return context;
  }

  void describe(Sample& sample, const Chosen& chosen, const std::vector<size_t>& order,
                size_t question, int64_t stratum) const {
    const auto position = std::ranges::find(order, size_t{0}) - order.begin();
    auto golden = OrderedJson::array();
    auto supporting = OrderedJson::array();
    for (size_t i = 0; i < order.size(); ++i) {
      if (order[i] < chosen.num_golden) golden.push_back(i);
      if (order[i] < chosen.num_supporting) supporting.push_back(i);
    }
    const auto last = static_cast<double>(std::max<size_t>(order.size() - 1, 1));
    sample.meta = {{"question", question},
                   {"gold", kind_of_gold(set_.questions[question])},
                   {"gold_position", position},
                   {"gold_positions", golden},
                   {"supporting_positions", supporting},
                   {"depths", {static_cast<double>(position) / last}},
                   {"strata", {stratum}},
                   {"units", order.size()},
                   {"last_is_cut", chosen.cut.has_value()}};
  }

  const DesignInput& input_;
  const QaSet& set_;
  Punkt punkt_ = Punkt::english();
  QuestionOrder order_;
  std::vector<double> document_tokens_;  // with what stands between documents
  std::vector<double> heading_tokens_;   // of a number with i + 1 digits
};

}  // namespace

DrawSample qa_design(const QaSpec& spec, const DesignInput& input) {
  const auto design = std::make_shared<QaDesign>(spec, input);
  return [design](int64_t index, int64_t target) { return design->draw(index, target); };
}

}  // namespace hylo::tasks::ruler
