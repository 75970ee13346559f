// From a path to an open database that is known to be a store, and SQLite's errors in words.
#pragma once

#include <SQLiteCpp/Database.h>
#include <SQLiteCpp/Exception.h>

#include <filesystem>
#include <memory>

#include "reports/store/store.h"

namespace hylo::reports {

/// See Store::open.
std::unique_ptr<SQLite::Database> connect(const std::filesystem::path& file,
                                          const OpenOptions& options);

/// Empties the write-ahead log into the file; where a reader holds the log the next writer does.
void write_log_back(SQLite::Database& database);

/// Throws Error (or std::logic_error where a constraint of the schema was broken, which is our
/// fault) with what SQLite reported, in words, and what to do.
[[noreturn]] void rethrow_in_words(const SQLite::Exception& error,
                                   const std::filesystem::path& file);

/// What `action` gives, with SQLite's exceptions turned into ours.
template <class Action>
decltype(auto) in_words(const std::filesystem::path& file, Action&& action) {
  try {
    return action();
  } catch (const SQLite::Exception& error) {
    rethrow_in_words(error, file);
  }
}

}  // namespace hylo::reports
