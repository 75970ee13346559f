// A split of a data set in memory: fixed documents whose bytes were verified.
#pragma once

#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "datasets/document.h"
#include "datasets/manifest.h"

namespace hylo::datasets {

struct Dataset {
  std::string name;  ///< of its manifest
  std::string split;
  std::filesystem::path file;  ///< of several, the folder that holds the first
  std::string sha256;  ///< of the bytes that were read; of several files, of their hashes in order
  /// The bytes are those of the manifest. False only where the caller allowed other bytes or the
  /// manifest has no hash; a run records it.
  bool is_verified = false;
  /// Where another form than the published file was read: which, in place of which, and what is
  /// different. A run records it.
  std::string stand_in;
  std::vector<Document> documents;
};

struct OpenOptions {
  bool allow_other_bytes = false;  ///< read a file whose hash is not the manifest's
  /// Hashes of data sets that were read before: where a split and one that stands in for it are
  /// both there, the one with such a hash is read; where neither has one, as without.
  std::vector<std::string> as_before = {};
};

/// Reads a split and verifies its SHA-256; where its file is absent and one that stands in for it
/// is there, that one (but see OpenOptions::as_before). Throws Error when the file is missing, its
/// bytes are not those of the manifest (expected, found, what to do), or a line is broken (file and
/// line).
Dataset open_dataset(const Manifest& manifest, std::string_view split,
                     const std::filesystem::path& data_root, const OpenOptions& options = {});
/// The same by the name of a shipped manifest.
Dataset open_dataset(std::string_view name, std::string_view split,
                     const std::filesystem::path& data_root, const OpenOptions& options = {});

/// Plain texts that nobody has hashed before: a document per file, in their order, with the fields
/// "file" (its name), "sha256" and `field` (the text). Throws Error for a file that is missing,
/// empty, not UTF-8 or named twice.
Dataset open_texts(std::span<const std::filesystem::path> files, const std::string& field);

enum class FileState { Found, Missing, OtherSize };

struct FoundFile {
  ManifestFile file;
  std::filesystem::path location;
  FileState state = FileState::Missing;
};
struct FoundDataset {
  Manifest manifest;
  std::vector<FoundFile> files;
  /// Found where its files are there, or the one that stands in for them. Throws Error for a split
  /// that the manifest does not have.
  [[nodiscard]] FileState state_of(std::string_view split) const;
  /// The file that would be read in place of the published one of a split; nothing where that is
  /// there, or neither.
  [[nodiscard]] const ManifestFile* stand_in_of(std::string_view split) const;
  [[nodiscard]] bool is_complete() const;  ///< every split was found
};

/// Looks for the files of a manifest; compares sizes, hashes nothing. With an empty root only what
/// hylo ships is found.
FoundDataset find_dataset(Manifest manifest, const std::filesystem::path& data_root);
/// The same for every shipped manifest.
std::vector<FoundDataset> find_datasets(const std::filesystem::path& data_root);

}  // namespace hylo::datasets
