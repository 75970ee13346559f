#include "datasets/dataset.h"

#include <algorithm>
#include <set>
#include <utility>

#include "datasets/formats.h"
#include "harness/base/files.h"
#include "harness/base/hash.h"

namespace hylo::datasets {
namespace {

std::string read_bytes(const Manifest& manifest, const std::filesystem::path& file) {
  std::error_code absent;
  const bool is_there = std::filesystem::is_regular_file(file, absent);
  require(is_there || manifest.place != Place::Beside,
          "data set {}: expected {}, found no such file; {} names it, relative to its own folder",
          manifest.name, file.string(), manifest.source);
  require(is_there,
          "data set {}: expected {}, found no such file; get it from {} or name another folder "
          "with --data or HYLO_DATA",
          manifest.name, file.string(), manifest.source);
  return read_text_file(file);
}

/// A task file of a user tells no size.
std::string expected_bytes(const ManifestFile& file) {
  const auto sha256 = fmt::format("sha256 {}", *file.sha256);
  return file.bytes > 0 ? fmt::format("{} bytes with {}", file.bytes, sha256) : sha256;
}

bool is_verified(const Manifest& manifest, const ManifestFile& expected, const Dataset& dataset,
                 size_t num_bytes, const OpenOptions& options) {
  if (!expected.sha256) return false;
  const bool same = dataset.sha256 == *expected.sha256;
  const auto remedy = manifest.place == Place::Beside
                          ? fmt::format("mend its sha256 in {}", manifest.source)
                          : fmt::format("get the file of the manifest of {} again", manifest.name);
  require(same || options.allow_other_bytes,
          "{}: expected {}, found {} bytes with sha256 {}; {}, or allow other bytes explicitly "
          "(results are then not comparable)",
          dataset.file.string(), expected_bytes(expected), num_bytes, dataset.sha256, remedy);
  return same;
}

void check_fields(const Manifest& manifest, const Dataset& dataset) {
  for (const auto& document : dataset.documents) {
    for (const auto& [name, type] : manifest.fields) {
      require(document.fields.contains(name), "{}: document {} has no field '{}'", document.where,
              document.index, name);
      const Json& value = document.fields[name];
      require(is_of_type(value, type), "{}: document {}: field '{}': expected {}, found {}",
              document.where, document.index, name, words_for(type), words_for(value));
    }
  }
}

Dataset open_file(const Manifest& manifest, const ManifestFile& expected,
                  const std::filesystem::path& data_root, const OpenOptions& options) {
  Dataset dataset{.name = manifest.name,
                  .split = expected.split,
                  .file = location_of(manifest, expected, data_root),
                  .sha256 = {},
                  .is_verified = false,
                  .stand_in = {},
                  .documents = {}};
  const std::string bytes = read_bytes(manifest, dataset.file);
  dataset.sha256 = sha256_hex(bytes);
  dataset.is_verified = is_verified(manifest, expected, dataset, bytes.size(), options);
  dataset.documents = parse_documents(expected.format, bytes, dataset.file.string());
  require(!dataset.documents.empty(), "{}: expected documents, found none", dataset.file.string());
  check_fields(manifest, dataset);
  return dataset;
}

/// The documents of all parts, numbered through.
Dataset joined(std::vector<Dataset> parts) {
  Dataset all{.name = parts.front().name,
              .split = parts.front().split,
              .file = parts.front().file.parent_path(),
              .sha256 = {},
              .is_verified = true,
              .stand_in = {},
              .documents = {}};
  Sha256 hash;
  for (auto& part : parts) {
    hash.update(part.sha256).update("\n");
    all.is_verified = all.is_verified && part.is_verified;
    for (auto& document : part.documents) {
      document.index = std::ssize(all.documents);
      all.documents.push_back(std::move(document));
    }
  }
  all.sha256 = hash.hex();
  return all;
}

FoundFile find_file(const Manifest& manifest, const ManifestFile& file,
                    const std::filesystem::path& data_root) {
  if (manifest.place == Place::DataRoot && data_root.empty()) return {file, {}, FileState::Missing};
  FoundFile found{file, location_of(manifest, file, data_root), FileState::Missing};
  std::error_code absent;
  const auto size = std::filesystem::file_size(found.location, absent);
  if (!absent) {
    const bool is_same = static_cast<int64_t>(size) == file.bytes || !file.sha256;
    found.state = is_same ? FileState::Found : FileState::OtherSize;
  }
  return found;
}

std::vector<ManifestFile> published_files(const Manifest& manifest, std::string_view split) {
  auto files = manifest.files_of(split);
  std::erase_if(files, [](const ManifestFile& file) { return !file.stands_in.empty(); });
  return files;
}

std::vector<ManifestFile> stand_ins_of(const Manifest& manifest, std::string_view split) {
  auto files = manifest.files_of(split);
  std::erase_if(files, [](const ManifestFile& file) { return file.stands_in.empty(); });
  return files;
}

/// As Dataset::sha256.
std::string hash_of(const Manifest& manifest, const std::vector<ManifestFile>& files,
                    const std::filesystem::path& data_root) {
  if (files.size() == 1) return sha256_of_file(location_of(manifest, files.front(), data_root));
  Sha256 hash;
  for (const auto& file : files) {
    hash.update(sha256_of_file(location_of(manifest, file, data_root))).update("\n");
  }
  return hash.hex();
}

/// The one that is read in place of the published files: where none of these is there, or where it
/// is the one that was read before.
std::optional<ManifestFile> stand_in_of(const Manifest& manifest, std::string_view split,
                                        const std::filesystem::path& data_root,
                                        const std::vector<std::string>& as_before) {
  const auto is_there = [&](const ManifestFile& file) {
    return find_file(manifest, file, data_root).state != FileState::Missing;
  };
  const auto was_read = [&](const std::vector<ManifestFile>& files) {
    return std::ranges::all_of(files, is_there) &&
           std::ranges::count(as_before, hash_of(manifest, files, data_root)) > 0;
  };
  auto stand_ins = stand_ins_of(manifest, split);
  std::erase_if(stand_ins, [&](const ManifestFile& file) { return !is_there(file); });
  // Most data sets have none: then nothing has to be hashed to tell.
  if (stand_ins.empty()) return std::nullopt;
  const auto published = published_files(manifest, split);
  if (std::ranges::none_of(published, is_there)) return stand_ins.front();
  if (as_before.empty() || was_read(published)) return std::nullopt;
  const auto found =
      std::ranges::find_if(stand_ins, [&](const ManifestFile& file) { return was_read({file}); });
  return found == stand_ins.end() ? std::nullopt : std::optional(*found);
}

}  // namespace

Dataset open_dataset(const Manifest& manifest, std::string_view split,
                     const std::filesystem::path& data_root, const OpenOptions& options) {
  const auto published = published_files(manifest, split);
  if (const auto file = stand_in_of(manifest, split, data_root, options.as_before)) {
    auto dataset = open_file(manifest, *file, data_root, options);
    const auto& place = published.front();
    const bool is_absent = find_file(manifest, place, data_root).state == FileState::Missing;
    dataset.stand_in = fmt::format("{} was read in place of {}{}: {}", file->path, place.path,
                                   is_absent ? ", which is not there" : "", file->stands_in);
    return dataset;
  }
  std::vector<Dataset> parts;
  for (const auto& file : published) {
    parts.push_back(open_file(manifest, file, data_root, options));
  }
  return parts.size() == 1 ? std::move(parts.front()) : joined(std::move(parts));
}

Dataset open_texts(std::span<const std::filesystem::path> files, const std::string& field) {
  std::vector<Dataset> parts;
  std::set<std::filesystem::path> seen;
  for (const auto& file : files) {
    require(std::filesystem::is_regular_file(file), "{}: expected a file of plain text, found none",
            file.string());
    require(seen.insert(std::filesystem::canonical(file)).second, "{}: this text is named twice",
            file.string());
    const auto bytes = read_text_file(file);
    auto text = parse_documents(Format::WholeText, bytes, file.string()).front().fields.at("text");
    const auto sha256 = sha256_hex(bytes);
    Json fields = {{"file", file.filename().string()}, {"sha256", sha256}};
    fields[field] = std::move(text);
    parts.push_back({.name = "text",
                     .split = "text",
                     .file = file,
                     .sha256 = sha256,
                     .documents = {{0, std::move(fields)}}});
  }
  invariant(!parts.empty(), "no texts are named");
  return joined(std::move(parts));
}

Dataset open_dataset(std::string_view name, std::string_view split,
                     const std::filesystem::path& data_root, const OpenOptions& options) {
  return open_dataset(find_manifest(name), split, data_root, options);
}

FileState FoundDataset::state_of(std::string_view split) const {
  static_cast<void>(manifest.files_of(split));  // throws
  auto published = FileState::Found;
  auto stand_in = FileState::Missing;
  for (const auto& [file, location, state] : files) {
    if (file.split != split) continue;
    if (!file.stands_in.empty()) {
      stand_in = state;
    } else if (published == FileState::Found || state == FileState::Missing) {
      published = state;
    }
  }
  return published == FileState::Missing ? stand_in : published;
}

const ManifestFile* FoundDataset::stand_in_of(std::string_view split) const {
  const ManifestFile* stand_in = nullptr;
  for (const auto& found : files) {
    if (found.file.split != split || found.state == FileState::Missing) continue;
    if (found.file.stands_in.empty()) return nullptr;
    if (stand_in == nullptr) stand_in = &found.file;
  }
  return stand_in;
}

bool FoundDataset::is_complete() const {
  return std::ranges::all_of(files, [&](const FoundFile& found) {
    return state_of(found.file.split) == FileState::Found;
  });
}

FoundDataset find_dataset(Manifest manifest, const std::filesystem::path& data_root) {
  FoundDataset dataset{.manifest = std::move(manifest), .files = {}};
  for (const auto& file : dataset.manifest.files) {
    dataset.files.push_back(find_file(dataset.manifest, file, data_root));
  }
  return dataset;
}

std::vector<FoundDataset> find_datasets(const std::filesystem::path& data_root) {
  std::vector<FoundDataset> found;
  for (auto& manifest : shipped_manifests()) {
    found.push_back(find_dataset(std::move(manifest), data_root));
  }
  return found;
}

}  // namespace hylo::datasets
