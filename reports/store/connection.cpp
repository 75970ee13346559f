#include "reports/store/connection.h"

#include <sqlite3.h>

#include <array>
#include <fstream>
#include <string>

#include "reports/store/file_system.h"
#include "reports/store/run_lock.h"
#include "reports/store/schema.h"

namespace hylo::reports {
namespace {

namespace fs = std::filesystem;

// No run has this id: whoever sets up a store holds it meanwhile.
constexpr int64_t set_up_lock = 0;

fs::path log_of(const fs::path& file) { return file.string() + "-wal"; }

bool has_unmerged_log(const fs::path& file) {
  std::error_code absent;
  const auto bytes = fs::file_size(log_of(file), absent);
  return !absent && bytes > 0;
}

// Byte 18 of an SQLite file: 2 where it has a write-ahead log. A new or empty file has none yet.
std::optional<Journal> journal_in_file(const fs::path& file) {
  std::array<char, 20> header{};
  std::ifstream stream(file, std::ios::binary);
  if (!stream.read(header.data(), header.size())) return std::nullopt;
  return header[18] == 2 ? Journal::Wal : Journal::Delete;
}

std::string as_uri(const fs::path& file) {
  std::string uri = "file:";
  for (const char c : fs::absolute(file).string()) {
    uri += c == '%' || c == '?' || c == '#' ? fmt::format("%{:02x}", c) : std::string(1, c);
  }
  return uri;
}

void require_place(const fs::path& file, const OpenOptions& options) {
  const auto folder = folder_of(file);
  require(!fs::is_directory(file), "{}: is a folder; name a file for the store", file.string());
  if (fs::exists(file)) return;
  require(!options.read_only && options.create,
          "{}: there is no store; check the path, or make one with `hylo eval --store {}`",
          file.string(), file.string());
  require(fs::is_directory(folder), "{}: the folder {} does not exist; make it first",
          file.string(), folder.string());
  require(is_writable(folder), "{}: the folder {} is not writable; name a store elsewhere",
          file.string(), folder.string());
}

bool may_write(const fs::path& file) {
  const auto folder = folder_of(file);
  return is_writable(folder) && (!fs::exists(file) || is_writable(file));
}

std::unique_ptr<SQLite::Database> open_file(const std::string& name, int flags, int timeout_ms) {
  return std::make_unique<SQLite::Database>(name, flags, timeout_ms);
}

// Without write access SQLite can follow a log only where its index lies ready beside it; without a
// log the file cannot change under a reader who holds the folder read-only, so no locks are needed.
std::unique_ptr<SQLite::Database> open_unwritable(const fs::path& file, int timeout_ms) {
  if (is_writable(folder_of(file)) || has_unmerged_log(file)) {
    return open_file(file.string(), SQLITE_OPEN_READONLY, timeout_ms);
  }
  return open_file(as_uri(file) + "?immutable=1", SQLITE_OPEN_READONLY | SQLITE_OPEN_URI,
                   timeout_ms);
}

bool is_blank(SQLite::Database& database) {
  return database.execAndGet("SELECT count(*) FROM sqlite_master").getInt() == 0 &&
         database.execAndGet("PRAGMA application_id").getInt() == 0;
}

void require_ours(SQLite::Database& database, const fs::path& file) {
  const auto found = database.execAndGet("PRAGMA application_id").getInt();
  require(
      found == application_id,
      "{}: is an SQLite file but not a store of hylo (application_id {:#x}, expected {:#x}); name "
      "another file",
      file.string(), static_cast<uint32_t>(found), application_id);
  const auto version = version_of(database);
  require(version <= newest_version(),
          "{}: has schema version {}, this program knows versions up to {}; use a newer hylo, or "
          "another store",
          file.string(), version, newest_version());
}

void set_journal(SQLite::Database& database, const fs::path& file, Journal journal) {
  const std::string wanted = journal == Journal::Wal ? "wal" : "delete";
  const auto found = database.execAndGet("PRAGMA journal_mode = " + wanted).getString();
  require(found == wanted, "{}: the journal is {}, expected {}; use `--journal {}`", file.string(),
          found, wanted, found == "wal" ? "wal" : "delete");
}

// Two processes that make one store at the same time take turns.
void set_up(SQLite::Database& database, const fs::path& file, std::optional<Journal> journal) {
  const auto lock = RunLock::wait(file, set_up_lock);
  const bool blank = is_blank(database);
  if (!blank) require_ours(database, file);
  if (journal || blank) set_journal(database, file, journal.value_or(Journal::Wal));
  migrate(database);
}

void require_current(SQLite::Database& database, const fs::path& file) {
  require(!is_blank(database), "{}: is empty, not a store of hylo", file.string());
  require_ours(database, file);
  const auto version = version_of(database);
  require(
      version == newest_version(),
      "{}: has schema version {}, this program reads version {}, and what only reads changes no "
      "store; `hylo store migrate --store {}` brings it there, in a place that can be written",
      file.string(), version, newest_version(), file.string());
}

bool has_journal(SQLite::Database& database, Journal journal) {
  const auto found = database.execAndGet("PRAGMA journal_mode").getString();
  return found == (journal == Journal::Wal ? "wal" : "delete");
}

bool needs_set_up(SQLite::Database& database, const fs::path& file, const OpenOptions& options) {
  if (options.read_only) return false;
  if (is_blank(database)) return true;
  require_ours(database, file);
  const bool other_journal = options.journal && !has_journal(database, *options.journal);
  return other_journal || version_of(database) < newest_version();
}

// A commit survives the process without a sync; in the log it also leaves the file sound when the
// power fails. The old journal needs FULL for that.
void set_connection(SQLite::Database& database, bool read_only) {
  const bool wal = has_journal(database, Journal::Wal);
  database.exec(wal ? "PRAGMA synchronous = NORMAL" : "PRAGMA synchronous = FULL");
  database.exec("PRAGMA foreign_keys = ON");
  if (read_only) database.exec("PRAGMA query_only = ON");
}

std::unique_ptr<SQLite::Database> connect_in_sqlite(const fs::path& file,
                                                    const OpenOptions& options) {
  const int timeout_ms = options.busy_timeout_ms;
  if (!may_write(file)) {
    require(
        options.read_only,
        "{}: the store or its folder cannot be written; make both writable, or name another store",
        file.string());
    auto database = open_unwritable(file, timeout_ms);
    require_current(*database, file);
    return database;
  }
  const int create = options.read_only || !options.create ? 0 : SQLITE_OPEN_CREATE;
  auto database = open_file(file.string(), SQLITE_OPEN_READWRITE | create, timeout_ms);
  if (needs_set_up(*database, file, options)) set_up(*database, file, options.journal);
  require_current(*database, file);
  set_connection(*database, options.read_only);
  return database;
}

std::string advice(int code) {
  switch (code) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return "is locked by another process; wait for it or end it, then run the same command again";
    case SQLITE_FULL:
      return "the disk is full; what was saved before is kept: free space and run the same command "
             "again";
    case SQLITE_IOERR:
      return "reading or writing failed; what was saved before is kept: check the disk and its "
             "limits, "
             "then run the same command again";
    case SQLITE_READONLY:
      return "cannot be written; make the store and its folder writable";
    case SQLITE_CANTOPEN:
      return "cannot be opened; check that the store and its folder can be read, and written where "
             "a "
             "log file (-wal) lies beside it";
    case SQLITE_CORRUPT:
      return "is damaged; restore it from a copy, or save what is left with `sqlite3 FILE "
             ".recover`";
    case SQLITE_NOTADB:
      return "is not an SQLite file; name another file";
    default:
      return "SQLite refused";
  }
}

}  // namespace

