#include "reports/store/store.h"

#include <SQLiteCpp/Statement.h>
#include <SQLiteCpp/Transaction.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <utility>

#include "reports/store/connection.h"
#include "reports/store/document_rows.h"
#include "reports/store/group_rows.h"
#include "reports/store/run_rows.h"
#include "reports/store/store_state.h"
#include "reports/store/values.h"

namespace hylo::reports {
namespace {

constexpr auto immediate = SQLite::TransactionBehavior::IMMEDIATE;

std::string missing_documents(const Store& store, int64_t run) {
  constexpr size_t max_named = 5;
  std::vector<std::string> texts;
  const auto cells = store.cells(run);
  for (size_t cell = 0; cell < cells.size(); ++cell) {
    const auto& description = cells[cell].description;
    const auto missing = description.num_expected() - cells[cell].num_finished;
    if (missing == 0) continue;
    if (description.num_assigned) {
      texts.push_back(fmt::format("{}: {} of the {} of this shard", description.task, missing,
                                  *description.num_assigned));
      continue;
    }
    const auto there = store.finished_documents(run, static_cast<int64_t>(cell));
    std::vector<int64_t> named;
    for (int64_t i = 0; i < description.num_documents && named.size() < max_named; ++i) {
      if (!std::ranges::binary_search(there, i)) named.push_back(i);
    }
    texts.push_back(fmt::format("{}: {} of {} (ordinals {}{})", description.task, missing,
                                description.num_documents, fmt::join(named, ", "),
                                missing > std::ssize(named) ? ", ..." : ""));
  }
  return fmt::format("{}", fmt::join(texts, "; "));
}

void insert_aggregate(SQLite::Database& database, int64_t metric, const CellAggregate& row) {
  SQLite::Statement insert(database,
                           "INSERT OR REPLACE INTO aggregate (metric, value, standard_error, "
                           "interval_low, interval_high, n, num_failed, partial, "
                           "clustered_error, num_clusters) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)");
  insert.bind(1, metric);
  bind_number(insert, 2, row.aggregate.value);
  bind_number(insert, 3, row.aggregate.standard_error);
  if (row.aggregate.interval) {
    insert.bind(4, row.aggregate.interval->low);
    insert.bind(5, row.aggregate.interval->high);
  }
  insert.bind(6, row.aggregate.n);
  insert.bind(7, row.num_failed);
  insert.bind(8, static_cast<int>(row.partial));
  bind_number(insert, 9, row.aggregate.clustered_error);
  insert.bind(10, row.aggregate.num_clusters);
  insert.exec();
}

void store_aggregates(const Store& store, int64_t run, std::span<const CellRow> cells) {
  const auto rows = store.aggregates(run);
  size_t next = 0;
  for (const auto& cell : cells) {
    for (const auto metric : cell.metric_ids) {
      insert_aggregate(store.database(), metric, rows[next++]);
    }
  }
  insert_group_aggregates(store.database(), run, store.group_results(run, rows));
}

}  // namespace

RunHandle::RunHandle(std::unique_ptr<State> state) : state_(std::move(state)) {}
RunHandle::RunHandle(RunHandle&&) noexcept = default;
RunHandle& RunHandle::operator=(RunHandle&&) noexcept = default;
RunHandle::~RunHandle() = default;
int64_t RunHandle::id() const { return state_->id; }
bool RunHandle::is_resumed() const { return state_->is_resumed; }
bool RunHandle::is_complete() const { return state_->is_complete; }

Store::Store(std::unique_ptr<State> state) : state_(std::move(state)) {}
Store::Store(Store&&) noexcept = default;
Store& Store::operator=(Store&&) noexcept = default;
Store::~Store() = default;
const std::filesystem::path& Store::file() const { return state_->file; }
SQLite::Database& Store::database() const { return *state_->database; }

Store Store::open(const std::filesystem::path& file, const OpenOptions& options) {
  auto state = std::make_unique<State>();
  state->file = file;
  state->database = connect(file, options);
  return Store(std::move(state));
}

RunHandle Store::begin(const RunDescription& run, std::span<const CellDescription> cells) {
  check_description(run, cells);
  return in_words(file(), [&] {
    SQLite::Transaction transaction(database(), immediate);
    auto state = std::make_unique<RunHandle::State>();
    const auto found = run_to_continue(database(), file(), run);
    state->is_resumed = found.has_value();
    state->is_complete = found && found->state == RunState::Complete;
    state->id = found ? found->id : insert_run(database(), run, cells);
    if (!state->is_complete) {
      state->lock = RunLock::attempt(file(), state->id);
      require(state->lock.has_value(), "{}", busy_text(database(), file(), state->id));
      begin_attempt(database(), state->id);
    }
    state->cells = read_cells(database(), state->id);
    require_same_cells(state->cells, cells, run.key);
    transaction.commit();
    return RunHandle(std::move(state));
  });
}

void Store::save(const RunHandle& run, std::span<const DocumentOutput> documents) {
  invariant(run.state_->lock.has_value(), "run {} is not open for saving", run.id());
  in_words(file(), [&] {
    SQLite::Transaction transaction(database(), immediate);
    if (!state_->writer) state_->writer = std::make_unique<Writer>(database());
    try {
      for (const auto& document : documents) state_->writer->write(run.state_->cells, document);
      transaction.commit();
    } catch (...) {
      state_->writer.reset();  // its statements stand in the middle of what failed
      throw;
    }
  });
}

void Store::finish(RunHandle& run) {
  invariant(run.state_->lock.has_value(), "run {} is not open", run.id());
  in_words(file(), [&] {
    SQLite::Transaction transaction(database(), immediate);
    const auto missing = missing_documents(*this, run.id());
    require(missing.empty(),
            "{}: run {} is not complete, documents are missing: {}; run the same "
            "command again to go on",
            file().string(), run.id(), missing);
    store_aggregates(*this, run.id(), run.state_->cells);
    mark_complete(database(), run.id());
    transaction.commit();
    write_log_back(database());
  });
  run.state_->is_complete = true;
  run.state_->lock.reset();
}

RescoreChanges Store::rescore(int64_t run, std::span<const ScoredAgain> documents,
                              const OrderedJson& build) {
  return in_words(file(), [&] {
    const auto lock = RunLock::attempt(file(), run);
    require(lock.has_value(), "{}", busy_text(database(), file(), run));
    SQLite::Transaction transaction(database(), immediate);
    const auto cells = read_cells(database(), run);
    const auto changed = update_documents(database(), cells, documents);
    store_aggregates(*this, run, cells);
    note_rescore(database(), run, build, changed.num_scores);
    transaction.commit();
    write_log_back(database());
    return changed;
  });
}

void Store::stop(RunHandle& run) {
  invariant(run.state_->lock.has_value(), "run {} is not open", run.id());
  in_words(file(), [&] {
    SQLite::Transaction transaction(database(), immediate);
    store_aggregates(*this, run.id(), run.state_->cells);
    transaction.commit();
    write_log_back(database());
  });
  run.state_->lock.reset();
}

}  // namespace hylo::reports
