#include "harness/system/companion_files.h"

#include <array>

#include "harness/base/error.h"

namespace hylo::harness {
namespace {

namespace fs = std::filesystem;

constexpr std::array companion_files{"tokenizer.json",
                                     "tokenizer.model",
                                     "tokenizer_config.json",
                                     "special_tokens_map.json",
                                     "added_tokens.json",
                                     "vocab.json",
                                     "merges.txt",
                                     "chat_template.jinja",
                                     "generation_config.json"};

}  // namespace

std::vector<std::string> copy_companion_files(const fs::path& from, const fs::path& to) {
  std::vector<std::string> copied;
  for (const auto* name : companion_files) {
    if (!fs::exists(from / name)) continue;
    std::error_code failure;
    fs::copy_file(from / name, to / name, failure);
    require(!failure, "{}: cannot be copied to {}: {}", (from / name).string(), to.string(),
            failure.message());
    copied.emplace_back(name);
  }
  return copied;
}

}  // namespace hylo::harness
