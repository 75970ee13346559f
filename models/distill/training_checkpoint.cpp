#include "models/distill/training_checkpoint.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <system_error>

#include "harness/base/error.h"
#include "models/weights/checkpoint.h"
#include "models/weights/safetensors.h"

namespace hylo::models {
namespace {

namespace fs = std::filesystem;

constexpr const char* state_name = "training.json";
constexpr const char* optimizer_name = "optimizer.safetensors";
constexpr const char* reference_name = "reference.safetensors";
constexpr const char* unfinished = ".part";
constexpr size_t num_kept = 2;
constexpr int64_t version = 1;

void write_into(const fs::path& folder, const TrainingCheckpoint& state, const ModelConfig& config,
                const ModelWeights& weights, const Provenance& provenance) {
  write_checkpoint(folder, config, weights,
                   {.format = CheckpointFormat::Own, .provenance = provenance});
  if (!state.optimizer.empty()) write_safetensors(folder / optimizer_name, state.optimizer);
  if (!state.reference.empty()) write_safetensors(folder / reference_name, state.reference);
  OrderedJson json{{"version", version},
                   {"weights_sha256", hash_weights(open_checkpoint(folder))},
                   {"stage", state.place.stage},
                   {"next_step", state.place.next_step},
                   {"stream_position", state.stream_position},
                   {"plan", state.plan}};
  if (state.spent) json["spent"] = spent_json(*state.spent);
  write_json_file(folder / state_name, json);
}

/// Checkpoints of before there were hashes have none.
void check_weights(const fs::path& checkpoint, const std::string& sha256) {
  if (sha256.empty()) return;
  require(hash_weights(open_checkpoint(checkpoint)) == sha256,
          "{}: the weights are not those that the training wrote (their hash is not {}'s)",
          checkpoint.string(), state_name);
}

/// In order of training: stage and step are written with leading zeros.
std::string name_of(const TrainingPlace& place) {
  return fmt::format("stage-{:04}-step-{:012}", place.stage, place.next_step);
}

/// Nothing where there is no such file.
NamedTensors read_tensors(const fs::path& file) {
  if (!fs::exists(file)) return {};
  const SafetensorsFile stored(file);
  NamedTensors tensors;
  for (const auto& [name, entry] : stored.entries()) {
    tensors.emplace_back(name, stored.tensor(name));
  }
  return tensors;
}

/// What a folder holds stays so when the power fails.
void sync(const fs::path& folder) {
  const int descriptor = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY);
  require(descriptor >= 0, "{}: cannot be opened: {}", folder.string(), std::strerror(errno));
  (void)::fsync(descriptor);  // Some file systems know none for folders.
  ::close(descriptor);
}

/// Never a folder that lost some of its files and still looks whole.
void remove_checkpoint(const fs::path& checkpoint) {
  std::error_code ignored;
  const auto part = fs::path(checkpoint.string() + unfinished);
  fs::remove_all(part, ignored);
  fs::rename(checkpoint, part, ignored);
  fs::remove_all(part, ignored);
}

TrainingCheckpoint read_whole(const fs::path& checkpoint) {
  const auto file = checkpoint / state_name;
  const auto json = read_json_file(file);
  JsonReader reader(json, file.string());
  const auto written = reader.get<int64_t>("version");
  require(written == version, "{}: version {}, this hylo reads {}", file.string(), written,
          version);
  TrainingCheckpoint state{
      .place = {reader.get<int64_t>("stage"), reader.get<int64_t>("next_step")},
      .plan = reader.at("plan"),
      .stream_position = reader.get_or<Json>("stream_position", nullptr)};
  check_weights(checkpoint, reader.get_or<std::string>("weights_sha256", ""));
  if (reader.has("spent")) state.spent = read_spent(reader.at("spent"), reader.path_of("spent"));
  reader.done();
  state.optimizer = read_tensors(checkpoint / optimizer_name);
  state.reference = read_tensors(checkpoint / reference_name);
  return state;
}

}  // namespace

