#include "reports/store/writer.h"

#include <SQLiteCpp/Database.h>

#include <algorithm>

#include "harness/base/error.h"
#include "harness/base/hash.h"
#include "reports/store/values.h"

namespace hylo::reports {
namespace {

void check(std::span<const CellRow> cells, const DocumentOutput& document) {
  invariant(0 <= document.cell && document.cell < std::ssize(cells), "the run has no cell {}",
            document.cell);
  const auto& description = cells[static_cast<size_t>(document.cell)].description;
  invariant(0 <= document.ordinal && document.ordinal < description.num_documents,
            "{}: document {} of {}", description.task, document.ordinal, description.num_documents);
  invariant(document.scores.size() == description.metrics.size(),
            "{}: document {} has {} scores, its task has {} metrics", description.task,
            document.ordinal, document.scores.size(), description.metrics.size());
  for (size_t i = 0; i < document.requests.size(); ++i) {
    invariant(document.requests[i].request == static_cast<int64_t>(i),
              "{}: document {}: request {} stands at {}", description.task, document.ordinal,
              document.requests[i].request, i);
  }
}

int64_t metric_id(const CellRow& cell, const DocumentScore& score) {
  const auto& metrics = cell.description.metrics;
  const auto found = std::ranges::find_if(metrics, [&](const MetricDescription& metric) {
    return metric.name == score.metric && metric.filter == score.filter;
  });
  invariant(found != metrics.end(), "{}: no metric {} with filter {}", cell.description.task,
            score.metric, score.filter);
  return cell.metric_ids[static_cast<size_t>(found - metrics.begin())];
}

// A null pointer would be bound as NULL: no ids are an empty blob.
std::string_view bytes_of(std::span<const int32_t> ids) {
  if (ids.empty()) return "";
  return {reinterpret_cast<const char*>(ids.data()), ids.size_bytes()};
}

void run_once(SQLite::Statement& statement) {
  statement.exec();
  statement.reset();
}

}  // namespace

Writer::Writer(SQLite::Database& database)
    : database_(database),
      document_(database,
                "INSERT INTO document (cell, ordinal, document_index, fewshot_ids, seconds, "
                "cluster, tags) "
                "VALUES (?, ?, ?, ?, ?, ?, ?)"),
      output_(database,
              "INSERT INTO output (document, request, kind, prompt, continuation, token_ids, "
              "context_ids, log_likelihood, window_log_likelihoods, is_greedy, num_tokens, "
              "dropped_tokens, boundary_merged, generated, finish_reason, error) "
              "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"),
      score_(database, "INSERT INTO score (document, metric, value, weight) VALUES (?, ?, ?, ?)"),
      find_prompt_(database, "SELECT id FROM prompt WHERE text_sha256 = ? AND ids_sha256 = ?"),
      prompt_(database,
              "INSERT INTO prompt (text_sha256, ids_sha256, text, token_ids) VALUES (?, ?, ?, ?)") {
}

void Writer::write(std::span<const CellRow> cells, const DocumentOutput& document) {
  check(cells, document);
  const auto& cell = cells[static_cast<size_t>(document.cell)];
  const auto id = insert_document(cell, document);
  last_prompt_ = {};
  for (const auto& output : document.requests) insert_output(id, output);
  for (const auto& score : document.scores) insert_score(id, metric_id(cell, score), score);
}

int64_t Writer::insert_document(const CellRow& cell, const DocumentOutput& document) {
  document_.bind(1, cell.id);
  document_.bind(2, document.ordinal);
  document_.bind(3, document.index);
  document_.bind(4, Json(document.fewshot_ids).dump());
  document_.bind(5, document.seconds);
  const auto tags = as_line_unless_empty(document.tags);
  bind_unless_empty(document_, 6, document.cluster);
  bind_unless_empty(document_, 7, tags);
  run_once(document_);
  return database_.getLastInsertRowid();
}

void Writer::insert_output(int64_t document, const RequestOutput& output) {
  // A whole text is the request's prompt: it is long, and the same in every run.
  const bool whole = is_whole_text(output.kind);
  const auto prompt = whole ? prompt_id(output.continuation, output.token_ids)
                            : prompt_id(output.context, output.context_ids);
  output_.clearBindings();
  output_.bind(1, document);
  output_.bind(2, output.request);
  output_.bind(3, static_cast<int>(output.kind));
  output_.bind(4, prompt);
  if (output.kind == RequestKind::Score) output_.bindNoCopy(5, output.continuation);
  if (!whole) bind_values<int32_t>(output_, 6, output.token_ids);
  if (whole) bind_values<int32_t>(output_, 7, output.context_ids);
  bind_number(output_, 8, output.log_likelihood);
  bind_values<double>(output_, 9, output.window_log_likelihoods);
  if (output.is_greedy) output_.bind(10, static_cast<int>(*output.is_greedy));
  output_.bind(11, output.num_tokens);
  output_.bind(12, output.dropped_tokens);
  output_.bind(13, static_cast<int>(output.boundary_merged));
  bind_text(output_, 14, output.generated);
  if (output.finish_reason) output_.bind(15, static_cast<int>(*output.finish_reason));
  bind_text(output_, 16, output.error);
  run_once(output_);
}

void Writer::insert_score(int64_t document, int64_t metric, const DocumentScore& score) {
  score_.bind(1, document);
  score_.bind(2, metric);
  bind_number(score_, 3, score.value);
  score_.bind(4, score.weight);
  run_once(score_);
}

int64_t Writer::prompt_id(const std::string& text, std::span<const int32_t> ids) {
  const bool same = last_prompt_.text != nullptr && *last_prompt_.text == text &&
                    std::ranges::equal(last_prompt_.ids, ids);
  if (!same) last_prompt_ = {&text, ids, find_or_insert_prompt(text, ids)};
  return last_prompt_.id;
}

int64_t Writer::find_or_insert_prompt(const std::string& text, std::span<const int32_t> ids) {
  const auto text_sha256 = sha256_hex(text);
  const auto ids_sha256 = sha256_hex(bytes_of(ids));
  find_prompt_.bindNoCopy(1, text_sha256);
  find_prompt_.bindNoCopy(2, ids_sha256);
  const bool found = find_prompt_.executeStep();
  const int64_t id = found ? find_prompt_.getColumn(0).getInt64() : 0;
  find_prompt_.reset();
  if (found) return id;
  prompt_.bindNoCopy(1, text_sha256);
  prompt_.bindNoCopy(2, ids_sha256);
  prompt_.bindNoCopy(3, text);
  prompt_.bindNoCopy(4, bytes_of(ids).data(), static_cast<int>(ids.size_bytes()));
  run_once(prompt_);
  return database_.getLastInsertRowid();
}

}  // namespace hylo::reports