std::unique_ptr<SQLite::Database> connect(const fs::path& file, const OpenOptions& options) {
  require_place(file, options);
  const auto journal = options.journal.value_or(journal_in_file(file).value_or(Journal::Wal));
  if (journal == Journal::Wal) {
    refuse_write_ahead_log_on(network_file_system_of(folder_of(file)), file);
  }
  return in_words(file, [&] { return connect_in_sqlite(file, options); });
}

int32_t schema_version_of(const fs::path& file) {
  require_place(file, {.read_only = true});
  return in_words(file, [&] {
    const int timeout_ms = OpenOptions{}.busy_timeout_ms;
    const auto database = may_write(file)
                              ? open_file(file.string(), SQLITE_OPEN_READWRITE, timeout_ms)
                              : open_unwritable(file, timeout_ms);
    require_ours(*database, file);
    return version_of(*database);
  });
}

void write_log_back(SQLite::Database& database) {
  database.tryExec("PRAGMA wal_checkpoint(TRUNCATE)");
}

void rethrow_in_words(const SQLite::Exception& error, const fs::path& file) {
  const int code = error.getErrorCode();
  invariant(code != SQLITE_CONSTRAINT, "{}: {}", file.string(), error.what());
  fail("{}: {} ({})", file.string(), advice(code), error.what());
}

}  // namespace hylo::reports
