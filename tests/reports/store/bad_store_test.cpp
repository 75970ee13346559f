// Stores that cannot be opened, read or written as they are.
#include <SQLiteCpp/Database.h>
#include <gmock/gmock.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "harness/base/files.h"
#include "reports/store/file_system.h"
#include "reports/store/schema.h"
#include "tests/reports/store/child_process.h"
#include "tests/reports/store/sample_run.h"
#include "tests/reports/store/small_disk.h"
#include "tests/support/test_data.h"

namespace hylo::reports {
namespace {

using hylo::tests::error_of;
using hylo::tests::TemporaryFolder;
using ::testing::AllOf;
using ::testing::HasSubstr;
using tests::ChildProcess;
using tests::choice_cell;
using tests::choice_document;
using tests::choice_documents;
using tests::complete_run;
using tests::exported;
using tests::sample_description;

constexpr uid_t nobody = 65534;

std::string error_of_opening(const std::filesystem::path& file, const OpenOptions& options = {}) {
  return error_of([&] { Store::open(file, options); });
}

void execute(const std::filesystem::path& file, const std::string& sql) {
  SQLite::Database(file, SQLite::OPEN_READWRITE | SQLite::OPEN_CREATE).exec(sql);
}

void expect_contains(const std::string& text, const std::string& part) {
  require(text.find(part) != std::string::npos, "expected '{}' in: {}", part, text);
}

// Permissions do not bind root: what they forbid is tried as another user, in a process of its own.
int as_nobody(const std::function<void()>& action) {
  return ChildProcess([&] {
           if (::geteuid() == 0) require(::seteuid(nobody) == 0, "no other user");
           action();
         })
      .wait();
}

TEST(BadStore, AMissingStoreIsNotReadAndNotMadeByReading) {
  const TemporaryFolder folder;
  EXPECT_THAT(error_of_opening(folder / "s.db", {.read_only = true}),
              HasSubstr("there is no store; check the path"));
  EXPECT_THAT(error_of_opening(folder / "s.db", {.create = false}), HasSubstr("there is no store"));
  EXPECT_FALSE(std::filesystem::exists(folder / "s.db"));
}

TEST(BadStore, AFolderIsNotAStoreAndAMissingFolderIsNotMade) {
  const TemporaryFolder folder;
  EXPECT_THAT(error_of_opening(folder.path()), HasSubstr("is a folder"));
  EXPECT_THAT(error_of_opening(folder / "none/s.db"), HasSubstr("does not exist; make it first"));
}

TEST(BadStore, ATextFileIsNotAStoreAndStaysAsItIs) {
  const TemporaryFolder folder;
  const std::string text(5000, 'a');
  write_text_file(folder / "notes.txt", text);
  EXPECT_THAT(error_of_opening(folder / "notes.txt"), HasSubstr("is not an SQLite file"));
  EXPECT_EQ(read_text_file(folder / "notes.txt"), text);
}

TEST(BadStore, AnotherProgramsDatabaseIsNotAStore) {
  const TemporaryFolder folder;
  execute(folder / "s.db", "CREATE TABLE t (x); PRAGMA application_id = 77");
  EXPECT_THAT(error_of_opening(folder / "s.db"),
              HasSubstr("is an SQLite file but not a store of hylo (application_id 0x4d, expected "
                        "0x68796c6f)"));
}

TEST(BadStore, AStoreFromTheFutureIsRefusedWithBothVersions) {
  const TemporaryFolder folder;
  { Store::open(folder / "s.db"); }
  const auto future = newest_version() + 1;
  execute(folder / "s.db", fmt::format("PRAGMA user_version = {}", future));
  const auto expected = fmt::format("has schema version {}, this program knows versions up to {}",
                                    future, newest_version());
  EXPECT_THAT(error_of_opening(folder / "s.db"), HasSubstr(expected));
  EXPECT_THAT(error_of_opening(folder / "s.db", {.read_only = true}), HasSubstr(expected));
}

TEST(BadStore, AnOlderStoreIsNotChangedByWhatOnlyReads) {
  const TemporaryFolder folder;
  const auto file = folder / "s.db";
  {
    SQLite::Database older(file, SQLite::OPEN_READWRITE | SQLite::OPEN_CREATE);
    migrate(older, migrations().first(1));
  }
  const auto bytes = read_text_file(file);
  EXPECT_THAT(error_of_opening(file, {.read_only = true}),
              AllOf(HasSubstr("has schema version 1"),
                    HasSubstr(fmt::format("`hylo store migrate --store {}`", file.string()))));
  EXPECT_EQ(schema_version_of(file), 1);
  EXPECT_EQ(read_text_file(file), bytes);
  { Store::open(file); }
  EXPECT_EQ(schema_version_of(file), newest_version());
  Store::open(file, {.read_only = true});
}

TEST(BadStore, ADamagedStoreSaysSo) {
  const TemporaryFolder folder;
  {
    auto store = Store::open(folder / "s.db");
    complete_run(store, 50);
  }
  auto bytes = read_text_file(folder / "s.db");
  std::fill(bytes.begin() + 4096, bytes.end(), '\x55');
  write_text_file(folder / "s.db", bytes);
  EXPECT_THAT(error_of([&] { (void)Store::open(folder / "s.db").runs(); }),
              HasSubstr("is damaged; restore it from a copy"));
}

TEST(BadStore, AHalvedStoreSaysSo) {
  const TemporaryFolder folder;
  {
    auto store = Store::open(folder / "s.db");
    complete_run(store, 500);
  }
  std::filesystem::resize_file(folder / "s.db", std::filesystem::file_size(folder / "s.db") / 2);
  EXPECT_THAT(error_of([&] { exported(Store::open(folder / "s.db"), 1); }),
              HasSubstr("is damaged"));
}

TEST(BadStore, ALockedStoreIsAnErrorAfterTheTimeout) {
  const TemporaryFolder folder;
  auto store = Store::open(folder / "s.db", {.busy_timeout_ms = 20});
  const auto run = store.begin(sample_description(), std::vector{choice_cell(2)});
  SQLite::Database other(folder / "s.db", SQLite::OPEN_READWRITE);
  other.exec("BEGIN IMMEDIATE");
  EXPECT_THAT(error_of([&] { store.save(run, choice_documents(0, 2)); }),
              HasSubstr("is locked by another process; wait for it or end it"));
  other.exec("COMMIT");
  store.save(run, choice_documents(0, 2));
}

TEST(BadStore, AReadOnlyStoreIsReadAndNotWritten) {
  const TemporaryFolder folder;
  {
    auto store = Store::open(folder / "s.db");
    complete_run(store, 3);
  }
  auto store = Store::open(folder / "s.db", {.read_only = true});
  EXPECT_EQ(store.find_run("latest").state, RunState::Complete);
  EXPECT_THAT(error_of([&] { store.begin(sample_description(), {}); }),
              HasSubstr("cannot be written"));
}

TEST(BadStore, AFolderWithoutWriteAccessIsReadAsImmutable) {
  const TemporaryFolder folder;
  {
    auto store = Store::open(folder / "a #1?.db");
    complete_run(store, 3);
  }
  ASSERT_EQ(::chmod(folder.path().c_str(), 0555), 0);
  ASSERT_EQ(::chmod((folder / "a #1?.db").c_str(), 0444), 0);
  EXPECT_EQ(as_nobody([&] {
              expect_contains(error_of_opening(folder / "a #1?.db"),
                              "cannot be written; make both writable");
              expect_contains(error_of_opening(folder / "new.db"), "is not writable");
              const auto store = Store::open(folder / "a #1?.db", {.read_only = true});
              require(exported(store, 1).size() > 100, "nothing to read");
            }),
            0);
  ::chmod(folder.path().c_str(), 0755);
}

TEST(BadStore, AFileWithoutWriteAccessIsRead) {
  const TemporaryFolder folder;
  {
    auto store = Store::open(folder / "s.db");
    complete_run(store, 3);
  }
  ASSERT_EQ(::chmod(folder.path().c_str(), 0777), 0);
  ASSERT_EQ(::chmod((folder / "s.db").c_str(), 0444), 0);
  EXPECT_EQ(as_nobody([&] {
              expect_contains(error_of_opening(folder / "s.db"), "cannot be written");
              const auto store = Store::open(folder / "s.db", {.read_only = true});
              require(exported(store, 1).size() > 100, "nothing to read");
            }),
            0);
}

TEST(BadStore, ALogThatCannotBeMergedIsNotOverlooked) {
  const TemporaryFolder folder;
  ChildProcess killed([&] {
    auto store = Store::open(folder / "s.db");
    const auto run = store.begin(sample_description(), std::vector{choice_cell(2)});
    ::kill(::getpid(), SIGKILL);
  });
  killed.wait();
  ASSERT_GT(std::filesystem::file_size(folder / "s.db-wal"), 0U);
  std::filesystem::remove(folder / "s.db-shm");
  ::chmod(folder.path().c_str(), 0555);
  ::chmod((folder / "s.db").c_str(), 0444);
  EXPECT_EQ(as_nobody([&] {
              expect_contains(error_of_opening(folder / "s.db", {.read_only = true}),
                              "a log file (-wal)");
            }),
            0);
  ::chmod(folder.path().c_str(), 0755);
}

TEST(BadStore, AFullDiskLosesNothingThatWasSaved) {
  const TemporaryFolder folder;
  tests::SmallDisk disk(800'000);
  auto store = Store::open(folder / "s.db");
  auto run = store.begin(sample_description(), std::vector{choice_cell(2000)});
  int64_t saved = 0;
  const auto text = error_of([&] {
    for (; saved < 2000; saved += 10) store.save(run, choice_documents(saved, saved + 10));
  });
  EXPECT_THAT(text, AllOf(HasSubstr("the disk is full; what was saved before is kept"),
                          HasSubstr("free space and run the same command again")));
  ASSERT_GT(saved, 0);
  EXPECT_EQ(std::ssize(store.finished_documents(run.id(), 0)), saved);
  disk.grow_to(100'000'000);
  for (; saved < 2000; saved += 10) store.save(run, choice_documents(saved, saved + 10));
  store.finish(run);
}

TEST(BadStore, AFileSizeLimitLosesNothingThatWasSaved) {
  const TemporaryFolder folder;
  ChildProcess child([&] {
    ::signal(SIGXFSZ, SIG_IGN);
    const rlimit limit{800'000, 800'000};
    require(::setrlimit(RLIMIT_FSIZE, &limit) == 0, "no limit");
    auto store = Store::open(folder / "s.db");
    const auto run = store.begin(sample_description(), std::vector{choice_cell(4000)});
    const auto text = error_of([&] {
      for (int64_t i = 0; i < 4000; i += 10) store.save(run, choice_documents(i, i + 10));
    });
    expect_contains(text, "what was saved before is kept");
  });
  EXPECT_EQ(child.wait(), 0);
  auto store = Store::open(folder / "s.db");
  const auto run = store.begin(sample_description(), std::vector{choice_cell(4000)});
  const auto there = store.finished_documents(run.id(), 0);
  EXPECT_GT(there.size(), 0U);
  EXPECT_EQ(there.size() % 10, 0U);
}

TEST(BadStore, NetworkFileSystemsAreKnownByTheirNumbers) {
  EXPECT_EQ(network_file_system(0x6969), "NFS");
  EXPECT_EQ(network_file_system(0xff534d42), "CIFS");
  EXPECT_EQ(network_file_system(static_cast<int32_t>(0xff534d42)), "CIFS");  // sign extended
  EXPECT_FALSE(network_file_system(0xef53).has_value());                     // ext4
  EXPECT_FALSE(network_file_system(0x01021994).has_value());                 // tmpfs
}

TEST(BadStore, AWriteAheadLogIsRefusedOnANetworkFileSystem) {
  EXPECT_THAT(error_of([] { refuse_write_ahead_log_on("NFS", "/far/s.db"); }),
              HasSubstr("/far/s.db: lies on NFS, a network file system, where a write-ahead log is "
                        "not safe; use `--journal delete`"));
  refuse_write_ahead_log_on(std::nullopt, "/near/s.db");
}

TEST(BadStore, TheOldJournalIsKeptAndCanBeChanged) {
  const TemporaryFolder folder;
  const auto journal = [](const Store& store) {
    return store.database().execAndGet("PRAGMA journal_mode").getString();
  };
  {
    auto store = Store::open(folder / "s.db", {.journal = Journal::Delete});
    EXPECT_EQ(journal(store), "delete");
    complete_run(store, 3);
  }
  EXPECT_EQ(journal(Store::open(folder / "s.db")), "delete");
  EXPECT_EQ(journal(Store::open(folder / "s.db", {.journal = Journal::Wal})), "wal");
  EXPECT_EQ(journal(Store::open(folder / "s.db")), "wal");
}

}  // namespace
}  // namespace hylo::reports
