// In which form a checkpoint folder is written, and where its weights come from.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "models/config/model_config.h"

namespace hylo::models {

enum class CheckpointFormat {
  Published,  ///< as others read it: Llama, Mistral, Qwen2, Qwen3, Granite, and HyLo's two files
  Own,        ///< any network; tensors have the project's own names
};

/// Published for the families that can be written so, the project's own for all others.
CheckpointFormat natural_format(Family family);

/// Where weights come from; empty or absent is unknown.
struct Provenance {
  std::string teacher;         ///< name or folder
  std::string teacher_sha256;  ///< of its weights
  std::string recipe;
  std::string commit;
  std::optional<uint64_t> seed;
  bool operator==(const Provenance&) const = default;
};

}  // namespace hylo::models
