// Manifests: what a data set is, where it comes from, which files it has and what their bytes must
// be.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace hylo::datasets {

/// How the bytes of a file become documents.
enum class Format {
  JsonLines,      ///< one object a line
  HellaswagText,  ///< six lines an item: "activity_label: ctx", the gold index, four endings
  WikitextPages,  ///< raw WikiText, cut into pages at level-1 headings; one field, page
  WholeText,      ///< the file is one document; one field, text
};

/// Where relative paths begin.
enum class Place {
  DataRoot,  ///< the folder that the caller names (--data or HYLO_DATA)
  Shipped,   ///< files that come with hylo
};

struct ManifestFile {
  std::string path;  ///< relative to the place
  std::string split;
  Format format = Format::JsonLines;
  int64_t bytes = 0;
  std::optional<std::string> sha256;  ///< 64 lower-case digits; absent where nobody could verify it
};

struct Manifest {
  std::string name;
  std::string source;
  std::string licence;
  std::string attribution;
  std::string notes;
  Place place = Place::DataRoot;
  std::vector<std::string> fields;  ///< that every document has
  std::vector<ManifestFile> files;  ///< one per split; of whole texts, as many as it has

  /// Those of a split, in their order. Throws Error, naming the splits there are, when it has none
  /// of that name.
  [[nodiscard]] std::vector<ManifestFile> files_of(std::string_view split) const;
};

/// Throws Error with the path of the key for what is missing, misspelt or of the wrong type.
Manifest read_manifest(const std::filesystem::path& file);

/// All manifests that hylo ships (datasets/manifests), by name.
std::vector<Manifest> shipped_manifests();

/// Throws Error with the nearest name when there is no such manifest.
Manifest find_manifest(std::string_view name);

/// Where a file of the manifest lies. Throws Error when `data_root` is needed and empty.
std::filesystem::path location_of(const Manifest& manifest, const ManifestFile& file,
                                  const std::filesystem::path& data_root);

}  // namespace hylo::datasets
