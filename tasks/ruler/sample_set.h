// Samples of one task and length as a file that never changes: JSON lines, a header first, named by
// a hash of all that is in it.
#pragma once

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "harness/base/hash.h"
#include "harness/base/json.h"
#include "tasks/ruler/sample.h"
#include "tasks/ruler/sources.h"

namespace hylo::tasks::ruler {

std::string_view name_of(Mode mode);
/// Throws Error unless the name is "compat" or "strict".
Mode mode_of(std::string_view name);

struct TokenizerLabel {
  std::string name;    ///< for people: the folder or file it was read from
  std::string sha256;  ///< TokenizerInfo::sha256
};

/// What a set is built from: equal descriptions give equal sets.
struct SampleSetDescription {
  std::string task;
  Mode mode = Mode::Strict;
  int64_t length = 0;
  uint64_t seed = 42;
  int64_t num_samples = 0;
  TokenizerLabel tokenizer;
  OrderedJson sources = OrderedJson::object();  ///< those that the task draws from
  std::string generator;                        ///< revision of what drew the samples
};

/// The sources that a task draws from, of all those that are there.
OrderedJson sources_of_task(const RulerSpec& spec, const Sources& sources, Mode mode);
std::string_view generator_of(Mode mode);

struct SampleSetHeader {
  SampleSetDescription description;
  int64_t total_tokens = 0;  ///< of all prompts
  int64_t least_tokens = 0;  ///< of the shortest prompt
  std::string body_sha256;   ///< of all bytes behind the header's line
  std::string sha256;  ///< of the header without this key and the tokenizer's name: its address
};

/// "vt-4096-strict-0123456789ab.jsonl".
std::string file_name(const SampleSetHeader& header);

/// Writes samples as they come: into a neighbour, renamed at the end.
class SampleSetWriter {
 public:
  /// Makes the folder where it is not there. Throws Error where it cannot be written.
  SampleSetWriter(const std::filesystem::path& folder, SampleSetDescription description);
  ~SampleSetWriter();  ///< removes what was not finished
  SampleSetWriter(const SampleSetWriter&) = delete;
  SampleSetWriter& operator=(const SampleSetWriter&) = delete;

  void add(const Sample& sample);
  /// Gives the file its name. Throws Error for another number of samples than described, a full
  /// disk, or a file of this name with other bytes.
  std::filesystem::path finish();

 private:
  void write(std::string_view text);

  std::filesystem::path folder_, draft_;
  SampleSetHeader header_;
  std::ofstream out_;
  Sha256 body_;
  size_t header_bytes_ = 0;
  int64_t num_added_ = 0;
};

/// Reads a header alone. Throws Error for a file that is none of ours or whose header was edited.
SampleSetHeader read_header(const std::filesystem::path& file);

/// Reads a whole set, sample after sample. Throws Error where the bytes are not those of its header
/// (expected and found), where it is cut off, and for a sample whose own hash differs (file, line
/// and number). What was told before an error is not to be trusted.
SampleSetHeader read_sample_set(const std::filesystem::path& file, const OnSample& on_sample);

/// Samples of a set one by one and again, so that nobody has to hold them all.
class SampleReader {
 public:
  /// Reads the whole set as read_sample_set does.
  SampleReader(std::filesystem::path file, const OnSample& on_sample);

  [[nodiscard]] const SampleSetHeader& header() const { return header_; }
  /// Throws Error where its line is not the one that was read before.
  [[nodiscard]] Sample read(int64_t index) const;

 private:
  struct Line {
    std::streamoff begin = 0;
    std::string sha256;
  };
  std::filesystem::path file_;
  SampleSetHeader header_;
  std::vector<Line> lines_;
};

/// Reads everything and keeps nothing.
SampleSetHeader verify_sample_set(const std::filesystem::path& file);

/// The files in a folder that are named like sets, by name; none where there is no folder. Throws
/// Error where it cannot be read.
std::vector<std::filesystem::path> sample_set_files(const std::filesystem::path& folder);

/// The set of this description in a folder, verified; nothing where it is not there.
std::optional<std::filesystem::path> find_sample_set(const std::filesystem::path& folder,
                                                     const SampleSetDescription& description);

OrderedJson json_of(const SampleSetDescription& description);
OrderedJson json_of(const Sample& sample, int64_t index);

}  // namespace hylo::tasks::ruler
