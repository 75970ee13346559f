// Manifests: what a data set is, where it comes from, which files it has and what their bytes must
// be.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "datasets/field_type.h"

namespace hylo::datasets {

/// How the bytes of a file become documents.
enum class Format {
  JsonLines,      ///< one object a line
  HellaswagText,  ///< six lines an item: "activity_label: ctx", the gold index, four endings
  WikitextPages,  ///< raw WikiText, cut into pages at level-1 headings; one field, page
  Csv,            ///< RFC 4180 with a header line that names the fields; every value is a text
  OpenbookqaTsv,  ///< OpenBookQA's own table; fields question_stem, choices, gold
  WholeText,      ///< the file is one document; one field, text
};

/// Where relative paths begin.
enum class Place {
  DataRoot,  ///< the folder that the caller names (--data or HYLO_DATA)
  Shipped,   ///< files that come with hylo
  Beside,    ///< the folder of the file that describes the data set
};

/// Where the published files are: a data set of the Hugging Face hub.
struct HubPlace {
  std::string repository;               ///< owner/name
  std::string config;                   ///< empty: the only one
  std::optional<std::string> revision;  ///< absent where nobody could fix one
};

struct ManifestFile {
  std::string path;  ///< relative to the place
  std::string split;
  Format format = Format::JsonLines;
  int64_t bytes = 0;                  ///< 0 where nobody could count them
  std::optional<std::string> sha256;  ///< 64 lower-case digits; absent where nobody could verify it
  std::string hub_config;             ///< where it is not that of the whole data set
  std::string hub_split;              ///< its name on the hub; empty where that is not known
  /// Not empty: another form of the split, read where the published file is absent, and what is
  /// different about it.
  std::string stands_in;
};

struct ManifestField {
  std::string name;
  FieldType type = FieldType::Text;
};

struct Manifest {
  std::string name;
  std::string source;
  std::string licence;
  std::string attribution;
  std::string notes;
  Place place = Place::DataRoot;
  std::filesystem::path folder;       ///< of Place::Beside
  std::optional<HubPlace> hub;        ///< absent: not on the hub, or not in a form of its own
  std::vector<ManifestField> fields;  ///< that every document has
  /// One per split, and perhaps one that stands in for it; of whole texts, as many as it has.
  std::vector<ManifestFile> files;

  /// Those of a split, in their order, one that stands in for the published file included. Throws
  /// Error, naming the splits there are, when it has none of that name.
  [[nodiscard]] std::vector<ManifestFile> files_of(std::string_view split) const;
};

/// The format of that name. Throws Error, beginning with `where`, that names all of them.
Format format_named(const std::string& name, const std::string& where);

/// `digits`. Throws Error, beginning with `where`, unless they are 64 lower-case hexadecimal ones.
std::string checked_sha256(std::string digits, const std::string& where);

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
