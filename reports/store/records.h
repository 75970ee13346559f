// What a run hands to the store and what comes back out of it: plain data, tags and values.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "harness/base/json.h"
#include "reports/compare/aggregate.h"
#include "reports/compare/group.h"

namespace hylo::reports {

/// A metric of a task. A document has at most one score for each (name, filter).
struct MetricDescription {
  std::string name;             ///< "acc", "exact_match", "word_perplexity"
  std::string filter = "none";  ///< "none" where answers are scored as they come
  Aggregation aggregation = Aggregation::Mean;
  bool higher_is_better = true;
};

/// One task as it is run: which documents of which data set, with which settings.
struct CellDescription {
  std::string task;
  std::string task_version;
  OrderedJson variant =
      OrderedJson::object();  ///< settings that make it differ from the task's own
  std::string dataset;
  std::string dataset_sha256;
  std::string licence;
  int64_t num_documents =
      0;  ///< expected: the run is complete when ordinals 0 .. num_documents - 1 are there
  int64_t num_fewshot = 0;
  std::vector<MetricDescription> metrics;  ///< in the order of the report
  /// Of a run that is a shard: how many of the documents are its own.
  std::optional<int64_t> num_assigned;

  [[nodiscard]] int64_t num_expected() const { return num_assigned.value_or(num_documents); }
};

/// What enters a group: a metric of a cell, or the value of a group that stands before it.
struct GroupMember {
  std::optional<int64_t> group;  ///< position in RunDescription::groups; else cell and metric
  int64_t cell = 0;
  int64_t metric = 0;  ///< position in the cell's metrics
};
struct GroupDescription {
  std::string name;
  GroupMean mean = GroupMean::OfTasks;
  std::vector<GroupMember> members;
};

/// A part of a run that several processes or machines share.
struct Shard {
  int64_t number = 1, count = 1;  ///< number from 1 to count
  std::string whole_key;          ///< the key of the run that all shards make up
};

struct RunDescription {
  /// SHA-256 of everything that determines the numbers: model, tasks, documents, settings, numeric
  /// mode, seed. A run may be resumed by another call if and only if their keys agree.
  std::string key;
  std::string name;                           ///< unique in the store; may be empty
  std::vector<std::string> argv;              ///< the command line, for people
  std::string numeric_mode = "exact";         ///< exact, stable or fast
  std::string dtype;                          ///< "float32", "bfloat16"
  uint64_t seed = 0;                          ///< at most 2^63 - 1
  OrderedJson model = OrderedJson::object();  ///< "name" is shown in lists and reports
  OrderedJson machine = OrderedJson::object();
  OrderedJson build = OrderedJson::object();
  OrderedJson settings = OrderedJson::object();
  std::vector<GroupDescription> groups;
  std::optional<Shard> shard;
};

enum class RequestKind { Score = 1, Rolling, Generate, Tokens, Agreement };
/// Whether a request is one text and nothing else: it is stored as the request's prompt.
inline bool is_whole_text(RequestKind kind) {
  return kind == RequestKind::Rolling || kind == RequestKind::Tokens ||
         kind == RequestKind::Agreement;
}
enum class FinishReason { Stop = 1, EndOfText, Length };

/// One request and its answer. What does not apply stays empty. A failed request has `error` and
/// neither log-likelihood nor text.
struct RequestOutput {
  int64_t request = 0;  ///< its number within the document, from 0
  RequestKind kind = RequestKind::Score;
  std::string context;       ///< the prompt when generating; empty for whole texts
  std::string continuation;  ///< a whole text; empty when generating
  std::vector<int32_t> context_ids;
  std::vector<int32_t> token_ids;  ///< of the continuation, the whole text or what was generated
  std::optional<double> log_likelihood;  ///< nats
  std::optional<bool> is_greedy;
  int64_t num_tokens = 0;
  int64_t dropped_tokens = 0;  ///< that did not fit; of kind tokens: that were not to be read
  bool boundary_merged = false;
  /// Whole texts. Rolling: nats of the windows, in text order. Tokens: nats of spans of so many
  /// tokens as the task keeps together, in text order. Agreement: sums over the tokens, of
  /// KL(teacher || student), of equal first choices, of the teacher's log-likelihood, then of the
  /// cosine after each layer.
  std::vector<double> window_log_likelihoods;
  std::optional<std::string> generated;
  std::optional<FinishReason> finish_reason;
  std::optional<std::string> error;
};

/// What a metric says of one document. No value where a request of the document failed.
struct DocumentScore {
  std::string metric;
  std::string filter = "none";
  std::optional<double> value;
  double weight = 1;  ///< words or bytes of a text; 1 for metrics that are plain means
};

/// A finished document: all its requests are answered (or failed) and scored.
struct DocumentOutput {
  int64_t cell = 0;     ///< position of its CellDescription in the run
  int64_t ordinal = 0;  ///< position among the documents of the cell, from 0
  int64_t index = 0;    ///< its number in the data set's file; unique in the cell
  std::vector<RequestOutput> requests;
  std::vector<DocumentScore> scores;
  std::vector<int64_t> fewshot_ids;  ///< numbers of the examples, in prompt order
  std::string cluster;  ///< documents of one are not independent; empty: stands for itself
  /// What results may be broken down by: names and values.
  OrderedJson tags = OrderedJson::object();
  double seconds = 0;  ///< from its first request's start to its last answer
};

/// What takes the place of all that was concluded of a document.
struct ScoredAgain {
  int64_t cell = 0, ordinal = 0;
  std::vector<DocumentScore> scores;  ///< one for each metric of its cell
  std::string cluster;
  OrderedJson tags = OrderedJson::object();
};

/// How much of what was concluded changed.
struct RescoreChanges {
  int64_t num_scores = 0;
  int64_t num_regrouped = 0;  ///< documents of which the cluster or a tag changed
};

enum class RunState { Incomplete = 1, Complete };

struct RunSummary {
  int64_t id = 0;
  RunState state = RunState::Incomplete;
  RunDescription description;
  std::string started;                  ///< ISO-8601 UTC
  std::optional<std::string> finished;  ///< when it became complete
  int64_t num_attempts = 1;             ///< 1 + how often it was resumed
  int64_t num_documents = 0;            ///< expected, all tasks together
  int64_t num_finished = 0;
};

struct CellSummary {
  CellDescription description;
  int64_t num_finished = 0;         ///< documents
  int64_t num_requests = 0;         ///< of finished documents, as all counts below
  int64_t num_failed = 0;           ///< requests without an answer
  int64_t num_truncated = 0;        ///< requests with dropped tokens, kind tokens excepted
  int64_t num_unread_tokens = 0;    ///< of kind tokens: beyond the length that was asked for
  int64_t num_boundary_merged = 0;  ///< requests
  int64_t num_tokens = 0;           ///< scored or generated
};

/// What a metric says of all documents of a cell.
struct CellAggregate {
  int64_t cell = 0;
  MetricDescription metric;
  Aggregate aggregate;
  int64_t num_failed = 0;  ///< documents without a value: failed is not wrong, they are left out
  bool partial = false;    ///< some documents are missing: the run is incomplete
};

/// The mean of a metric over the documents of a cell that have one value of a tag.
struct TagMean {
  int64_t cell = 0;
  std::string tag_value;
  double mean = 0;
  int64_t n = 0;
};

/// The value of a group.
struct GroupResult {
  GroupDescription group;
  GroupAggregate aggregate;
};

}  // namespace hylo::reports
