#include "datasets/manifest.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <set>
#include <utility>

#include "harness/base/files.h"
#include "harness/base/json.h"
#include "harness/base/unicode.h"

namespace hylo::datasets {
namespace {

constexpr std::array<std::pair<std::string_view, Format>, 6> format_names{{
    {"json_lines", Format::JsonLines},
    {"hellaswag_text", Format::HellaswagText},
    {"wikitext_pages", Format::WikitextPages},
    {"csv", Format::Csv},
    {"openbookqa_tsv", Format::OpenbookqaTsv},
    {"whole_text", Format::WholeText},
}};
constexpr std::array<std::pair<std::string_view, Place>, 2> place_names{{
    {"data_root", Place::DataRoot},
    {"shipped", Place::Shipped},
}};

template <class Table>
auto named(const Table& table, const std::string& word, const std::string& where) {
  std::vector<std::string_view> names;
  for (const auto& [name, value] : table) {
    if (name == word) return value;
    names.push_back(name);
  }
  fail("{}: expected one of {}, found '{}'", where, fmt::join(names, ", "), word);
}

bool is_sha256(std::string_view text) {
  return text.size() == 64 && text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

/// Only null says that no hash is known; leaving the key out is a mistake.
std::optional<std::string> read_sha256(JsonReader& reader, const Json& json) {
  require(json.contains("sha256"), "{}: missing; null if nobody could verify the file",
          reader.path_of("sha256"));
  if (json["sha256"].is_null()) {
    reader.ignore("sha256");
    return std::nullopt;
  }
  return checked_sha256(reader.get<std::string>("sha256"), reader.path_of("sha256"));
}

ManifestFile read_file_entry(const Json& json, const std::string& path) {
  JsonReader reader(json, path);
  ManifestFile file{
      .path = reader.get<std::string>("path"),
      .split = reader.get<std::string>("split"),
      .format = named(format_names, reader.get<std::string>("format"), reader.path_of("format")),
      .bytes = reader.get_or<int64_t>("bytes", 0),
      .sha256 = read_sha256(reader, json),
      .hub_config = reader.get_or<std::string>("hub_config", ""),
      .hub_split = reader.get_or<std::string>("hub_split", ""),
      .stands_in = reader.get_or<std::string>("stands_in", "")};
  reader.done();
  require(file.bytes >= 0, "{}: expected 0 or more, found {}", reader.path_of("bytes"), file.bytes);
  require(file.bytes > 0 || !file.sha256, "{}: missing; a file whose hash is known has a size",
          reader.path_of("bytes"));
  return file;
}

std::optional<HubPlace> read_hub(JsonReader& manifest) {
  if (!manifest.has("hub")) {
    manifest.ignore("hub");
    return std::nullopt;
  }
  const Json& json = manifest.at("hub");
  JsonReader reader(json, manifest.path_of("hub"));
  HubPlace hub{.repository = reader.get<std::string>("repository"),
               .config = reader.get_or<std::string>("config", ""),
               .revision = {}};
  const auto revision = reader.get_or<std::string>("revision", "");
  if (!revision.empty()) hub.revision = revision;
  reader.done();
  return hub;
}

std::vector<ManifestField> read_fields(JsonReader& manifest) {
  const Json& json = manifest.at("fields");
  JsonReader reader(json, manifest.path_of("fields"));
  std::vector<ManifestField> fields;
  for (const auto& [name, type] : json.items()) {
    fields.push_back({name, field_type_named(reader.get<std::string>(name), reader.path_of(name))});
  }
  return fields;
}

void check_splits(const Manifest& manifest, const std::string& where) {
  require(!manifest.files.empty(), "{}: files: expected at least one, found none", where);
  std::set<std::string> splits, stand_ins;
  for (const auto& file : manifest.files) {
    auto& others = file.stands_in.empty() ? splits : stand_ins;
    require(others.insert(file.split).second || file.format == Format::WholeText,
            "{}: files: two of split '{}'; a split is one file, unless its files are whole_text",
            where, file.split);
  }
  for (const auto& split : stand_ins) {
    require(splits.contains(split), "{}: files: of split '{}' only one that stands in for it",
            where, split);
  }
}

/// In order of their names.
std::vector<std::filesystem::path> manifest_files() {
  std::vector<std::filesystem::path> files;
  for (const auto& entry :
       std::filesystem::directory_iterator(shipped_file("datasets/manifests"))) {
    if (entry.path().extension() == ".json") files.push_back(entry.path());
  }
  std::ranges::sort(files);
  return files;
}

}  // namespace

std::vector<ManifestFile> Manifest::files_of(std::string_view split) const {
  std::vector<ManifestFile> found;
  std::set<std::string> splits;
  for (const auto& file : files) {
    if (file.split == split) found.push_back(file);
    splits.insert(file.split);
  }
  require(!found.empty(), "data set {}: has no split '{}'; it has {}", name, split,
          fmt::join(splits, ", "));
  return found;
}

Format format_named(const std::string& name, const std::string& where) {
  return named(format_names, name, where);
}

std::string checked_sha256(std::string digits, const std::string& where) {
  require(is_sha256(digits), "{}: expected 64 lower-case hexadecimal digits, found '{}'", where,
          digits);
  return digits;
}

Manifest read_manifest(const std::filesystem::path& file) {
  const Json json = read_json_file(file);
  JsonReader reader(json, file.string());
  Manifest manifest{
      .name = reader.get<std::string>("name"),
      .source = reader.get<std::string>("source"),
      .licence = reader.get<std::string>("licence"),
      .attribution = reader.get<std::string>("attribution"),
      .notes = reader.get_or<std::string>("notes", ""),
      .place = named(place_names, reader.get<std::string>("place"), reader.path_of("place")),
      .folder = {},
      .hub = read_hub(reader),
      .fields = read_fields(reader),
      .files = {}};
  const Json& files = reader.at("files");
  require(files.is_array(), "{}: expected an array, found {}", reader.path_of("files"),
          files.type_name());
  for (size_t i = 0; i < files.size(); ++i) {
    manifest.files.push_back(
        read_file_entry(files[i], fmt::format("{}[{}]", reader.path_of("files"), i)));
  }
  reader.done();
  check_splits(manifest, file.string());
  return manifest;
}

std::vector<Manifest> shipped_manifests() {
  std::vector<Manifest> manifests;
  for (const auto& file : manifest_files()) manifests.push_back(read_manifest(file));
  return manifests;
}

Manifest find_manifest(std::string_view name) {
  std::vector<std::string> names;
  // A manifest bears the name of its file: one is read, not all.
  for (const auto& file : manifest_files()) {
    names.push_back(file.stem().string());
    if (names.back() == name) return read_manifest(file);
  }
  const auto near = nearest(name, names);
  fail("data set '{}': unknown;{} `hylo list datasets` shows all", name,
       near ? fmt::format(" did you mean {}?", *near) : "");
}

std::filesystem::path location_of(const Manifest& manifest, const ManifestFile& file,
                                  const std::filesystem::path& data_root) {
  if (manifest.place == Place::Shipped) return shipped_file(file.path);
  if (manifest.place == Place::Beside) return manifest.folder / file.path;
  require(!data_root.empty(),
          "data set {}: needs the folder that holds {}; name it with --data or HYLO_DATA",
          manifest.name, file.path);
  return data_root / file.path;
}

}  // namespace hylo::datasets
