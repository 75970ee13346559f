#include "harness/system/model_source.h"

#include "models/config/catalog.h"

namespace hylo::harness {

bool is_synthetic(const std::filesystem::path& model) {
  return model.string().starts_with(models::synthetic_prefix);
}

models::Checkpoint open_model(const std::filesystem::path& model, models::NumberType type) {
  if (!is_synthetic(model)) return models::open_checkpoint(model, {.type = type});
  return models::synthetic_checkpoint(model.string().substr(models::synthetic_prefix.size()), type);
}

std::string name_of(const std::filesystem::path& model) {
  const auto place = std::filesystem::absolute(model).lexically_normal();
  return place.has_filename() ? place.filename() : place.parent_path().filename();
}

std::string place_of(const std::filesystem::path& model) {
  return is_synthetic(model) ? model.string() : std::filesystem::absolute(model).string();
}

}  // namespace hylo::harness
