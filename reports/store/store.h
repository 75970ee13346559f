// The memory of the project: runs, what they produced and what was concluded, in one SQLite file.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "reports/store/records.h"

namespace SQLite {
class Database;
}

namespace hylo::reports {

/// Wal: readers and a writer at once, cheap commits; needs a local file system.
/// Delete: the old rollback journal, for network file systems; a commit costs a sync.
enum class Journal { Wal, Delete };

struct OpenOptions {
  bool read_only = false;
  bool create = true;              ///< a store that is not there is made; never when read_only
  std::optional<Journal> journal;  ///< none: as the store is; Wal for a new one
  int busy_timeout_ms = 10'000;    ///< how long to wait for another process's lock
};

/// A run that this process alone is working on. The kernel gives it free when the process ends,
/// however it ends. Movable; dropping it leaves the run as it is, to be resumed.
class RunHandle {
 public:
  RunHandle(RunHandle&&) noexcept;
  RunHandle& operator=(RunHandle&&) noexcept;
  ~RunHandle();

  [[nodiscard]] int64_t id() const;
  [[nodiscard]] bool is_resumed() const;   ///< an earlier call had begun it
  [[nodiscard]] bool is_complete() const;  ///< nothing is left to do, nothing may be saved

 private:
  friend class Store;
  struct State;
  explicit RunHandle(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

/// Ordinals of documents, [first, end).
struct Ordinals {
  int64_t first = 0, end = INT64_MAX;
};

/// All texts of errors name the file. Used by one thread at a time.
class Store {
 public:
  /// Opens or creates. Older stores are migrated, unless read_only is set: then nothing is written,
  /// what cannot be written is read all the same, and an older schema is an Error. Throws Error:
  /// missing, not a store of hylo, newer schema, corrupt, locked, not writable, WAL on a network
  /// file system.
  static Store open(const std::filesystem::path& file, const OpenOptions& options = {});
  Store(Store&&) noexcept;
  Store& operator=(Store&&) noexcept;
  ~Store();

  /// With a name: the run of this name, to be resumed, or is_complete() with nothing left to do.
  /// Without: the nameless incomplete run with this key. Where there is none, a new one. Throws
  /// Error when another process is working on the run, or when the name belongs to a run with
  /// another key.
  RunHandle begin(const RunDescription& run, std::span<const CellDescription> cells);

  /// Ordinals of the documents that are there, ascending.
  [[nodiscard]] std::vector<int64_t> finished_documents(int64_t run, int64_t cell) const;

  /// One transaction: all of these documents or none. A document is saved once. Throws Error when
  /// the disk is full or the store locked; what was saved before stays.
  void save(const RunHandle& run, std::span<const DocumentOutput> documents);

  /// Throws Error naming what is missing unless every expected document is there; then stores the
  /// aggregates, marks the run complete and writes the log back into the file.
  void finish(RunHandle& run);

  /// For a run that ends early: stores the aggregates so far, marked partial.
  void stop(RunHandle& run);

  /// Puts new scores, clusters and tags in the place of those of a run's documents, makes the
  /// aggregates anew and notes that it was done, by which build: one transaction. Throws Error when
  /// a process is working on the run.
  RescoreChanges rescore(int64_t run, std::span<const ScoredAgain> documents,
                         const OrderedJson& build);

  /// By id, by name, or "latest" (begun last). Throws Error with the nearest name.
  [[nodiscard]] RunSummary find_run(std::string_view id_name_or_latest) const;
  [[nodiscard]] std::vector<RunSummary> runs() const;  ///< oldest first
  [[nodiscard]] std::vector<CellSummary> cells(int64_t run) const;

  /// Shows the documents of a cell with their answers, in order of ordinals; one at a time is held.
  void read_documents(int64_t run, int64_t cell, const Ordinals& ordinals,
                      const std::function<void(const DocumentOutput&)>& on_document) const;

  /// From the scores that are there now, in order of cells and their metrics.
  [[nodiscard]] std::vector<CellAggregate> aggregates(int64_t run) const;
  /// The first metric of each cell by the values of a tag, in ascending order of them; documents
  /// without the tag or without a value are left out.
  [[nodiscard]] std::vector<TagMean> means_by_tag(int64_t run, const std::string& tag) const;
  /// The scores of the first metric of each cell, by position; documents without a value are left
  /// out. A cluster has one number in all cells.
  [[nodiscard]] std::vector<std::vector<WeightedValue>> first_scores(int64_t run) const;
  /// The run's groups, in order, from the scores that are there now.
  [[nodiscard]] std::vector<GroupResult> group_results(int64_t run) const;
  /// The same where `aggregates` of the run are at hand.
  [[nodiscard]] std::vector<GroupResult> group_results(int64_t run,
                                                       std::span<const CellAggregate> cells) const;
  /// As they were stored by finish or stop; empty before.
  [[nodiscard]] std::vector<GroupResult> stored_group_results(int64_t run) const;
  /// As they were stored by finish or stop; empty before.
  [[nodiscard]] std::vector<CellAggregate> stored_aggregates(int64_t run) const;

  [[nodiscard]] const std::filesystem::path& file() const;
  /// For check and export, which read it as any SQLite tool does.
  [[nodiscard]] SQLite::Database& database() const;

 private:
  struct State;
  explicit Store(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

/// Of a store that may be older or newer than this program's, which changes nothing of it. Throws
/// Error where there is none.
int32_t schema_version_of(const std::filesystem::path& file);

}  // namespace hylo::reports
