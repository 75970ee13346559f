#include "reports/store/document_rows.h"

#include <SQLiteCpp/Statement.h>

#include <algorithm>
#include <vector>

#include "harness/base/clock.h"
#include "harness/base/error.h"
#include "reports/store/connection.h"
#include "reports/store/json_number.h"
#include "reports/store/run_rows.h"
#include "reports/store/store_state.h"
#include "reports/store/values.h"

namespace hylo::reports {
namespace {

constexpr auto outputs_in_order =
    "SELECT document.ordinal, document.document_index, document.fewshot_ids, document.seconds, "
    "document.cluster, document.tags, document.id, output.request, output.kind, prompt.text, "
    "output.continuation, "
    "prompt.token_ids, output.token_ids, output.context_ids, output.log_likelihood, "
    "output.window_log_likelihoods, output.is_greedy, output.num_tokens, output.dropped_tokens, "
    "output.boundary_merged, output.generated, output.finish_reason, output.error "
    "FROM cell JOIN document ON document.cell = cell.id "
    "LEFT JOIN output ON output.document = document.id "
    "LEFT JOIN prompt ON prompt.id = output.prompt "
    "WHERE cell.run = ? AND cell.position = ? AND document.ordinal >= ? AND document.ordinal < ? "
    "ORDER BY document.ordinal, output.request";
enum Column {
  Ordinal,
  Index,
  FewshotIds,
  Seconds,
  Cluster,
  Tags,
  DocumentId,
  Request,
  Kind,
  PromptText,
  Continuation,
  PromptIds,
  TokenIds,
  ContextIds,
  LogLikelihood,
  Windows,
  IsGreedy,
  NumTokens,
  DroppedTokens,
  BoundaryMerged,
  Generated,
  Finish,
  ErrorText
};

/// The columns of one row, as Writer::insert_output filled them.
RequestOutput output_in(SQLite::Statement& row) {
  const auto kind = static_cast<RequestKind>(row.getColumn(Kind).getInt());
  const bool whole = is_whole_text(kind);
  RequestOutput out{.request = row.getColumn(Request).getInt64(), .kind = kind};
  out.log_likelihood = number_in(row.getColumn(LogLikelihood));
  out.num_tokens = row.getColumn(NumTokens).getInt64();
  out.dropped_tokens = row.getColumn(DroppedTokens).getInt64();
  out.boundary_merged = row.getColumn(BoundaryMerged).getInt() != 0;
  out.window_log_likelihoods = values_in<double>(row.getColumn(Windows));
  out.generated = text_in(row.getColumn(Generated));
  out.error = text_in(row.getColumn(ErrorText));
  if (!row.getColumn(IsGreedy).isNull()) out.is_greedy = row.getColumn(IsGreedy).getInt() != 0;
  if (!row.getColumn(Finish).isNull()) {
    out.finish_reason = static_cast<FinishReason>(row.getColumn(Finish).getInt());
  }
  if (whole) {
    out.continuation = row.getColumn(PromptText).getString();
  } else {
    out.context = row.getColumn(PromptText).getString();
    out.continuation = text_in(row.getColumn(Continuation)).value_or("");
  }
  out.context_ids = values_in<int32_t>(row.getColumn(whole ? ContextIds : PromptIds));
  out.token_ids = values_in<int32_t>(row.getColumn(whole ? PromptIds : TokenIds));
  return out;
}

DocumentOutput document_in(SQLite::Statement& row, int64_t cell) {
  return {
      .cell = cell,
      .ordinal = row.getColumn(Ordinal).getInt64(),
      .index = row.getColumn(Index).getInt64(),
      .requests = {},
      .scores = {},
      .fewshot_ids = json_in(row.getColumn(FewshotIds)).get<std::vector<int64_t>>(),
      .cluster = text_in(row.getColumn(Cluster)).value_or(""),
      .tags = row.getColumn(Tags).isNull() ? OrderedJson::object() : json_in(row.getColumn(Tags)),
      .seconds = row.getColumn(Seconds).getDouble()};
}

std::vector<DocumentScore> scores_of(SQLite::Statement& query, int64_t document) {
  query.reset();
  query.bind(1, document);
  std::vector<DocumentScore> scores;
  while (query.executeStep()) {
    scores.push_back({.metric = query.getColumn(0).getString(),
                      .filter = query.getColumn(1).getString(),
                      .value = number_in(query.getColumn(2)),
                      .weight = query.getColumn(3).getDouble()});
  }
  return scores;
}

/// Ordinals to rows of a cell.
std::vector<int64_t> document_ids(SQLite::Database& database, const CellRow& cell) {
  std::vector<int64_t> ids(static_cast<size_t>(cell.description.num_documents), -1);
  SQLite::Statement query(database, "SELECT ordinal, id FROM document WHERE cell = ?");
  query.bind(1, cell.id);
  while (query.executeStep()) {
    ids.at(static_cast<size_t>(query.getColumn(0).getInt64())) = query.getColumn(1).getInt64();
  }
  return ids;
}

class ScoreUpdate {
 public:
  explicit ScoreUpdate(SQLite::Database& database)
      : find_(database, "SELECT value, weight FROM score WHERE document = ? AND metric = ?"),
        update_(database,
                "UPDATE score SET value = ?3, weight = ?4 WHERE document = ?1 AND metric = ?2") {}

