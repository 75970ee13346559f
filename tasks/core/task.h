// A task: documents to requests, responses to scores. Pure: no model, no clock.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "datasets/document.h"
#include "datasets/manifest.h"
#include "tasks/core/request.h"

namespace hylo::tasks {

struct PromptForm;

using datasets::Document;

/// How the values of the documents become one number.
enum class Aggregation {
  Mean,
  WeightedPerplexity,  ///< exp(-sum of values / sum of weights); values are log-likelihoods
  BitsPerByte,         ///< -sum of values / sum of weights / ln 2
  WeightedMean,        ///< sum of values / sum of weights; a weight of 0 counts for nothing
  MeanPerplexity,      ///< exp(-mean of values); values are log-likelihoods
};

struct MetricInfo {
  std::string name;
  std::string filter = "none";  ///< how the answer was found in the response
  bool higher_is_better = true;
  Aggregation aggregation = Aggregation::Mean;
};

/// How worked examples are chosen from the pool.
enum class Sampler {
  Default,  ///< one random.sample per document, from one stream per task, as lm-eval draws
  FirstN,   ///< the first of the pool, in order
};

struct TaskInfo {
  std::string name;
  std::string version;
  std::string description;
  std::string source;   ///< who defined the task
  std::string licence;  ///< of the definition; the data's is in its manifest
  std::string dataset;  ///< name of a manifest; empty: the task generates its documents
  /// The command that builds its documents, for a task that is evaluated on files built for a
  /// tokenizer; empty for all others.
  std::string built_by;
  std::string split;  ///< that is evaluated
  /// The pool of worked examples as the task is defined (of lm-eval's tasks: the one that lm-eval
  /// draws from); empty: the task takes none.
  std::string fewshot_split;
  /// The pool where the file of that split is absent; empty: nothing takes its place.
  std::string fewshot_stand_in = {};
  /// One example more than asked for is drawn, and the document itself is taken out.
  bool leaves_itself_out = false;
  int64_t default_num_fewshot = 0;
  Sampler sampler = Sampler::Default;
  std::vector<MetricInfo> metrics;
  /// Field of a document that holds its text, where any text would do: --text may take the place of
  /// the data set. Empty: the task needs its own documents.
  std::string text_field = {};
  bool needs_teacher = false;  ///< asks how far a student agrees with its teacher
};

/// What some tasks must know of the models before they can be made.
struct TaskSettings {
  /// Layers of a student that can be held against those of its teacher; 0: none can.
  int64_t num_compared_layers = 0;
};

struct MetricValue {
  std::string metric;
  std::string filter = "none";
  std::optional<double> value;  ///< absent: a request failed. Failed is not wrong
  double weight = 1;            ///< of the value in the aggregate: words, bytes or tokens
  std::string extracted;        ///< the answer that the filter found in a generated text
};
/// One value per metric of TaskInfo, in that order.
using Score = std::vector<MetricValue>;

class Task {
 public:
  virtual ~Task() = default;
  [[nodiscard]] virtual const TaskInfo& info() const = 0;

  /// What is asked about a document, worked examples in front. Throws Error for a document that
  /// lacks a field or whose answer is not among its choices.
  [[nodiscard]] virtual std::vector<Request> requests(
      const Document& document, std::span<const Document* const> shots) const = 0;

  /// The same in another form: a chat template, a system instruction. Unless a task does it in its
  /// own way, what it generates is asked in one message of the user, and one that scores texts
  /// refuses: Error.
  [[nodiscard]] virtual std::vector<Request> requests_in(
      const PromptForm& form, const Document& document,
      std::span<const Document* const> shots) const;

  /// `responses` answer requests(document, ...) in that order.
  [[nodiscard]] virtual Score score(const Document& document,
                                    std::span<const Response> responses) const = 0;

  /// Documents of the same text here are not independent (questions about one passage): standard
  /// errors take them together. Empty: the document stands for itself.
  [[nodiscard]] virtual std::string cluster_of(const Document& /*document*/) const { return {}; }

  /// The worked examples of a task that comes with its own; they are the pool then, and
  /// info().fewshot_split only says that there is one.
  [[nodiscard]] virtual std::vector<Document> fixed_shots() const { return {}; }

  /// What its data set is, by default the shipped manifest that info().dataset names.
  [[nodiscard]] virtual datasets::Manifest manifest() const;

  /// What results may be broken down by, for example the depth of a needle: an object of names and
  /// values, empty where there is nothing of the kind.
  [[nodiscard]] virtual OrderedJson tags_of(const Document& /*document*/) const {
    return OrderedJson::object();
  }

  /// All documents of a task that generates them (info().dataset is empty); document i does not
  /// depend on the others.
  [[nodiscard]] virtual std::vector<Document> generate_documents() const { return {}; }
};

/// For messages: "FILE:LINE: capitals: document 1", without a file where the document was made.
std::string name_of(const TaskInfo& info, const Document& document);

/// The score of a document with a request that failed: no value for any metric.
Score failed_score(const TaskInfo& info);
/// Whether any response is Failed.
bool any_failed(std::span<const Response> responses);

}  // namespace hylo::tasks
