#include "reports/store/check.h"

#include <SQLiteCpp/Statement.h>

#include <cmath>

#include "harness/base/hash.h"
#include "reports/store/connection.h"
#include "reports/store/values.h"

namespace hylo::reports {
namespace {

/// Relative. Exponentials of two mathematics libraries differ in their last bit.
constexpr double tolerance = 1e-12;

class Examination {
 public:
  explicit Examination(const Store& store) : store_(store), database_(store.database()) {}

  std::vector<Finding> examine() {
    check_structure();
    // Rows of a damaged file prove nothing.
    if (!findings_.empty()) return std::move(findings_);
    check_references();
    check_request_numbers();
    check_prompts();
    for (const auto& run : store_.runs()) check_run(run);
    return std::move(findings_);
  }

 private:
  void problem(const std::string& where, const std::string& text) {
    findings_.push_back({Severity::Problem, where, text});
  }

  void check_structure() {
    SQLite::Statement query(database_, "PRAGMA integrity_check");
    while (query.executeStep()) {
      const auto text = query.getColumn(0).getString();
      if (text != "ok") problem("file", text);
    }
  }

  void check_references() {
    SQLite::Statement query(database_, "PRAGMA foreign_key_check");
    while (query.executeStep()) {
      problem("table " + query.getColumn(0).getString(),
              fmt::format("row {} refers to a row of {} that is not there",
                          query.getColumn(1).getInt64(), query.getColumn(2).getString()));
    }
  }

  void check_request_numbers() {
    SQLite::Statement query(
        database_,
        "SELECT run, task.name, document_index, count(*), max(request) + 1 FROM output "
        "JOIN document ON document.id = output.document JOIN cell ON cell.id = document.cell "
        "JOIN task ON task.id = cell.task GROUP BY document.id HAVING count(*) != max(request) + "
        "1");
    while (query.executeStep()) {
      problem(
          fmt::format("run {}, {}", query.getColumn(0).getInt64(), query.getColumn(1).getString()),
          fmt::format("document {} has {} of {} requests", query.getColumn(2).getInt64(),
                      query.getColumn(3).getInt64(), query.getColumn(4).getInt64()));
    }
  }

  void check_prompts() {
    SQLite::Statement query(database_,
                            "SELECT id, text_sha256, text, ids_sha256, token_ids FROM prompt");
    while (query.executeStep()) {
      const bool sound =
          sha256_hex(query.getColumn(2).getString()) == query.getColumn(1).getString() &&
          sha256_hex(query.getColumn(4).getString()) == query.getColumn(3).getString();
      if (!sound) {
        problem(fmt::format("prompt {}", query.getColumn(0).getInt64()),
                "text or token ids do not have the hash that was stored with them");
      }
    }
  }

  void check_run(const RunSummary& run) {
    const auto where = fmt::format("run {}", run.id);
    if (run.state == RunState::Incomplete) {
      findings_.push_back(
          {Severity::Note, where,
           fmt::format("is incomplete: {} of {} documents; the same command goes on",
                       run.num_finished, run.num_documents)});
    } else {
      check_complete(run, where);
    }
    check_aggregates(run);
    check_groups(run);
  }

  void check_complete(const RunSummary& run, const std::string& where) {
    for (const auto& cell : store_.cells(run.id)) {
      const auto expected = cell.description.num_expected();
      if (cell.num_finished == expected) continue;
      problem(fmt::format("{}, {}", where, cell.description.task),
              fmt::format("is marked complete but has {} of {} documents", cell.num_finished,
                          expected));
    }
    if (store_.stored_aggregates(run.id).size() != store_.aggregates(run.id).size()) {
      problem(where, "is marked complete but aggregates are missing");
    }
  }

  // A run that goes on has none; a stopped one has those of what was there.
  void check_aggregates(const RunSummary& run) {
    const auto stored = store_.stored_aggregates(run.id);
    const auto computed = store_.aggregates(run.id);
    if (stored.size() != computed.size()) return;
    for (size_t i = 0; i < stored.size(); ++i) {
      if (agree(stored[i], computed[i])) continue;
      const auto& metric = stored[i].metric;
      problem(fmt::format("run {}, {} ({})", run.id, metric.name, metric.filter),
              fmt::format("the stored aggregate {} (n = {}) is not that of its scores, {} (n = {})",
                          shown(stored[i]), stored[i].aggregate.n, shown(computed[i]),
                          computed[i].aggregate.n));
    }
  }

  static std::string shown(const CellAggregate& row) {
    return row.aggregate.value ? fmt::format("{}", *row.aggregate.value) : "none";
  }

  static bool agree(const std::optional<double>& left, const std::optional<double>& right) {
    if (!left || !right || !std::isfinite(*left) || !std::isfinite(*right)) {
      return left.has_value() == right.has_value() &&
             (!left || *left == *right || (std::isnan(*left) && std::isnan(*right)));
    }
    return std::abs(*left - *right) <= tolerance * std::abs(*left);
  }

  static bool agree(const CellAggregate& left, const CellAggregate& right) {
    return agree(left.aggregate.value, right.aggregate.value) &&
           agree(left.aggregate.standard_error, right.aggregate.standard_error) &&
           agree(left.aggregate.clustered_error, right.aggregate.clustered_error) &&
           agree(bound(left, &Interval::low), bound(right, &Interval::low)) &&
           agree(bound(left, &Interval::high), bound(right, &Interval::high)) &&
           left.aggregate.n == right.aggregate.n && left.num_failed == right.num_failed &&
           left.partial == right.partial;
  }

  static std::optional<double> bound(const CellAggregate& row, double Interval::*which) {
    if (!row.aggregate.interval) return std::nullopt;
    return (*row.aggregate.interval).*which;
  }

  static bool agree(const GroupAggregate& left, const GroupAggregate& right) {
    return agree(left.value, right.value) && agree(left.standard_error, right.standard_error) &&
           agree(left.clustered_error, right.clustered_error) && left.n == right.n &&
           left.num_failed == right.num_failed && left.partial == right.partial;
  }

  void check_groups(const RunSummary& run) {
    const auto computed = store_.group_results(run.id);
    const auto stored = store_.stored_group_results(run.id);
    if (stored.empty() && run.state == RunState::Incomplete) return;
    if (stored.size() != computed.size()) {
      return problem(
          fmt::format("run {}", run.id),
          fmt::format("has {} values of groups, expected {}", stored.size(), computed.size()));
    }
    for (size_t i = 0; i < stored.size(); ++i) {
      if (agree(stored[i].aggregate, computed[i].aggregate)) continue;
      problem(fmt::format("run {}, group {}", run.id, stored[i].group.name),
              "the stored value is not that of its tasks");
    }
  }

  const Store& store_;
  SQLite::Database& database_;
  std::vector<Finding> findings_;
};

}  // namespace

std::vector<Finding> check(const Store& store) {
  return in_words(store.file(), [&] { return Examination(store).examine(); });
}

}  // namespace hylo::reports