  /// Whether it was another.
  bool put(int64_t document, int64_t metric, const DocumentScore& score) {
    find_.reset();
    find_.bind(1, document);
    find_.bind(2, metric);
    invariant(find_.executeStep(), "document row {} has no score of metric row {}", document,
              metric);
    if (same_number(number_in(find_.getColumn(0)), score.value) &&
        find_.getColumn(1).getDouble() == score.weight) {
      return false;
    }
    update_.bind(1, document);
    update_.bind(2, metric);
    bind_number(update_, 3, score.value);
    update_.bind(4, score.weight);
    update_.exec();
    update_.reset();
    return true;
  }

 private:
  SQLite::Statement find_, update_;
};

/// The cluster and the tags of a document.
class GroupingUpdate {
 public:
  explicit GroupingUpdate(SQLite::Database& database)
      : update_(database,
                "UPDATE document SET cluster = ?2, tags = ?3 "
                "WHERE id = ?1 AND (cluster IS NOT ?2 OR tags IS NOT ?3)") {}

  /// Whether one of them was another.
  bool put(int64_t document, const ScoredAgain& again) {
    const auto tags = as_line_unless_empty(again.tags);
    update_.reset();
    update_.bind(1, document);
    bind_unless_empty(update_, 2, again.cluster);
    bind_unless_empty(update_, 3, tags);
    return update_.exec() > 0;
  }

 private:
  SQLite::Statement update_;
};

}  // namespace

RescoreChanges update_documents(SQLite::Database& database, std::span<const CellRow> cells,
                                std::span<const ScoredAgain> documents) {
  std::vector<std::vector<int64_t>> ids;
  for (const auto& cell : cells) ids.push_back(document_ids(database, cell));
  ScoreUpdate update(database);
  GroupingUpdate grouping(database);
  RescoreChanges changes;
  for (const auto& document : documents) {
    const auto cell = static_cast<size_t>(document.cell);
    const auto row = ids.at(cell).at(static_cast<size_t>(document.ordinal));
    const auto& metrics = cells[cell].description.metrics;
    for (const auto& score : document.scores) {
      const auto found = std::ranges::find_if(metrics, [&](const MetricDescription& metric) {
        return metric.name == score.metric && metric.filter == score.filter;
      });
      invariant(found != metrics.end(), "{}: no metric {} with filter {}",
                cells[cell].description.task, score.metric, score.filter);
      const auto metric = cells[cell].metric_ids[static_cast<size_t>(found - metrics.begin())];
      changes.num_scores += update.put(row, metric, score) ? 1 : 0;
    }
    changes.num_regrouped += grouping.put(row, document) ? 1 : 0;
  }
  return changes;
}

void note_rescore(SQLite::Database& database, int64_t run, const OrderedJson& build,
                  int64_t num_changed) {
  SQLite::Statement insert(database,
                           "INSERT INTO rescore (run, at, build, num_changed) VALUES (?, ?, ?, ?)");
  insert.bind(1, run);
  insert.bind(2, utc_now());
  insert.bind(3, description_id(database, "build", build));
  insert.bind(4, num_changed);
  insert.exec();
}

void Store::read_documents(int64_t run, int64_t cell, const Ordinals& ordinals,
                           const std::function<void(const DocumentOutput&)>& on_document) const {
  in_words(file(), [&] {
    SQLite::Statement outputs(database(), outputs_in_order);
    SQLite::Statement scores(
        database(),
        "SELECT metric.name, metric.filter, score.value, score.weight FROM score "
        "JOIN metric ON metric.id = score.metric WHERE score.document = ? "
        "ORDER BY metric.position");
    outputs.bind(1, run);
    outputs.bind(2, cell);
    outputs.bind(3, ordinals.first);
    outputs.bind(4, ordinals.end);
    std::optional<DocumentOutput> document;
    while (outputs.executeStep()) {
      const auto ordinal = outputs.getColumn(Ordinal).getInt64();
      if (!document || document->ordinal != ordinal) {
        if (document) on_document(*document);
        document = document_in(outputs, cell);
        document->scores = scores_of(scores, outputs.getColumn(DocumentId).getInt64());
      }
      if (!outputs.getColumn(Request).isNull()) document->requests.push_back(output_in(outputs));
    }
    if (document) on_document(*document);
  });
}

}  // namespace hylo::reports
