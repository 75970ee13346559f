#include "harness/base/files.h"

#include <gmock/gmock.h>
#include <sys/resource.h>
#include <unistd.h>

#include <csignal>
#include <fstream>

#include "tests/support/test_data.h"

namespace hylo::tests {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

/// No file may grow past `bytes` while this lives: writing then fails as on a full disk.
class FileSizeLimit {
 public:
  explicit FileSizeLimit(rlim_t bytes) : handler_(std::signal(SIGXFSZ, SIG_IGN)) {
    getrlimit(RLIMIT_FSIZE, &before_);
    const rlimit limit{.rlim_cur = bytes, .rlim_max = before_.rlim_max};
    setrlimit(RLIMIT_FSIZE, &limit);
  }
  ~FileSizeLimit() {
    setrlimit(RLIMIT_FSIZE, &before_);
    std::signal(SIGXFSZ, handler_);
  }
  FileSizeLimit(const FileSizeLimit&) = delete;
  FileSizeLimit& operator=(const FileSizeLimit&) = delete;

 private:
  rlimit before_{};
  void (*handler_)(int);
};

/// The variable has this value while the object lives.
class EnvironmentVariable {
 public:
  EnvironmentVariable(const char* name, const std::string& value)
      : name_(name), before_(environment(name)) {
    ::setenv(name, value.c_str(), 1);
  }
  ~EnvironmentVariable() {
    before_.empty() ? ::unsetenv(name_) : ::setenv(name_, before_.c_str(), 1);
  }
  EnvironmentVariable(const EnvironmentVariable&) = delete;
  EnvironmentVariable& operator=(const EnvironmentVariable&) = delete;

 private:
  const char* name_;
  std::string before_;
};

std::vector<std::string> names_in(const std::filesystem::path& folder) {
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    names.push_back(entry.path().filename());
  }
  return names;
}

TEST(Files, WhatWasWrittenIsReadBackByteForByte) {
  const TemporaryFolder folder;
  const std::string bytes("a\r\n\0\xFF", 5);
  write_text_file(folder / "f", bytes);
  EXPECT_EQ(read_text_file(folder / "f"), bytes);
  write_text_file(folder / "f", "");
  EXPECT_EQ(read_text_file(folder / "f"), "");
  EXPECT_THAT(names_in(folder.path()), ElementsAre("f"));
}

TEST(Files, WhatCannotBeReadIsNamedWithTheReason) {
  const TemporaryFolder folder;
  EXPECT_THAT(error_of([&] { read_text_file(folder / "absent"); }),
              AllOf(HasSubstr("absent: cannot be read"), HasSubstr("No such file")));
  EXPECT_THAT(error_of([&] { read_text_file(folder.path()); }), HasSubstr("is a folder"));
}

TEST(Files, AFullDiskLeavesTheOldFileAndNoDraft) {
  const TemporaryFolder folder;
  write_text_file(folder / "f", "old");
  {
    const FileSizeLimit limit(1000);
    EXPECT_THAT(error_of([&] { write_text_file(folder / "f", std::string(100'000, 'x')); }),
                AllOf(HasSubstr("f: cannot be written"), HasSubstr("nothing was changed")));
  }
  EXPECT_EQ(read_text_file(folder / "f"), "old");
  EXPECT_THAT(names_in(folder.path()), ElementsAre("f"));
}

TEST(Files, AFolderInTheWayOrAMissingFolderIsAnErrorWithoutTraces) {
  const TemporaryFolder folder;
  std::filesystem::create_directories(folder / "taken" / "inner");
  EXPECT_THAT(error_of([&] { write_text_file(folder / "taken", "x"); }), HasSubstr("taken"));
  EXPECT_THAT(error_of([&] { write_text_file(folder / "none" / "f", "x"); }), HasSubstr("none/f"));
  EXPECT_THAT(names_in(folder.path()), ElementsAre("taken"));
}

TEST(Files, LinesHaveNoLineFeedAndNoEmptyLastOne) {
  EXPECT_THAT(lines_of(""), IsEmpty());
  EXPECT_THAT(lines_of("a"), ElementsAre("a"));
  EXPECT_THAT(lines_of("a\n"), ElementsAre("a"));
  EXPECT_THAT(lines_of("a\n\nb\r\n"), ElementsAre("a", "", "b\r"));
  EXPECT_THAT(lines_of("\n"), ElementsAre(""));
}

TEST(Files, ShippedFilesComeFromTheNamedFolderBeforeTheSourceTree) {
  const TemporaryFolder folder;
  EXPECT_TRUE(std::filesystem::exists(shipped_file("harness/base")));
  std::filesystem::create_directories(folder / "harness" / "base");
  const EnvironmentVariable share("HYLO_SHARE", folder.path());
  EXPECT_EQ(shipped_file("harness/base"), folder / "harness" / "base");
  EXPECT_TRUE(std::filesystem::exists(shipped_file("harness/hylo")));
}

TEST(Files, AShippedFileThatIsNowhereIsNamedWithThePlacesTried) {
  const EnvironmentVariable share("HYLO_SHARE", "/nowhere");
  EXPECT_THAT(error_of([] { shipped_file("datasets/no_such"); }),
              AllOf(HasSubstr("datasets/no_such: not found"), HasSubstr(" /nowhere "),
                    HasSubstr("HYLO_SHARE")));
}

TEST(Files, AnUnsetVariableIsEmpty) {
  EXPECT_EQ(environment("HYLO_NOBODY_SETS_THIS"), "");
  const EnvironmentVariable set("HYLO_NOBODY_SETS_THIS", "x");
  EXPECT_EQ(environment("HYLO_NOBODY_SETS_THIS"), "x");
}

}  // namespace
}  // namespace hylo::tests
