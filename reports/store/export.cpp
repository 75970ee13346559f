#include "reports/store/export.h"

#include <SQLiteCpp/Statement.h>

#include "reports/store/connection.h"
#include "reports/store/json_number.h"
#include "reports/store/values.h"

namespace hylo::reports {
namespace {

constexpr auto requests_in_order =
    "SELECT task.name, document.document_index, output.request, output.log_likelihood, "
    "output.is_greedy, output.num_tokens, output.generated, finish_reason.name, "
    "output.dropped_tokens, output.window_log_likelihoods, output.error, output.kind, prompt.text, "
    "output.continuation, prompt.token_ids, output.token_ids, output.context_ids, document.id, "
    "(SELECT max(request) FROM output AS other WHERE other.document = document.id) "
    "FROM cell JOIN task ON task.id = cell.task JOIN document ON document.cell = cell.id "
    "JOIN output ON output.document = document.id JOIN prompt ON prompt.id = output.prompt "
    "LEFT JOIN finish_reason ON finish_reason.id = output.finish_reason "
    "WHERE cell.run = ? ORDER BY cell.position, document.document_index, output.request";
enum Column {
  Task,
  Index,
  Request,
  LogLikelihood,
  IsGreedy,
  NumTokens,
  Generated,
  Finish,
  DroppedTokens,
  Windows,
  ErrorText,
  Kind,
  PromptText,
  Continuation,
  PromptIds,
  TokenIds,
  ContextIds,
  DocumentId,
  LastRequest
};

constexpr auto metrics_in_order =
    "SELECT metric.name, metric.filter, metric.aggregation, score.value, score.weight FROM score "
    "JOIN metric ON metric.id = score.metric WHERE score.document = ? ORDER BY metric.position";

OrderedJson text(const SQLite::Column& column) {
  const auto found = text_in(column);
  return found ? OrderedJson(*found) : OrderedJson(nullptr);
}

bool has_weights(Aggregation aggregation) {
  return aggregation == Aggregation::WeightedPerplexity ||
         aggregation == Aggregation::BitsPerUnit || aggregation == Aggregation::WeightedMean;
}

class Exporter {
 public:
  Exporter(SQLite::Database& database, const ExportOptions& options)
      : options_(options),
        requests_(database, requests_in_order),
        metrics_(database, metrics_in_order) {}

  void write(int64_t run, std::ostream& out) {
    requests_.bind(1, run);
    while (requests_.executeStep()) {
      out << as_line(line()) << '\n';
    }
  }

 private:
  OrderedJson line() {
    const bool failed = !column(ErrorText).isNull();
    OrderedJson line = {{"task", column(Task).getString()},
                        {"index", column(Index).getInt64()},
                        {"request", column(Request).getInt64()}};
    line["log_likelihood"] = json_number(number_in(column(LogLikelihood)));
    line["is_greedy"] = nullptr;
    if (!column(IsGreedy).isNull()) line["is_greedy"] = column(IsGreedy).getInt() != 0;
    line["num_tokens"] = count(NumTokens, failed);
    line["generated"] = text(column(Generated));
    line["finish_reason"] = text(column(Finish));
    line["dropped_tokens"] = count(DroppedTokens, failed);
    if (kind() == RequestKind::Rolling) line["windows"] = sums();
    if (kind() == RequestKind::Tokens) line["spans"] = sums();
    if (kind() == RequestKind::Agreement) line["agreement"] = sums();
    if (failed) line["error"] = column(ErrorText).getString();
    if (column(Request).getInt64() == column(LastRequest).getInt64()) line["metrics"] = metrics();
    if (options_.text) add_text(line);
    if (options_.ids) add_ids(line);
    return line;
  }

  OrderedJson count(Column name, bool failed) {
    return failed ? OrderedJson(nullptr) : OrderedJson(column(name).getInt64());
  }

  OrderedJson sums() {
    auto list = OrderedJson::array();
    for (const double sum : values_in<double>(column(Windows))) list.push_back(json_number(sum));
    return list;
  }

  OrderedJson metrics() {
    auto all = OrderedJson::object();
    metrics_.reset();
    metrics_.bind(1, column(DocumentId).getInt64());
    while (metrics_.executeStep()) {
      const auto filter = metrics_.getColumn(1).getString();
      const auto key = metrics_.getColumn(0).getString() + (filter == "none" ? "" : "," + filter);
      const auto value = json_number(number_in(metrics_.getColumn(3)));
      const bool weighted = has_weights(static_cast<Aggregation>(metrics_.getColumn(2).getInt()));
      all[key] = weighted && !value.is_null()
                     ? OrderedJson::array({value, metrics_.getColumn(4).getDouble()})
                     : value;
    }
    return all;
  }

  void add_text(OrderedJson& line) {
    const bool whole = is_whole_text(kind());
    line["context"] = whole ? OrderedJson("") : OrderedJson(column(PromptText).getString());
    line["continuation"] = text(column(whole ? PromptText : Continuation));
  }

  void add_ids(OrderedJson& line) {
    const bool whole = is_whole_text(kind());
    line["context_ids"] = values_in<int32_t>(column(whole ? ContextIds : PromptIds));
    line["token_ids"] = values_in<int32_t>(column(whole ? PromptIds : TokenIds));
  }

  SQLite::Column column(Column name) { return requests_.getColumn(name); }
  RequestKind kind() { return static_cast<RequestKind>(column(Kind).getInt()); }

  ExportOptions options_;
  SQLite::Statement requests_;
  SQLite::Statement metrics_;
};

}  // namespace

void export_samples(const Store& store, int64_t run, const ExportOptions& options,
                    std::ostream& out) {
  in_words(store.file(), [&] { Exporter(store.database(), options).write(run, out); });
  out.flush();
  require(out.good(), "run {}: the export could not be written; check the disk that it goes to",
          run);
}

}  // namespace hylo::reports