fs::path TrainingCheckpoints::write(const TrainingCheckpoint& state, const ModelConfig& config,
                                    const ModelWeights& weights,
                                    const Provenance& provenance) const {
  const auto folder = folder_ / name_of(state.place);
  const auto part = fs::path(folder.string() + unfinished);
  std::error_code ignored;
  fs::remove_all(part, ignored);
  try {
    write_into(part, state, config, weights, provenance);
    sync(part);
    // One of the same place goes under a name that is not taken for whole.
    const auto before = fs::path(folder.string() + ".before" + unfinished);
    fs::remove_all(before);
    if (fs::exists(folder)) fs::rename(folder, before);
    fs::rename(part, folder);
    sync(folder_);
    fs::remove_all(before, ignored);
  } catch (const fs::filesystem_error& error) {
    fs::remove_all(part, ignored);
    fail("{}: cannot be written: {}", folder.string(), error.code().message());
  } catch (...) {
    fs::remove_all(part, ignored);
    throw;
  }
  remove_old();
  return folder;
}

/// Those that newer ones supersede, and what killed runs left unfinished: only one training at a
/// time writes here.
void TrainingCheckpoints::remove_old() const {
  auto old = all();
  old.resize(old.size() - std::min(old.size(), num_kept));
  for (const auto& superseded : old) remove_checkpoint(superseded);
  std::vector<fs::path> parts;
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator(folder_, ignored)) {
    const auto name = entry.path().filename().string();
    if (name.starts_with("stage-") && name.ends_with(unfinished)) parts.push_back(entry.path());
  }
  for (const auto& part : parts) fs::remove_all(part, ignored);
}

std::vector<fs::path> TrainingCheckpoints::all() const {
  std::vector<fs::path> found;
  std::error_code absent;
  for (const auto& entry : fs::directory_iterator(folder_, absent)) {
    const auto name = entry.path().filename().string();
    if (name.starts_with("stage-") && !name.ends_with(unfinished) &&
        fs::exists(entry.path() / state_name)) {
      found.push_back(entry.path());
    }
  }
  std::ranges::sort(found);
  return found;
}

std::optional<fs::path> TrainingCheckpoints::newest() const {
  const auto found = all();
  return found.empty() ? std::nullopt : std::optional(found.back());
}

TrainingCheckpoint TrainingCheckpoints::read(const fs::path& checkpoint) {
  try {
    return read_whole(checkpoint);
  } catch (const Error& error) {
    fail(
        "{}; if it is damaged, remove {}: the same command then goes on from the checkpoint before "
        "it, or begins anew",
        error.what(), checkpoint.string());
  }
}

std::vector<std::string> differences(const Json& now, const Json& before, const std::string& path) {
  if (now == before) return {};
  const bool are_objects = now.is_object() && before.is_object();
  const bool are_lists = now.is_array() && before.is_array() && now.size() == before.size();
  if (!are_objects && !are_lists) {
    return {fmt::format("{}: {}, was {}", path, found_value(now), found_value(before))};
  }
  std::vector<std::string> lines;
  const auto append = [&](const std::vector<std::string>& more) {
    lines.insert(lines.end(), more.begin(), more.end());
  };
  if (are_lists) {
    for (size_t i = 0; i < now.size(); ++i) {
      append(differences(now[i], before[i], fmt::format("{}[{}]", path, i)));
    }
    return lines;
  }
  const auto below = [&](const std::string& key) { return path.empty() ? key : path + "." + key; };
  for (const auto& [key, value] : now.items()) {
    append(differences(value, before.value(key, Json()), below(key)));
  }
  for (const auto& [key, value] : before.items()) {
    if (!now.contains(key)) append(differences(Json(), value, below(key)));
  }
  return lines;
}

}  // namespace hylo::models
