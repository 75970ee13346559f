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

std::string place_of(const std::filesystem::path& model) {
  return is_synthetic(model) ? model.string() : std::filesystem::absolute(model).string();
}

}  // namespace hylo::harness
