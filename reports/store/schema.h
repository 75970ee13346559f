// The tables of a store and how an older store becomes a newer one. The SQL in schema.cpp is made
// to be read: it is the documentation of the file format.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

namespace SQLite {
class Database;
}

namespace hylo::reports {

/// PRAGMA application_id of every store: "hylo" in ASCII.
inline constexpr int32_t application_id = 0x68796c6f;

/// Makes a store of the version before it into one of `version`. Never changed once it was in use:
/// a change of the tables is one more migration.
struct Migration {
  int32_t version;
  std::string_view sql;
};

/// Every version there ever was, from 1.
std::span<const Migration> migrations();
int32_t newest_version();  ///< the PRAGMA user_version of a store made by this program

/// Applies what is missing, each step in a transaction of its own together with its version number;
/// a step that another process took in the meantime is skipped.
void migrate(SQLite::Database& database, std::span<const Migration> steps = migrations());

int32_t version_of(SQLite::Database& database);

}  // namespace hylo::reports
