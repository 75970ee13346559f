#include "models/weights/tensor_source.h"

#include <set>

#include "harness/base/json.h"

namespace hylo::models {

TensorSource::TensorSource(const std::filesystem::path& folder) {
  if (std::filesystem::exists(folder / weights_index_name)) {
    open_indexed(folder);
  } else {
    require(std::filesystem::exists(folder / weights_single_name),
            "{}: holds neither {} nor {}; pickled checkpoints (*.bin, *.pt) are not read",
            folder.string(), weights_single_name, weights_index_name);
    add_file(folder / weights_single_name);
  }
}

void TensorSource::add_file(const std::filesystem::path& file) {
  files_.emplace_back(file);
  for (const auto& [name, entry] : files_.back().entries()) {
    const auto [other, is_new] = file_of_.emplace(name, files_.size() - 1);
    require(is_new, "{}: tensor '{}' is also in {}", file.string(), name,
            files_[other->second].path().string());
  }
}

void TensorSource::open_indexed(const std::filesystem::path& folder) {
  const auto where = (folder / weights_index_name).string();
  const auto json = read_json_file(folder / weights_index_name);
  JsonReader reader(json, where);
  const auto map = reader.get<std::map<std::string, std::string>>("weight_map");
  std::set<std::string> names;
  for (const auto& [tensor, file] : map) {
    require(std::filesystem::path(file).filename() == file,
            "{}: '{}' is not the name of a neighbour", where, file);
    names.insert(file);
  }
  for (const auto& name : names) {
    require(std::filesystem::exists(folder / name),
            "{}: names {}, which is not there; download it again", where, name);
    add_file(folder / name);
  }
  for (const auto& [tensor, file] : map) {
    const auto found = file_of_.find(tensor);
    require(found != file_of_.end() && files_[found->second].path().filename() == file,
            "{}: says that '{}' is in {}, which does not have it", where, tensor, file);
  }
}

std::vector<std::string> TensorSource::names() const {
  std::vector<std::string> names;
  for (const auto& [name, file] : file_of_) names.push_back(name);
  return names;
}

}  // namespace hylo::models
